"""Commands about runs: start one, watch them, read their logs, end them, try again."""

from __future__ import annotations

import time
import uuid

import click

from appliance.entrypoints.cli import words
from appliance.entrypoints.cli.client import Api, Json, part
from appliance.entrypoints.cli.door import Door, asking, complete_pipeline, pass_door
from appliance.entrypoints.cli.ends import Exit, Stop
from appliance.entrypoints.cli.looking import limit_option, pipeline_option
from appliance.entrypoints.cli.watching import FINAL, POLL_SECONDS, Watch, follow_logs, log_line, patient

STATES = ("pending", "running", "succeeded", "partial_failure", "failed", "cancelled")
HEADS = ("RUN", "STATE", "ROWS", "TOOK", "STARTED", "WHY NOT")

_run_id = click.argument("run_id", metavar="RUN")


@click.command(
    epilog="""\b
Examples:
  hakiri run orders
  hakiri run orders --wait && echo landed
  hakiri run orders --wait --timeout 600

\b
With --wait: exit code 0 if it succeeded, 1 if it failed, partly failed or was cancelled,
124 after --timeout; the run itself goes on then."""
)
@click.argument("pipeline", shell_complete=complete_pipeline)
@click.option("--wait", is_flag=True, help="Stay until the run is over, showing its progress.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Wait at most so long.")
@asking
@pass_door
def run(door: Door, pipeline: str, timeout: float | None, *, wait: bool) -> None:
    """Run a pipeline now, as it is applied, whatever its schedule says."""
    started = door.api().post(f"pipelines/{part(pipeline)}/runs", key=uuid.uuid4().hex)
    if not wait and timeout is None:
        follow = f"  follow it: hakiri logs {started['id']} --follow"
        door.answer(started, lambda: f"{started['id']} is {started['state']}\n{follow}")
        return
    _wait(door, started, timeout)


def _wait(door: Door, started: Json, timeout: float | None) -> None:
    name = started["id"]
    click.echo(name, err=True)
    watch = Watch(door.api(), name)
    try:
        ended = watch.until_final(time.monotonic() + timeout if timeout is not None else None)
    except KeyboardInterrupt:
        watch.clear()
        click.echo(f"The run goes on. Follow it: hakiri logs {name} --follow. End it: hakiri cancel {name}", err=True)
        raise
    door.answer(ended, lambda: words.outcome(ended))
    if ended["state"] not in FINAL:
        raise Stop(Exit.TIMEOUT, f"not over after {timeout:g} s", f"the run goes on: hakiri logs {name} --follow")
    if ended["state"] != "succeeded":
        raise click.exceptions.Exit(Exit.FAILED)


@click.command(
    epilog="""\b
Examples:
  hakiri runs --state failed
  hakiri runs --follow
  hakiri runs --pipeline orders --json | jq '.items[].state'"""
)
@pipeline_option
@click.option("--state", type=click.Choice(STATES), help="Only runs in this state.")
@limit_option
@click.option("--follow", is_flag=True, help="Go on: one line whenever a run changes its state.")
@asking
@pass_door
def runs(door: Door, pipeline: str | None, state: str | None, limit: int, *, follow: bool) -> None:
    """List runs, newest first. With --follow: oldest first, then every change until Ctrl-C."""
    query = {"pipeline": pipeline, "state": state}
    if not follow:
        found = door.api().items("runs", query, limit=limit)
        door.answer({"items": found}, lambda: words.table(HEADS, map(_row, found), empty="No run."))
        return
    seen: dict[str, str] = {}
    api = door.api()
    while True:
        for one in reversed(patient(lambda: api.items("runs", query, limit=limit))):
            if seen.get(one["id"]) != one["state"]:
                seen[one["id"]] = one["state"]
                _say(door, one)
        time.sleep(POLL_SECONDS)


def _say(door: Door, one: Json) -> None:
    door.line(one, lambda: f"{words.now():%H:%M:%S}Z  {words.outcome(one)}")


def _row(one: Json) -> tuple[str, ...]:
    error = one["error"]
    return (
        one["id"],
        one["state"],
        words.count(one["rows"]),
        words.lasted(one["started_at"], one["finished_at"]),
        words.moment(one["started_at"]),
        f"{error['code']}: {error['message']}" if error else "",
    )


@click.command(
    epilog="""\b
Examples:
  hakiri logs orders@20260101T120000Z
  hakiri logs orders@20260101T120000Z --follow"""
)
@_run_id
@click.option("--follow", is_flag=True, help="Go on until the run is over.")
@asking
@pass_door
def logs(door: Door, run_id: str, *, follow: bool) -> None:
    """Show what a run said: its steps, its connector's words, its errors."""
    api = door.api()
    if follow:
        for line in follow_logs(api, run_id):
            door.line(line, lambda line=line: log_line(line))  # type: ignore[misc]
        return
    found = _all_lines(api, run_id)
    door.answer({"items": found}, lambda: "\n".join(map(log_line, found)) or "The run has said nothing yet.")


def _all_lines(api: Api, run_id: str) -> list[Json]:
    found: list[Json] = []
    page: Json = {"items": [], "next": 0}
    while page["next"] is not None:
        page = api.get(f"runs/{part(run_id)}/logs", {"after": page["next"]})
        found += page["items"]
        if not page["items"]:
            break
    return found


@click.command()
@_run_id
@asking
@pass_door
def cancel(door: Door, run_id: str) -> None:
    """End a run without result: asked first, killed within 10 seconds. What it had landed so far stays unseen."""
    ended = door.api().post(f"runs/{part(run_id)}/cancel")
    door.answer(
        ended, lambda: f"{ended['id']}: {'cancelled' if ended['state'] == 'cancelled' else 'is being cancelled'}"
    )


@click.command()
@_run_id
@asking
@pass_door
def retry(door: Door, run_id: str) -> None:
    """Run the moment of a failed, partly failed or cancelled run again, with today's configuration."""
    started = door.api().post(f"runs/{part(run_id)}/retry", key=uuid.uuid4().hex)
    door.answer(started, lambda: f"{started['id']} is {started['state']}")
