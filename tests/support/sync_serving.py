"""The sync door over a real server and a catalog on disk, with limits that a test sets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server

from appliance.core.draft import MAIN
from appliance.entrypoints.http.app import create_app
from appliance.entrypoints.ws.hub import Hub, Limits
from tests.support.api import Api, Wire, _await_answer, api
from tests.support.serving import Serving, free_port
from tests.support.sync_client import Editor
from tests.support.sync_socket import SyncSocket


@dataclass
class Syncing:
    """A server whose hub the test can look into."""

    api: Api
    hub: Hub
    wire: Wire
    loop: asyncio.AbstractEventLoop
    editors: list[Editor] = field(default_factory=list)

    @property
    def room(self) -> str:
        return str(self.api.harness.control.rooms.named(MAIN).id)

    def editor(self, name: str = "bob", *, room: str | None = None) -> Editor:
        """Connected, and in no room yet."""
        editor = Editor(self.wire.port, self.api.tokens[name], room or self.room)
        self.editors.append(editor)
        return editor

    def joined(self, name: str = "bob") -> Editor:
        editor = self.editor(name)
        editor.join()
        return editor

    def socket(self) -> SyncSocket:
        return SyncSocket(self.wire.port)

    def in_loop(self, call: Callable[[], Any]) -> Any:
        """What the event loop's thread says."""

        async def once() -> Any:
            return call()

        return asyncio.run_coroutine_threadsafe(once(), self.loop).result(10)

    def drain(self) -> None:
        asyncio.run_coroutine_threadsafe(self.hub.drain(), self.loop).result(10)


@contextmanager
def syncing(folder: Path, *, limits: Limits | None = None) -> Iterator[Syncing]:
    """Serve until the block ends."""
    with api(folder, substrate="selfhosted") as given:
        hub = Hub(given.harness.control, limits or Limits())
        app = create_app(given.harness.control, settings=given.settings, stopping=given.stopping.is_set, hub=hub)
        port, loop = free_port(), asyncio.new_event_loop()
        server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_enabled=False)
        thread = threading.Thread(target=loop.run_until_complete, args=(server.serve(),), daemon=True)
        thread.start()
        served = Syncing(given, hub, Wire(given, port), loop)
        try:
            _await_answer(served.wire)
            yield served
        finally:
            served.drain()
            for editor in served.editors:
                editor.socket.close()
            given.stopping.set()
            loop.call_soon_threadsafe(server.stop)
            thread.join(10)
            loop.close()


def main_room(server: Serving) -> str:
    """The room of the main draft of a server in processes of its own."""
    [main] = [draft for draft in server.call("GET", "/config/drafts")["items"] if draft["name"] == MAIN]
    return str(main["room"])


def editor_of(server: Serving, room: str | None = None) -> Editor:
    return Editor(server.port, server.token, room or main_room(server))
