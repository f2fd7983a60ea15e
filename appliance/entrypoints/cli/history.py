"""Commands that look back: who changed what when, what was said then, how it differs, and the way back."""

from __future__ import annotations

import re

import click

from appliance.entrypoints.cli import changes, words
from appliance.entrypoints.cli.client import Json
from appliance.entrypoints.cli.door import Door, asking, complete_draft, pass_door
from appliance.entrypoints.cli.ends import Exit, Stop
from appliance.entrypoints.cli.looking import limit_option, pipeline_option

_NUMBER = re.compile(r"[0-9]{1,15}")

_draft_option = click.option(
    "--draft",
    default=changes.MAIN,
    show_default=True,
    metavar="NAME",
    shell_complete=complete_draft,
    help="Which draft.",
)


@click.group()
def config() -> None:
    """Look back at the configuration: who changed what when, what was said then, and the way back."""


@config.command(
    epilog="""\b
Examples:
  hakiri config log --pipeline orders
  hakiri config log --member bob --limit 100 --json"""
)
@_draft_option
@pipeline_option
@click.option("--member", metavar="NAME", help="What one member did.")
@limit_option
@asking
@pass_door
def log(door: Door, draft: str, pipeline: str | None, member: str | None, limit: int) -> None:
    """Show who changed which field when, newest first.

    The author is the member whose token delivered the edit, the time is the server's.
    """
    asked = {"draft": draft, "pipeline": pipeline, "member": member}
    found = door.api().items("config/log", asked, limit=limit)
    door.answer({"items": found}, lambda: "\n".join(map(_entry, found)) or "Nothing was edited yet.")


@config.command(
    epilog="""\b
FROM and TO are a revision's number, live, draft, draft:NAME, or a moment such as 2026-06-01T12:00:00Z.

\b
Examples:
  hakiri config diff                        what is not applied yet
  hakiri config diff 5 live                 since revision 5
  hakiri config diff 2026-06-01 draft       since that midnight, in UTC"""
)
@click.argument("before", metavar="[FROM]", default="live")
@click.argument("after", metavar="[TO]", default="draft")
@_draft_option
@asking
@pass_door
def diff(door: Door, before: str, after: str, draft: str) -> None:
    """Show what changes between two points.

    From what is live to the main draft, unless said otherwise.
    """
    told = door.api().get("config/diff", {"from": before, "to": after, "draft": draft})
    lines = changes.listed(told["changes"])
    said = f"From {words.plain(before)} to {words.plain(after)} nothing changes."
    door.answer(told, lambda: "\n".join(lines) or said)


@config.command(
    epilog="""\b
Examples:
  hakiri config show > hakiri.toml          what is live
  hakiri config show 5
  hakiri config show draft
  hakiri config show 2026-06-01T12:00:00Z   the draft as it was then"""
)
@click.argument("point", metavar="[REVISION|MOMENT|live|draft]", default="live")
@_draft_option
@asking
@pass_door
def show(door: Door, point: str, draft: str) -> None:
    """Print what the configuration said.

    A revision, a draft as it is or was, or what is live. Exit code 2 if the draft has problems; stderr tells them.
    """
    told = door.api().get("config/at", _point(door, point, draft))
    toml = told["toml"]
    if toml is not None or door.as_json:
        door.answer(told, lambda: str(toml).rstrip("\n"))
    if toml is None:
        for one in told["problems"]:
            click.echo(changes.problem(one), err=True)
        raise Stop(Exit.USAGE, f"{words.some(len(told['problems']), 'problem')} found")


@config.command(
    epilog="""\b
Example:
  hakiri config revert 5                    see what changes back, make it so"""
)
@click.argument("number", metavar="REVISION", type=click.IntRange(1))
@changes.yes_option
@asking
@pass_door
def revert(door: Door, number: int, *, yes: bool) -> None:
    """Go back to an earlier revision, as a new one.

    What was applied since counts as undone: applying it again takes `--again`. It leaves the main draft, too;
    edits that nobody applied stay there.
    """
    head = door.api().get("config")["number"]
    told = door.api().get("config/diff", {"from": head, "to": number})
    if not door.as_json:
        lines = changes.listed(told["changes"]) or ["  nothing"]
        click.echo("\n".join([f"Back from revision {head} to what revision {number} said:", *lines]))
    changes.confirm(door, "Revert?", yes=yes)
    reverted = door.api().post("config/revert", {"to": number, "based_on": head})
    door.answer(reverted, lambda: changes.applied(reverted))
    changes.tell_unapplied(door)


def _point(door: Door, text: str, draft: str) -> Json:
    """The query that means it."""
    if text == "live":
        return {"revision": door.api().get("config")["number"]}
    if _NUMBER.fullmatch(text):
        return {"revision": text}
    if text == "draft" or text.startswith("draft:"):
        return {"draft": text.partition(":")[2] or draft}
    return {"draft": draft, "moment": text}


def _entry(entry: Json) -> str:
    head = f"{words.moment(entry['at'])}  {click.style(words.plain(entry['author']), bold=True)}"
    match entry["event"]:
        case "applied":
            of = "" if entry["draft"] == changes.MAIN else f" from draft {words.plain(entry['draft'])}"
            back = f", back to revision {entry['reverts']}" if entry["reverts"] else ""
            return f"{head}  applied revision {entry['revision']}{of}{back}"
        case "began":
            return f"{head}  {_REASONS.get(entry['reason'], 'began a document')}"
        case _:
            lines = [words.fit(f"  {words.plain(edit['text'])}") for edit in entry["edits"]]
            more = [f"  and {words.some(entry['more'], 'edit')} more"] if entry["more"] else []
            return "\n".join([head, *lines, *more])


_REASONS = {
    "begun": "began the draft",
    "created": "opened the draft",
    "asked": "rebuilt the document",
    "peers": "rebuilt the document, because too many clients had written in it",
}
