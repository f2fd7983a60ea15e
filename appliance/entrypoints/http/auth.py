"""Bearer tokens: who is asking. What they may do is decided by the services."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from appliance.core.errors import Unauthorized
from appliance.core.team import Actor
from appliance.entrypoints.http.watch import remember_actor
from appliance.services.teams import Teams

# Longer than any token that was ever made.
TOKEN_CHARS = 256

Connection = ASGIConnection[object, object, object, State]
Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None]]


def bearer(header: str | None) -> str:
    """The token in an Authorization header. Raises Unauthorized."""
    scheme, _, token = (header or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > TOKEN_CHARS or not token.isascii():
        raise Unauthorized("send a token: `Authorization: Bearer hak_...`")
    return token


def signed_in(teams: Teams) -> Guard:
    """A guard, because guards run before the body is read."""

    async def guard(connection: Connection, _: BaseRouteHandler) -> None:
        token = bearer(connection.headers.get("authorization"))
        actor: Actor = await sync_to_thread(teams.authenticate, token)
        remember_actor(connection.scope, actor)

    return guard
