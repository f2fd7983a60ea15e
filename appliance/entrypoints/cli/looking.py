"""Commands that only look: pipelines, schedules, the fire ledger, revisions, the audit trail, versions."""

from __future__ import annotations

import platform

import click

from appliance import __version__
from appliance.entrypoints.cli import words
from appliance.entrypoints.cli.client import Json
from appliance.entrypoints.cli.door import Door, asking, complete_pipeline, pass_door
from appliance.entrypoints.cli.ends import Stop

VERSION_SECONDS = 2.0

limit_option = click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many.")
pipeline_option = click.option("--pipeline", metavar="ID", shell_complete=complete_pipeline, help="Of one pipeline.")


@click.command()
@asking
@pass_door
def pipelines(door: Door) -> None:
    """List the pipelines, each with its schedule, its last run and its next fire."""
    found = door.api().all("pipelines")
    heads = ("PIPELINE", "SOURCE", "TABLES", "SCHEDULE", "LAST RUN", "NEXT FIRE")
    empty = "No pipeline yet: write a hakiri.toml and `hakiri apply hakiri.toml`."
    door.answer({"items": found}, lambda: words.table(heads, map(_pipeline, found), empty=empty))


def _pipeline(one: Json) -> tuple[str, ...]:
    last = one.get("last_run")
    said = f"{last['state']}, {words.moment(last['due_at'])}" if last else "never"
    schedule = f"{one['schedule'] or 'when asked'}{_brake(one)}"
    return (
        one["id"],
        one["source"]["connector"],
        ", ".join(table["name"] for table in one["tables"]),
        schedule,
        said,
        words.moment(one.get("next_fire")),
    )


def _brake(one: Json) -> str:
    """Why the schedule makes no runs, if so."""
    if not one["served"]:
        return f", unplaced: nobody here serves {one['placement']}"
    return ", paused" if one["paused"] else ""


@click.command()
@asking
@pass_door
def schedules(door: Door) -> None:
    """List the armed schedules with their next five fires and their policies."""
    found = door.api().all("schedules")
    heads = ("PIPELINE", "SCHEDULE", "ZONE", "OVERLAP", "CATCH-UP", "NEXT FIRES")
    door.answer({"items": found}, lambda: words.table(heads, map(_schedule, found), empty="No schedule is armed."))


def _schedule(one: Json) -> tuple[str, ...]:
    fires = one["next_fires"]
    first = words.moment(fires[0]) if fires else "-"
    more = "".join(f", {words.clock(fire)}" for fire in fires[1:])
    text = f"{one['text']}{_brake(one)}"
    return one["pipeline"], text, one["timezone"], one["overlap"], one["catchup"], f"{first}{more}"


@click.command()
@pipeline_option
@limit_option
@asking
@pass_door
def fires(door: Door, pipeline: str | None, limit: int) -> None:
    """Show the fire ledger: what became of every moment a schedule was due, and why.

    A long gap is one row with a count. docs/schedules.md explains the reasons.
    """
    found = door.api().items("fires", {"pipeline": pipeline}, limit=limit)
    heads = ("DUE", "PIPELINE", "FIRES", "REASON", "RUN")
    door.answer({"items": found}, lambda: words.table(heads, map(_fire, found), empty="No fire was due yet."))


def _fire(one: Json) -> tuple[str, ...]:
    last = words.moment(one["last_due_at"])
    due = last if one["count"] == 1 else f"{words.moment(one['first_due_at']).partition(' (')[0]} to {last}"
    return due, one["pipeline"], words.count(one["count"]), one["reason"], one["run"] or "-"


@click.command()
@limit_option
@asking
@pass_door
def revisions(door: Door, limit: int) -> None:
    """List what was applied, newest first: who, when, and the digest of the canonical text."""
    found = door.api().items("config/revisions", limit=limit)
    rows = [
        (str(one["number"]), words.moment(one["applied_at"]), one["applied_by"], one["digest"][:12]) for one in found
    ]
    heads = ("REVISION", "APPLIED", "BY", "DIGEST")
    door.answer({"items": found}, lambda: words.table(heads, rows, empty="Nothing is applied yet."))


@click.command()
@limit_option
@asking
@pass_door
def audit(door: Door, limit: int) -> None:
    """Show who changed what, newest first. Needs the role operator."""
    found = door.api().items("audit", limit=limit)
    rows = [(words.moment(one["at"]), one["actor"], one["action"], one["subject"] or "-") for one in found]
    door.answer(
        {"items": found}, lambda: words.table(("WHEN", "WHO", "WHAT", "ON"), rows, empty="Nothing changed yet.")
    )


@click.command()
@asking
@pass_door
def version(door: Door) -> None:
    """Tell the version of this command and, if it answers, of the server. Always exit code 0."""
    try:
        server: Json | None = door.api(timeout=VERSION_SECONDS).get("version")
    except Stop as stop:
        server, why = None, stop.message
    else:
        why = ""
    value = {"client": __version__, "python": platform.python_version(), "server": server}
    said = f"server {server['version']} at {door.url}" if server else f"server unknown: {why}"
    door.answer(value, lambda: f"hakiri {__version__} (Python {platform.python_version()})\n{said}")
