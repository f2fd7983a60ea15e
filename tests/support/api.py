"""The HTTP API over a control plane that a test holds in its hands, called in process or over a socket."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar
from litestar.testing import TestClient

from appliance.core.team import Role
from appliance.entrypoints.http.app import create_app
from appliance.services.teams import SYSTEM
from appliance.settings import Settings
from tests.conformance.roster import SUBSTRATES
from tests.support.harness import Harness
from tests.support.serving import free_port

# The cast. Dora is in no team: her token was never made here.
CAST = {"alice": Role.OWNER, "oscar": Role.OPERATOR, "bob": Role.EDITOR, "charlie": Role.VIEWER}
UNKNOWN = "hak_0123456789ab_" + "0" * 64


@dataclass
class Api:
    """A harness with its team, and the application over it."""

    harness: Harness
    settings: Settings
    tokens: dict[str, str] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        teams = self.harness.control.teams
        for name, role in CAST.items():
            teams.add_member(SYSTEM, name, role)
            _, self.tokens[name] = teams.create_token(SYSTEM, member=name, name="test", role=role, lifetime=None)

    def app(self) -> Litestar:
        return create_app(self.harness.control, settings=self.settings, stopping=self.stopping.is_set)

    def headers(self, name: str, **more: str) -> dict[str, str]:
        """What `name` sends; underscores in names of headers are dashes."""
        given = {key.replace("_", "-"): value for key, value in more.items()}
        token = self.tokens.get(name, UNKNOWN)
        return {"Authorization": f"Bearer {token}", **given}

    def beat(self) -> None:
        """Both loops came round just now."""
        self.harness.control.pulse.beat("tick")
        self.harness.control.pulse.beat("recover")


@contextmanager
def api(folder: Path, *, substrate: str = "memory") -> Iterator[Api]:
    staging = folder / "staging"
    staging.mkdir()
    storage = SUBSTRATES[substrate](folder)
    try:
        yield Api(Harness(storage, staging), Settings(data=folder))
    finally:
        storage.end()


@contextmanager
def in_process(given: Api) -> Iterator[TestClient[Litestar]]:
    """Bugs are answered as in production, not raised."""
    with TestClient(given.app(), base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


@dataclass(frozen=True)
class Wire:
    """A real server on a port of its own."""

    api: Api
    port: int

    @contextmanager
    def open(
        self, method: str, path: str, name: str, body: bytes | None = None, **headers: str
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer before its body is read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with closing(connection):
            connection.request(method, path, body, self.api.headers(name, **headers))
            with closing(connection.getresponse()) as answer:
                yield answer

    def call(self, method: str, path: str, name: str, body: object = None, **headers: str) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        with self.open(method, path, name, data, **headers) as answer:
            text = answer.read()
        return answer.status, json.loads(text) if text else None


@contextmanager
def on_wire(given: Api) -> Iterator[Wire]:
    port, app, loop = free_port(), given.app(), asyncio.new_event_loop()
    server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_enabled=False)
    thread = threading.Thread(target=loop.run_until_complete, args=(server.serve(),), daemon=True)
    thread.start()
    wire = Wire(given, port)
    try:
        _await_answer(wire)
        yield wire
    finally:
        given.stopping.set()
        loop.call_soon_threadsafe(server.stop)
        thread.join(10)
        loop.close()


def _await_answer(wire: Wire) -> None:
    for _ in range(200):
        try:
            wire.call("GET", "/livez", "alice")
        except ConnectionError:
            threading.Event().wait(0.02)
        else:
            return
    raise AssertionError("the server does not answer")
