"""Members, tokens and the audit trail."""

from __future__ import annotations

from litestar import Response, Router, delete, get, patch, post
from litestar.params import FromPath, RawBody

from appliance.core.duration import parse_duration
from appliance.core.limits import PAGE_SIZE
from appliance.entrypoints.http.bodies import read_json
from appliance.entrypoints.http.idempotency import Ask
from appliance.entrypoints.http.parameters import Asked, Before, Limit
from appliance.entrypoints.http.team_answers import (
    AuditOut,
    AuditPage,
    MemberIn,
    MemberList,
    MemberOut,
    NewTokenOut,
    RoleIn,
    TokenIn,
    TokenList,
    TokenOut,
)


@get("/members", operation_id="ListMembers", summary="All members", sync_to_thread=True)
def list_members(ask: Asked) -> MemberList:
    return MemberList(list(map(MemberOut.of, ask.control.teams.members(ask.actor))))


@post(
    "/members",
    operation_id="AddMember",
    summary="Add a member",
    description="Needs the role owner.",
    sync_to_thread=True,
)
def add_member(ask: Asked, body: RawBody) -> Response[MemberOut]:
    data = read_json(body, MemberIn)
    return ask.once(lambda: (201, MemberOut.of(ask.control.teams.add_member(ask.actor, data.name, data.role))))


@patch(
    "/members/{name:str}",
    operation_id="ChangeRole",
    summary="Change a member's role",
    description="Needs the role owner. The last owner stays one.",
    status_code=204,
    sync_to_thread=True,
)
def change_role(ask: Asked, name: FromPath[str], body: RawBody) -> Response[None]:
    data = read_json(body, RoleIn)
    return ask.once_done(lambda: ask.control.teams.change_role(ask.actor, name, data.role))


@delete(
    "/members/{name:str}",
    operation_id="RemoveMember",
    summary="Remove a member",
    description="Their tokens are revoked with them. Needs the role owner.",
    sync_to_thread=True,
)
def remove_member(ask: Asked, name: FromPath[str]) -> Response[None]:
    return ask.once_done(lambda: ask.control.teams.remove_member(ask.actor, name))


@get("/tokens", operation_id="ListTokens", summary="Tokens, never their text", sync_to_thread=True)
def list_tokens(ask: Asked) -> TokenList:
    return TokenList(list(map(TokenOut.of, ask.control.teams.tokens(ask.actor))))


@post(
    "/tokens",
    operation_id="CreateToken",
    summary="Create a token",
    description="Everybody may create tokens for themselves, up to their own role; others take the role owner.",
    sync_to_thread=True,
)
def create_token(ask: Asked, body: RawBody) -> Response[NewTokenOut]:
    data = read_json(body, TokenIn)
    # The text of a token is stored nowhere, so not with the answer to an Idempotency-Key either.
    return ask.once(lambda: (201, _create(ask, data)), keep=lambda made: NewTokenOut(made.token, None))


@delete(
    "/tokens/{token_id:str}",
    operation_id="RevokeToken",
    summary="Revoke a token",
    description="It stops working at once. Somebody else's takes the role owner.",
    sync_to_thread=True,
)
def revoke_token(ask: Asked, token_id: FromPath[str]) -> Response[None]:
    return ask.once_done(lambda: ask.control.teams.revoke_token(ask.actor, token_id))


@get(
    "/audit",
    operation_id="ListAudit",
    summary="Who changed what, newest first",
    description="Needs the role operator.",
    sync_to_thread=True,
)
def list_audit(ask: Asked, before: Before = None, limit: Limit = PAGE_SIZE) -> AuditPage:
    page = ask.look.audit(ask.actor, before=before, limit=limit)
    return AuditPage(list(map(AuditOut.of, page.items)), page.next)


def team_routes() -> Router:
    handlers = [list_members, add_member, change_role, remove_member, list_tokens, create_token, revoke_token]
    return Router("/", route_handlers=[*handlers, list_audit], tags=["team"])


def _create(ask: Ask, data: TokenIn) -> NewTokenOut:
    token, text = ask.control.teams.create_token(
        ask.actor,
        member=data.member or ask.actor.name,
        name=data.name,
        role=data.role or ask.actor.role,
        lifetime=parse_duration(data.lifetime) if data.lifetime else None,
    )
    return NewTokenOut(TokenOut.of(token), text)
