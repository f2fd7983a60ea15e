"""Commands about members and their tokens."""

from __future__ import annotations

import os

import click

from appliance.core.duration import parse_duration
from appliance.core.errors import Invalid
from appliance.entrypoints.cli import words
from appliance.entrypoints.cli.client import Json, part
from appliance.entrypoints.cli.door import Door, asking, pass_door
from appliance.entrypoints.cli.ends import Exit, Stop

ROLES = ("viewer", "editor", "operator", "owner")

_role = click.Choice(ROLES)


def _checked_duration(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    if text is not None:
        try:
            parse_duration(text)
        except Invalid as error:
            raise click.BadParameter(str(error)) from None
    return text


@click.group()
def token() -> None:
    """Create, list and revoke tokens."""


@token.command(
    "create",
    epilog="""\b
Examples:
  hakiri token create --name ci --role editor --lifetime 90d
  hakiri token create --member ada --role operator
  hakiri token create --local                  the owner's token is lost""",
)
@click.option("--name", default="cli", show_default=True, help="What it is for; shown in lists.")
@click.option("--member", help="Whose token; your own otherwise. Another member's takes the role owner.")
@click.option("--role", type=_role, help="What it may do; what its member may otherwise.")
@click.option(
    "--lifetime",
    metavar="DURATION",
    callback=_checked_duration,
    help="How long it is good for, such as 12h or 90d; for ever otherwise.",
)
@click.option(
    "--local",
    is_flag=True,
    help="Write into the data directory (HAKIRI_DATA) while the server is stopped; needs no token.",
)
@asking
@pass_door
def create_token(
    door: Door, name: str, member: str | None, role: str | None, lifetime: str | None, *, local: bool
) -> None:
    """Print a new token, once: it is stored only as a digest.

    The token stands alone on stdout, so `TOKEN=$(hakiri token create)` works. With --local whoever may write the
    data directory gets a token; the audit trail tells it from others by the name `system`.
    """
    if local:
        made = _local_token(name=name, member=member, role=role, lifetime=lifetime)
    else:
        asked = {"name": name, "member": member, "role": role, "lifetime": lifetime}
        made = door.api().post("tokens", {key: value for key, value in asked.items() if value is not None})
    if not door.as_json:
        token = made["token"]
        click.echo(f"Token of {token['member']}, id {token['id']}. It is shown only now:", err=True)
    door.answer(made, lambda: str(made["text"]))


def _local_token(*, name: str, member: str | None, role: str | None, lifetime: str | None) -> Json:
    from appliance.entrypoints.cli.local import local_token  # noqa: PLC0415 - `--help` must not wait for the server
    from appliance.entrypoints.serve import InUse  # noqa: PLC0415
    from appliance.settings import Settings  # noqa: PLC0415

    settings = Settings.read(os.environ)
    if not (settings.data / "catalog.db").is_file():
        where = "name the directory that the server uses with HAKIRI_DATA"
        raise Stop(Exit.NOT_FOUND, f"{settings.data} is not a data directory", where)
    try:
        return local_token(settings, name=name, member=member, role=role, lifetime=lifetime)
    except InUse as error:
        advice = "stop the server, make the token, start it again: runs resume where they were"
        raise Stop(Exit.CONFLICT, str(error).partition(";")[0], advice) from None


@token.command("list")
@asking
@pass_door
def list_tokens(door: Door) -> None:
    """List tokens: everybody's for an owner, your own otherwise. Never the token itself."""
    found = door.api().all("tokens")
    rows = [
        (one["id"], one["member"], one["name"], one["role"], words.moment(one["created_at"]), _validity(one))
        for one in found
    ]
    heads = ("ID", "MEMBER", "NAME", "ROLE", "CREATED", "GOOD UNTIL")
    door.answer({"items": found}, lambda: words.table(heads, rows, empty="No token."))


def _validity(one: Json) -> str:
    return words.moment(one["expires_at"]) if one["expires_at"] else "for ever"


@token.command("revoke")
@click.argument("token_id", metavar="ID")
@asking
@pass_door
def revoke_token(door: Door, token_id: str) -> None:
    """Revoke a token, at once and for good. ID is from `hakiri token list`, not the token itself."""
    door.api().delete(f"tokens/{part(token_id)}")
    door.answer({"id": token_id, "revoked": True}, lambda: f"Token {words.plain(token_id)} is revoked.")


@click.group()
def member() -> None:
    """Add and remove the team's members, and change their roles.

    \b
    viewer    sees everything but the audit trail
    editor    may also apply
    operator  may also run, cancel, retry, and see the audit trail
    owner     may also manage members and tokens
    """


@member.command("add")
@click.argument("name")
@click.option("--role", type=_role, default="viewer", show_default=True, help="What they may do.")
@asking
@pass_door
def add_member(door: Door, name: str, role: str) -> None:
    """Add a member. Give them a token with `hakiri token create --member NAME`."""
    added = door.api().post("members", {"name": name, "role": role})
    door.answer(added, lambda: f"{words.plain(name)} is {role}.")


@member.command("role")
@click.argument("name")
@click.argument("role", type=_role)
@asking
@pass_door
def change_role(door: Door, name: str, role: str) -> None:
    """Change a member's role; their tokens follow at once."""
    changed = door.api().patch(f"members/{part(name)}", {"role": role})
    door.answer(changed or {"name": name, "role": role}, lambda: f"{words.plain(name)} is {role}.")


@member.command("remove")
@click.argument("name")
@asking
@pass_door
def remove_member(door: Door, name: str) -> None:
    """Remove a member and revoke their tokens. The last owner cannot be removed."""
    door.api().delete(f"members/{part(name)}")
    door.answer({"name": name, "removed": True}, lambda: f"{words.plain(name)} is removed.")


@member.command("list")
@asking
@pass_door
def list_members(door: Door) -> None:
    """List the members with their roles."""
    found = door.api().all("members")
    rows = [(one["name"], one["role"], words.moment(one["created_at"])) for one in found]
    door.answer({"items": found}, lambda: words.table(("NAME", "ROLE", "SINCE"), rows, empty="No member."))
