"""`/api/v1/sync`: one websocket, in the frames of loro-protocol v1.

Nothing is raised out of the handler: the server would close with a code after which the stock client comes back
for ever. It accepts first, and says what is wrong in the protocol's own words, or with a code of `closing`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TypeAlias, cast

from litestar import WebSocket, websocket
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.exceptions import WebSocketDisconnect
from litestar.handlers import WebsocketRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from appliance.entrypoints.ws import closing
from appliance.entrypoints.ws.admission import Admission
from appliance.entrypoints.ws.connection import Connection
from appliance.entrypoints.ws.hearing import Hearing
from appliance.entrypoints.ws.hub import Hub

_log = logging.getLogger("hakiri.sync")

Socket: TypeAlias = WebSocket[object, object, State]

# How long saying goodbye may take, in seconds.
GOODBYE = 1.0

_OWN_SEND = "own send"


def with_own_send(app: ASGIApp) -> ASGIApp:
    """Let handlers of websockets find the server's own `send`.

    The framework wraps it in coroutines, which start a send when they are awaited; the server's own starts it when
    it is called, so that an outbox can have several under way.
    """

    async def passed_on(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.WEBSOCKET:
            cast("dict[str, object]", scope.setdefault("state", {}))[_OWN_SEND] = send
        await app(scope, receive, send)

    return passed_on


def sync_route(hub: Hub, path: str) -> WebsocketRouteHandler:
    @websocket(path)
    async def sync(socket: Socket) -> None:
        try:
            await socket.accept()
            connection = hub.open()
            try:
                await Visit(hub, socket, connection).stay()
            finally:
                hub.forget(connection)
        except WebSocketDisconnect:
            pass
        except Exception:  # noqa: BLE001 - see above
            _log.exception("sync")

    return sync


@dataclass(frozen=True, slots=True)
class Visit:
    """One socket from its opening to its end."""

    hub: Hub
    socket: Socket
    connection: Connection

    async def stay(self) -> None:
        loop = asyncio.get_running_loop()
        reader, writer = loop.create_task(self._read()), loop.create_task(self._write())
        self.connection.cancel = writer.cancel
        try:
            await asyncio.wait([reader, writer], return_when=asyncio.FIRST_COMPLETED)
            if self.connection.outbox.closing is not None:
                # What was answered before is still to be sent.
                await asyncio.wait([writer], timeout=self.hub.limits.stuck)
        finally:
            reader.cancel()
            writer.cancel()
            self.connection.leave_all()
        for ended in await asyncio.gather(reader, writer, return_exceptions=True):
            if isinstance(ended, Exception):
                _log.error("sync", exc_info=ended)
                self.connection.end(closing.UNAVAILABLE)
        await self._say_goodbye()

    async def _read(self) -> None:
        connection, loop = self.connection, asyncio.get_running_loop()
        hearing = Hearing(self.hub, connection)
        while connection.outbox.closing is None:
            message = await self.socket.receive()
            if message["type"] != "websocket.receive":
                return
            connection.heard_at = now = loop.time()
            data = message.get("bytes")
            if data:
                asked = hearing.hear(data, now)
                if asked is not None:
                    await Admission(self.hub, connection).join(asked)
            else:
                hearing.hear_text(message.get("text") or "")
            wait = connection.budget.spend(now)
            if wait > 0:
                await asyncio.sleep(wait)
            if connection.must_wait:
                await connection.turn_to_read()

    async def _write(self) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            own = self.socket.scope["state"].get(_OWN_SEND)
            await self.connection.outbox.write(own or self.socket.send, starts=own is not None)

    async def _say_goodbye(self) -> None:
        ended = self.connection.outbox.closing
        if ended is not None:
            # The client may be gone, or take nothing: returning from the handler ends the connection all the same.
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self.socket.close(ended.code, ended.reason), GOODBYE)
