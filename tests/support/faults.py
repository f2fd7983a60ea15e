"""A proxy before a real HTTP server that loses, delays or garbles what it is told to."""

from __future__ import annotations

import http.client
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Fault(Enum):
    """What happens to one request."""

    NONE = "passed on"
    BUSY = "answered 503 without asking the server"
    CUT = "connection closed before the server hears of it"
    LOST = "done by the server, its answer thrown away"


@dataclass
class Faults:
    """`plan` is used up one entry a request, then everything passes. `always` is used when the plan is empty.

    `deaf` drops the conditions of a write, as many servers do. It breaks signatures.
    """

    endpoint: str
    plan: deque[Fault] = field(default_factory=deque)
    always: Fault = Fault.NONE
    deaf: bool = False
    seen: list[tuple[str, str, Fault]] = field(default_factory=list)

    def next(self, method: str, path: str) -> Fault:
        fault = self.plan.popleft() if self.plan else self.always
        self.seen.append((method, path, fault))
        return fault


@contextmanager
def faulty(endpoint: str, *, deaf: bool = False) -> Iterator[Faults]:
    """Serve `endpoint` through a proxy on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    faults = Faults(f"http://127.0.0.1:{server.server_address[1]}", deaf=deaf)
    server.faults = faults  # type: ignore[attr-defined]
    server.target = urlsplit(endpoint).netloc  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield faults
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _proxy(self) -> None:
        faults: Faults = self.server.faults  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = faults.next(self.command, self.path)
        if fault is Fault.BUSY:
            self._answer(503, "Slow down", {"Content-Type": "text/plain"}, b"")
        elif fault is Fault.CUT:
            self._hang_up()
        else:
            status, reason, headers, answer = self._ask(body, deaf=faults.deaf)
            if fault is Fault.LOST:
                self._hang_up()
            else:
                self._answer(status, reason, headers, answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _proxy  # noqa: N815 - the names that http.server looks for

    def _ask(self, body: bytes, *, deaf: bool) -> tuple[int, str, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.server.target, timeout=30)  # type: ignore[attr-defined]
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if not (deaf and name.lower() in {"if-match", "if-none-match"}):
                    connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return response.status, response.reason, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def _answer(self, status: int, reason: str, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status, reason)
        for name, value in headers.items():
            if name.lower() not in {"content-length", "connection", "transfer-encoding"}:
                self.send_header(name, value)
        head_size = next((value for name, value in headers.items() if name.lower() == "content-length"), "0")
        self.send_header("Content-Length", head_size if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in http.server
        """Say nothing: `Faults.seen` has it."""
