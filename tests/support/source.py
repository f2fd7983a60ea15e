"""A source on loopback: pages of JSON over real HTTP, with an access log that a test reads."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Source:
    """`rows` rows with an id, in pages of `size`; each page takes `delay` seconds to answer."""

    def __init__(self, *, rows: int, size: int, delay: float = 0.0) -> None:
        self.rows = rows
        self.size = size
        self.delay = delay
        self.statuses: list[int] = []
        self.asked: list[int] = []
        self.asked_at: list[float] = []
        source = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                source.answer(self)

            def log_message(self, *_: object) -> None:
                """The log is the list of pages."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def pipeline(self, pipeline_id: str = "orders", *, extra: str = "") -> str:
        """A pipeline that reads this source page by page."""
        return f"""
[[pipeline]]
id = "{pipeline_id}"
source = {{ connector = "http", config = {{ url = "{self.url}/{{table}}", records = "items", \
pagination = {{ kind = "page", param = "page", size_param = "size", size = {self.size} }} }} }}
tables = ["orders"]
{extra}
"""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        page = int(parse_qs(urlsplit(request.path).query).get("page", ["1"])[0])
        self.asked.append(page)
        self.asked_at.append(time.time())
        time.sleep(self.delay)
        status = self.statuses.pop(0) if self.statuses else 200
        first = (page - 1) * self.size
        items = [{"id": n, "name": f"row {n}"} for n in range(first, min(first + self.size, self.rows))]
        body = json.dumps({"items": items}).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        with suppress(OSError):  # whoever asked was killed
            request.end_headers()
            request.wfile.write(body)

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def source(*, rows: int, size: int, delay: float = 0.0) -> Iterator[Source]:
    """A source that answers until the block ends."""
    started = Source(rows=rows, size=size, delay=delay)
    started.start()
    try:
        yield started
    finally:
        started.stop()
