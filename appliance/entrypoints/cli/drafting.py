"""Commands about drafts: list them, make one, compare, apply, refresh, discard, rebuild."""

from __future__ import annotations

import click

from appliance.entrypoints.cli import changes, words
from appliance.entrypoints.cli.client import Json, part
from appliance.entrypoints.cli.door import Door, asking, complete_draft, pass_door


def _checked(_: click.Context, __: click.Parameter, name: str) -> str:
    """Raises Invalid for what no draft may be called."""
    from appliance.core.draft import draft_name  # noqa: PLC0415 - `--help` must not wait

    return draft_name(name)


_name = click.argument("name", metavar="NAME", callback=_checked, shell_complete=complete_draft)
_name_or_main = click.argument(
    "name", metavar="[NAME]", default=changes.MAIN, callback=_checked, shell_complete=complete_draft
)


@click.group()
def draft() -> None:
    """Work with drafts: the configuration while people edit it, before it is applied.

    Everybody edits `main` unless they say otherwise. A draft of another name is for what should wait.
    """


@draft.command("list")
@asking
@pass_door
def draft_list(door: Door) -> None:
    """List the open drafts, each with the revision that it last said."""
    found = door.api().all("config/drafts")
    rows = [(one["name"], str(one["applied"]), words.moment(one["created_at"]), one["created_by"]) for one in found]
    door.answer({"items": found}, lambda: words.table(("DRAFT", "REVISION", "OPENED", "BY"), rows, empty="No draft."))


@draft.command(
    epilog="""\b
Examples:
  hakiri draft create try              begin with what is live
  hakiri draft create try --from-main  begin with what the main draft says now"""
)
@click.argument("name", metavar="NAME", callback=_checked)
@click.option("--from-main", is_flag=True, help="Begin with the main draft as it is, unapplied edits included.")
@asking
@pass_door
def create(door: Door, name: str, *, from_main: bool) -> None:
    """Open a draft beside the main one."""
    body: Json = {"name": name}
    if from_main:
        body["at"] = door.api().get(f"config/drafts/{changes.MAIN}")["heads"]
    made = door.api().post("config/drafts", body)
    door.answer(made, lambda: f"Draft {words.plain(made['name'])} is open, on top of revision {made['applied']}.")


@draft.command(
    epilog="""\b
Examples:
  hakiri draft compare                 what is not applied yet
  hakiri draft compare try --with main"""
)
@_name_or_main
@click.option("--with", "other", default="live", show_default=True, metavar="OTHER", help="`live`, or a draft.")
@asking
@pass_door
def compare(door: Door, name: str, other: str) -> None:
    """Show how a draft differs from what is live.

    With --with, how it differs from another draft.
    """
    compared = door.api().get(f"config/drafts/{part(name)}/compare", {"with": other})
    found = compared["changes"]
    said = f"Draft {words.plain(name)} says what {words.plain(other)} says."
    door.answer(compared, lambda: "\n".join([f"From {words.plain(other)}:", *changes.listed(found)]) if found else said)


@draft.command(
    epilog="""\b
Examples:
  hakiri draft apply                   the main draft
  hakiri draft apply try --yes"""
)
@_name_or_main
@changes.again_option
@changes.yes_option
@asking
@pass_door
def apply(door: Door, name: str, *, again: bool, yes: bool) -> None:
    """Make what a draft says the configuration.

    Shows what would change, who contradicts whom, and the next fires. On a terminal it asks; elsewhere it goes on.
    Exactly what was shown goes live, whatever is edited meanwhile; nothing does if somebody else applied meanwhile.
    """
    reviewed = door.api().post("config/plan", {"draft": name})
    if not door.as_json:
        click.echo(changes.review(reviewed))
    changes.refuse(door, reviewed)
    if not reviewed["based_on"] and not reviewed["plan"]["changes"]:
        door.answer(reviewed, lambda: "There is nothing to apply yet.")
        return
    _warn_if_behind(reviewed)
    changes.confirm(door, "Apply?", yes=yes, asks=bool(reviewed["plan"]["changes"]))
    body = {"heads": reviewed["heads"], "draft": name, "based_on": reviewed["based_on"], "again": again}
    applied = door.api().post("config/apply", body)
    door.answer(applied, lambda: changes.applied(applied))


@draft.command()
@_name
@asking
@pass_door
def refresh(door: Door, name: str) -> None:
    """Bring into a draft what was applied without it. Its own edits stay."""
    fresh = door.api().post(f"config/drafts/{part(name)}/refresh")
    door.answer(fresh, lambda: f"Draft {words.plain(name)} is on top of revision {fresh['applied']}.")


@draft.command()
@_name
@changes.yes_option
@asking
@pass_door
def discard(door: Door, name: str, *, yes: bool) -> None:
    """Close a draft, with all that is not applied of it.

    One's own takes the role editor, anybody's the role operator. The main one stays.
    """
    changes.confirm(door, f"Discard draft {words.plain(name)}?", yes=yes)
    door.api().delete(f"config/drafts/{part(name)}")
    door.answer({"draft": name, "discarded": True}, lambda: f"Draft {words.plain(name)} is discarded.")


@draft.command()
@_name
@changes.yes_option
@asking
@pass_door
def rebuild(door: Door, name: str, *, yes: bool) -> None:
    """Let a draft go on in a new document that says the same.

    Clients follow by themselves; the history stays readable. What a client wrote without a connection and has not
    sent yet stays behind. Needs the role operator.
    """
    changes.confirm(door, f"Rebuild draft {words.plain(name)}?", yes=yes)
    rebuilt = door.api().post(f"config/drafts/{part(name)}/rebuild")
    door.answer(rebuilt, lambda: f"Draft {words.plain(name)} goes on in {words.plain(rebuilt['room'])}.")


def _warn_if_behind(reviewed: Json) -> None:
    """What was applied without the draft would be taken back by it."""
    name, live = words.plain(reviewed["draft"]), reviewed["based_on"]
    if reviewed["applied"] != live:
        click.echo(
            f"hakiri: warning: draft {name} knows revision {reviewed['applied']}, revision {live} is live; "
            f"`hakiri draft refresh {name}` brings it in",
            err=True,
        )
