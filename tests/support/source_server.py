"""A real HTTP server on a free port whose access log a test can read: the truth about what was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

NO_CONTENT = 204


@dataclass(frozen=True, slots=True)
class Asked:
    """One line of the access log. Header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says. `length` claims another Content-Length than the body's."""

    body: bytes | Iterator[bytes] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None


Route = Callable[[Asked], Answer]


@dataclass(slots=True)
class SourceServer:
    """`routes` by path; `log` grows with every request."""

    port: int
    routes: dict[str, Route] = field(default_factory=dict)
    log: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def egress(self) -> tuple[str, ...]:
        """The allow-list that covers this server."""
        return (f"127.0.0.1:{self.port}",)

    def asked(self, path: str) -> list[Asked]:
        """The requests for one path, in order."""
        return [one for one in self.log if one.path == path]


def as_json(value: object, **headers: str) -> Answer:
    """A JSON answer; header names take _ for -."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(json.dumps(value).encode(), headers={"Content-Type": "application/json", **named})


def as_file(content: bytes, kind: str, *, ranges: bool = True, **validators: str) -> Route:
    """A static file, served like a web server does: with validators, and in ranges if `ranges`."""
    named = {name.replace("_", "-"): text for name, text in validators.items()}

    def answer(asked: Asked) -> Answer:
        headers = {"Content-Type": kind, **named}
        wanted = asked.headers.get("range", "")
        current = asked.headers.get("if-range") in {None, *named.values()}
        if not (ranges and wanted and current):
            return Answer(content, headers=headers)
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return Answer(content[start:], status=206, headers=headers)

    return answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Log the request, then answer it."""
        source = self.server.source  # type: ignore[attr-defined] # the listener below
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
        source.log.append(asked)
        route = source.routes.get(parts.path)
        self._send(route(asked) if route else Answer(b"no such page", status=404))

    do_POST = do_GET  # noqa: N815 - the name that the base class calls

    def log_message(self, *_: object) -> None:
        """The log is the source's."""

    def _send(self, answer: Answer) -> None:
        pieces = [answer.body] if isinstance(answer.body, bytes) else answer.body
        length = len(answer.body) if isinstance(answer.body, bytes) else answer.length
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if length is None:
            self.send_header("Connection", "close")
        elif answer.status != NO_CONTENT:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.close_connection = not isinstance(answer.body, bytes)
        try:
            for piece in pieces:
                self.wfile.write(piece)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    source: SourceServer

    def handle_error(self, *_: object) -> None:
        """A reading that is killed hangs up; that is no error of the server."""


@contextmanager
def source_server() -> Iterator[SourceServer]:
    """Runs until the block ends."""
    listener = _Listener(("127.0.0.1", 0), _Handler)
    listener.source = SourceServer(listener.server_port)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield listener.source
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
