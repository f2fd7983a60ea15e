"""Differences and drafts as a terminal shows them, and the question that comes before they go live."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

import click

from appliance.entrypoints.cli import words
from appliance.entrypoints.cli.client import Json
from appliance.entrypoints.cli.door import Door
from appliance.entrypoints.cli.ends import Exit, Stop

MAIN = "main"

yes_option = click.option("--yes", is_flag=True, help="Do not ask, even on a terminal.")
again_option = click.option("--again", is_flag=True, help="Apply it although somebody reverted it.")

# A value that is longer is cut on a terminal; --json has it whole.
_SHOWN = 80


def listed(changes: Iterable[Json]) -> list[str]:
    """One line for each change."""
    return [f"  {_change(change)}" for change in changes]


def preview(planned: Json) -> str:
    """What an apply would change, and the next fires after it."""
    changes = planned["changes"]
    if not changes:
        live = (
            f"this is revision {planned['based_on']}" if planned["based_on"] else "nothing is applied, nothing is said"
        )
        return f"Nothing changes: {live}."
    lines = [f"On top of revision {planned['based_on']}:" if planned["based_on"] else "The first revision:"]
    lines += listed(changes)
    fires = [(pipeline, words.moment(at)) for pipeline, at in sorted(planned["next_fires"].items())]
    if fires:
        lines += ["", words.table(("PIPELINE", "NEXT FIRE"), fires, empty="")]
    return "\n".join(lines)


def review(reviewed: Json) -> str:
    """What an apply of a draft would do, what is wrong with it, and where people contradict each other."""
    lines = [f"Draft {words.plain(reviewed['draft'])}"]
    if reviewed["plan"] is None:
        lines += ["It cannot be applied:", *(f"  {problem(one)}" for one in reviewed["problems"])]
    else:
        lines.append(preview(reviewed["plan"]))
    lines += _part(
        "Removed by one and edited by another, so nothing can be applied:", map(_removal, removals(reviewed))
    )
    lines += _part("Set by several who did not see each other; the first one counts:", map(_rival, reviewed["rivals"]))
    lines += _part("Lost, because somebody removed what was being edited:", map(_lost, reviewed["lost"]))
    return "\n".join(lines)


def removals(reviewed: Json) -> list[Json]:
    found: list[Json] = reviewed["removals"]
    return found


def problem(one: Json) -> str:
    """A problem in a line, as `hakiri validate` writes it."""
    place = f"{one['file']}:{one['line']}" if one["line"] else one["file"]
    expected = f"; {one['expected']}" if one["expected"] else ""
    return words.plain(": ".join(part for part in (place, one["path"], f"{one['message']}{expected}") if part))


def refuse(door: Door, reviewed: Json) -> None:
    """Raises Stop for a draft that no apply would take; with --json the review is the answer."""
    if door.as_json and (reviewed["plan"] is None or removals(reviewed)):
        door.answer(reviewed, str)
    if reviewed["plan"] is None:
        count = len(reviewed["problems"])
        raise Stop(Exit.USAGE, f"draft {reviewed['draft']} has {words.some(count, 'problem')}", "edit the draft first")
    if removals(reviewed):
        raise Stop(
            Exit.CONFLICT,
            f"draft {reviewed['draft']}: {'; '.join(map(_removal, removals(reviewed)))}",
            "keep the pipeline, or remove it again having seen the edits",
        )


def confirm(door: Door, question: str, *, yes: bool, asks: bool = True) -> None:
    """Ask on a terminal, unless told not to. Ends the command if the answer is no."""
    if asks and not yes and not door.as_json and sys.stdin.isatty() and sys.stdout.isatty():
        click.confirm(question, abort=True)


def applied(answer: Json) -> str:
    revision = answer["revision"]["number"]
    return f"Revision {revision} is in force." if answer["created"] else f"Revision {revision} stays in force."


def tell_unapplied(door: Door, draft: str = MAIN) -> None:
    """Say on stderr if the draft holds edits that are not live. What was done stands whatever is answered here."""
    try:
        told = door.api().post("config/plan", {"draft": draft})
    except Stop:
        return
    if told["plan"] is None:
        click.echo(f"The draft {draft} has edits that are not applied, and problems: `hakiri draft compare`", err=True)
    elif count := len(told["plan"]["changes"]):
        are = "is" if count == 1 else "are"
        click.echo(f"{words.some(count, 'edit')} in the draft {are} not applied: `hakiri draft compare`", err=True)


def _part(title: str, lines: Iterable[str]) -> list[str]:
    found = [f"  {line}" for line in lines]
    return ["", title, *found] if found else []


def _removal(one: Json) -> str:
    return (
        f"pipeline {words.plain(one['pipeline'])}: removed by {words.plain(one['removed_by'])}, edited by {_names(one)}"
    )


def _rival(one: Json) -> str:
    said = ", ".join(f"{_value(each['value'])} ({words.plain(each['author'])})" for each in one["values"])
    return f"{_place(one['path'])}: {said}"


def _lost(one: Json) -> str:
    return f"{words.plain(one['path'])}: removed by {words.plain(one['removed_by'])}, edited by {_names(one)}"


def _names(one: Json) -> str:
    return words.plain(" and ".join(one["edited_by"]) or "somebody")


def _place(path: Sequence[str]) -> str:
    """A place of a draft's document in the words of the manifest."""
    match path:
        case ["pipelines", *rest]:
            return words.plain(".".join(["pipeline", *rest]))
        case ["settings", *rest]:
            return words.plain(".".join(rest))
        case _:
            return words.plain(".".join(path))


def _value(value: object) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return words.plain(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def _change(change: Json) -> str:
    match change["kind"]:
        case "pipeline_added":
            return click.style(f"+ {words.plain(change['path'])}", fg="green")
        case "pipeline_removed":
            return click.style(f"- {words.plain(change['path'])}", fg="red")
        case "comment":
            return click.style(f"~ {words.plain(change['path'])}: comment", fg="yellow")
        case _:
            return click.style(f"~ {words.plain(change['text'])}", fg="yellow")
