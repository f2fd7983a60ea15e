"""Runs a test connector to its end, and a local HTTP server for it to talk to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb

from connectors_runtime.client import Done, Failed, Log, Message, Page, Reading, ReadSpec, Started, Zygote

HERE = Path(__file__).parent
MODULE, COMPONENT = HERE / "guest.wasm", HERE / "guest.component.wasm"


@dataclass(frozen=True, slots=True)
class Bench:
    """A zygote and the directories that its readings use."""

    zygote: Zygote
    directory: Path

    def spec(self, config: str, **changes: Any) -> ReadSpec:
        """What `guest.c` understands as `config`."""
        staging = self.directory / "staging"
        staging.mkdir(exist_ok=True)
        given: dict[str, Any] = {
            "wasm": MODULE,
            "cache_dir": self.directory / "cache",
            "staging": staging,
            "table": "t",
        }
        return ReadSpec(config=config, **(given | changes))

    def run(self, config: str, **changes: Any) -> list[Message]:
        """Every message of a reading, pages acknowledged."""
        with self.zygote.open(self.spec(config, **changes)) as reading:
            return list(until_end(reading))

    def last(self, config: str, **changes: Any) -> Message:
        """How a reading ended."""
        return self.run(config, **changes)[-1]


def until_end(reading: Reading) -> Iterator[Message]:
    """Every message, pages acknowledged."""
    while True:
        message = reading.receive(20)
        assert message is not None, "the reading is silent"
        yield message
        if isinstance(message, Page):
            reading.acknowledge()
        if isinstance(message, Done | Failed):
            return


def started(reading: Reading) -> Reading:
    """The reading, its guest running."""
    while not isinstance(message := reading.receive(20), Started):
        assert message is not None
        assert not isinstance(message, Done | Failed), message
    return reading


def rows(messages: list[Message]) -> list[Any]:
    """What landed."""
    pages = [message for message in messages if isinstance(message, Page)]
    return [row for page in pages for row in duckdb.read_parquet(page.path).fetchall()]


def lines(messages: list[Message]) -> list[str]:
    """What was logged."""
    return [message.message for message in messages if isinstance(message, Log)]


Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass(slots=True)
class Site:
    """A local server: what it was asked, and how it answers by path."""

    port: int
    answers: dict[str, Answer]
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    connections: set[int] = field(default_factory=set)

    @property
    def here(self) -> str:
        """For an allow-list."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        """For a request."""
        return f"http://{self.here}{path}"


@contextmanager
def serving(answers: dict[str, Answer]) -> Iterator[Site]:
    """A server on loopback until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            site.connections.add(self.client_address[1])
            answers[self.path.partition("?")[0]](self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # guests hang up early on purpose
    site = Site(server.server_address[1], answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def text(body: bytes, *, status: int = 200, **headers: str) -> Answer:
    """An answer with a body."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer
