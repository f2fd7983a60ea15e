"""A source in a process of its own: one tiny page, CSV files with ranges, and the time of every request.

`python -m tests.bench.source FOLDER` serves the files of FOLDER and prints its port. One thread and no
framework: two hundred readings that come at once must not wait for their source.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

ROOT = Path(__file__).parents[2]
BACKLOG = 1024
TINY = b'[{"id":1,"name":"one"},{"id":2,"name":"two"}]'
_RANGE = re.compile(rb"\r\nrange: *bytes=(\d+)-\r\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BenchSource:
    """The source, as seen from the process that started it."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def asked(self) -> list[float]:
        """When each request since the last call came, in seconds since 1970."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        try:
            connection.request("GET", "/log")
            return [float(at) for at in json.loads(connection.getresponse().read())]
        finally:
            connection.close()

    def pipeline(self, pipeline_id: str, path: str = "tiny", extra: str = "") -> str:
        """A pipeline that reads one table from one address."""
        return (
            f'[[pipeline]]\nid = "{pipeline_id}"\n'
            f'source = {{ connector = "http", config = {{ url = "{self.url}/{path}" }} }}\n'
            f'tables = ["rows"]\n{extra}\n'
        )


class _Answers(asyncio.Protocol):
    """One connection; requests have no bodies."""

    def __init__(self, folder: Path, asked: list[float]) -> None:
        self._folder = folder
        self._asked = asked
        self._received = b""
        self._sending: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            self._answer(head.split(b" ", 2)[1].partition(b"?")[0].decode(), head + b"\r\n")

    def _answer(self, path: str, head: bytes) -> None:
        if path == "/log":
            self._send(json.dumps(self._asked).encode())
            self._asked.clear()
            return
        self._asked.append(time.time())
        if path.endswith(".csv"):
            wanted = _RANGE.search(head)
            sending = self._send_file(self._folder / path[1:], int(wanted[1]) if wanted else None)
            self._sending = asyncio.get_running_loop().create_task(sending)
        else:
            self._send(TINY)

    def _send(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)

    async def _send_file(self, path: Path, start: int | None) -> None:
        size, first = _size(path), start or 0
        status = "200 OK" if start is None else f"206 Partial Content\r\nContent-Range: bytes {first}-{size - 1}/{size}"
        head = (
            f'HTTP/1.1 {status}\r\nContent-Type: text/csv\r\nContent-Length: {size - first}\r\nETag: "{size}"\r\n\r\n'
        )
        self._transport.write(head.encode())
        with path.open("rb") as file:
            await asyncio.get_running_loop().sendfile(self._transport, file, first)


def _size(path: Path) -> int:
    return path.stat().st_size


@contextmanager
def bench_source(folder: Path) -> Iterator[BenchSource]:
    """Runs until the block ends."""
    command = [sys.executable, "-m", "tests.bench.source", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield BenchSource(int(process.stdout.readline()))
        finally:
            process.kill()


async def _serve(folder: Path) -> None:
    asked: list[float] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answers(folder, asked), "127.0.0.1", 0, backlog=BACKLOG)
    click.echo(server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
