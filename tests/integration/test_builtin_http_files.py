"""CSV and NDJSON files over HTTP: streamed in flat memory, cut between records, resumed where they stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.builtin_readings import Readings, ready
from tests.support.source_server import Answer, Asked, SourceServer, as_file, source_server


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Readings]:
    with ready(tmp_path_factory.mktemp("http"), "http") as readings:
        yield readings


@pytest.fixture
def server() -> Iterator[SourceServer]:
    with source_server() as listening:
        yield listening


@pytest.fixture
def http(server: SourceServer, running: Readings) -> Readings:
    return replace(running, egress=server.egress)


MORE = b"more " * 12


def csv_lines(first: int, last: int) -> bytes:
    """With commas, quotes and line ends inside the quoted fields."""
    return b"".join(b'%d,"name ""%d"",\r\nand %s",2026-01-01\r\n' % (n, n, MORE) for n in range(first, last))


def ndjson_lines(first: int, last: int) -> bytes:
    return b"".join(
        b'{"id":%d,"name":"%s","tags":["a",{"b": 1}],"at":"2026-01-01"}\n' % (n, MORE) for n in range(first, last)
    )


ROWS = 100_000
CSV = b"\xef\xbb\xbfid,name,at\r\n" + csv_lines(0, ROWS)
NDJSON = ndjson_lines(0, ROWS)


def serve(server: SourceServer, kind: str, content: bytes, **how: Any) -> dict[str, Any]:
    media = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}[kind]
    server.routes["/orders"] = as_file(content, media, **how)
    return {"url": f"{server.url}/orders"}


FILES = pytest.mark.parametrize(("kind", "content"), [("csv", CSV), ("ndjson", NDJSON)])
VALIDATORS = [
    {"ETag": '"v1"'},
    {"Last_Modified": "Sun, 06 Nov 1994 08:49:37 GMT"},
    {"ETag": 'W/"v1"', "Last_Modified": "Sun, 06 Nov 1994 08:49:37 GMT"},
]


@FILES
def test_a_file_is_read_in_several_pages(kind: str, content: bytes, server: SourceServer, http: Readings) -> None:
    read = http.read(serve(server, kind, content))
    assert read.failed is None
    assert len(read.pages) > 1
    assert read.ids == list(range(ROWS))
    assert len(server.log) == 1
    assert max(map(len, read.cursors)) < 500


@FILES
@pytest.mark.parametrize("validators", VALIDATORS)
def test_a_killed_run_asks_for_the_rest_only(
    kind: str, content: bytes, validators: dict[str, str], server: SourceServer, http: Readings
) -> None:
    source = serve(server, kind, content, **validators)
    first = http.read(source, stop_after=1)
    rest = http.read(source, cursor=first.cursors[-1])
    assert first.ids + rest.ids == list(range(ROWS))
    asked = server.log[-1].headers
    assert int(asked["range"].removeprefix("bytes=").rstrip("-")) > 3 << 20
    assert asked["accept-encoding"] == "identity"


@FILES
@pytest.mark.parametrize(
    "how", [{}, {"ranges": False, "ETag": '"v1"'}, {"ETag": 'W/"v1"'}, {"ranges": False, "Last_Modified": "x"}]
)
def test_without_ranges_the_start_is_skipped(
    kind: str, content: bytes, how: dict[str, Any], server: SourceServer, http: Readings
) -> None:
    source = serve(server, kind, content, **how)
    first = http.read(source, stop_after=1)
    rest = http.read(source, cursor=first.cursors[-1])
    assert first.ids + rest.ids == list(range(ROWS))


@FILES
@pytest.mark.parametrize("how", [{"ETag": '"v1"'}, {"ETag": '"v1"', "ranges": False}, {}])
def test_a_file_that_changed_is_read_from_its_start(
    kind: str, content: bytes, how: dict[str, Any], server: SourceServer, http: Readings
) -> None:
    first = http.read(serve(server, kind, content, **how), stop_after=1)
    changed = (b"id,name,at\r\n" + csv_lines(5, 9)) if kind == "csv" else ndjson_lines(5, 9)
    again = {**how, "ETag": '"v2"'} if how else {}
    rest = http.read(serve(server, kind, changed, **again), cursor=first.cursors[-1])
    assert rest.ids == [5, 6, 7, 8]
    assert any("it is read again from its start" in line for line in rest.logs)


def test_a_place_that_is_no_line_end_any_more_is_not_trusted(server: SourceServer, http: Readings) -> None:
    source = serve(server, "ndjson", NDJSON, ETag='"v1"')
    first = http.read(source, stop_after=1)
    # The same validator and length over other lines: a server that lies, or a cursor that was tampered with.
    shifted = b'{"id":0,"s":"' + b"x" * (4 << 20) + b'"}\n' + ndjson_lines(1, 100)
    rest = http.read(serve(server, "ndjson", shifted, ETag='"v1"'), cursor=first.cursors[-1], keep_rows=False)
    assert sum(row["rows"] for row in rest.rows) == 100
    assert any("no line end where the last attempt stopped" in line for line in rest.logs)


def test_a_validator_that_names_a_secret_is_never_sent_back(server: SourceServer, http: Readings) -> None:
    source = serve(server, "csv", CSV, ETag='"${secret:OTHER}"')
    first = http.read(source, stop_after=1, secrets={"OTHER": "hunter2-hunter2"})
    rest = http.read(source, cursor=first.cursors[-1], secrets={"OTHER": "hunter2-hunter2"})
    assert first.ids + rest.ids == list(range(ROWS))
    assert all("if-range" not in asked.headers for asked in server.log)


def test_after_the_last_page_nothing_is_read_twice(server: SourceServer, http: Readings) -> None:
    source = serve(server, "csv", CSV.rstrip(), ETag='"v1"')
    last = http.read(source).cursors[-1]
    read = http.read(source, cursor=last)
    assert (read.rows, len(server.log)) == ([], 1)
    assert len(http.read(source, cursor=read.cursor).rows) == ROWS


def test_memory_stays_flat(server: SourceServer, http: Readings) -> None:
    pieces = 60
    lines = csv_lines(0, 10_000)

    def body() -> Iterator[bytes]:
        yield b"id,name,at\n"
        for _ in range(pieces):
            yield lines

    server.routes["/orders"] = lambda _: Answer(body(), headers={"Content-Type": "text/csv"})
    read = http.read({"url": f"{server.url}/orders"}, memory_bytes=24 << 20, keep_rows=False)
    assert read.failed is None
    assert sum(row["rows"] for row in read.rows) == pieces * 10_000
    assert pieces * len(lines) > 40 << 20


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (b"", []),
        (b"\n\r\n", []),
        (b"id,name", []),
        (b"id,name\r\n", []),
        (b"\xef\xbb\xbfid,name\n1,a", [{"id": 1, "name": "a"}]),
        (b'\n"id",name\n\n1,"a ""b"", c\nd"\r\n\r\n2,\n', [{"id": 1, "name": 'a "b", c\nd'}, {"id": 2, "name": None}]),
        (b"id,name\r1,a\r2,b\r", [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]),
    ],
)
def test_unusual_csv_is_read(text: bytes, rows: list[Any], server: SourceServer, http: Readings) -> None:
    read = http.read(serve(server, "csv", text))
    assert (read.rows, read.failed) == (rows, None)


@pytest.mark.parametrize(
    ("kind", "text", "why"),
    [
        ("csv", b"id,name\n1,a\n2\n", "line 3: 1 fields, but the header has 2"),
        ("csv", b'id,name\n1,"a\nb"\n2,b,c\n', "line 4: 3 fields, but the header has 2"),
        ("csv", b'id,name\n1,a\n2,"b\n3,c\n', "line 3: a quote is opened and never closed"),
        ("csv", b"id,name\n1,\x00\n", "line 2: a NUL byte"),
        ("csv", b"x" * (40 << 10) + b"\n1\n", "column names is longer than 32 KiB"),
        ("ndjson", b'{"id":1}\n{"id":}\n', "line 2, byte 15: a value is missing"),
        ("ndjson", b'{"id":1}\n[2]\n', "line 2: not a JSON object"),
        ("ndjson", b'{"id":1} {"id":2}\n', "line 1, byte 9: more than one value in a line"),
        ("ndjson", b'{"id":1}\n{"id":\n2}\n', "line 2, byte 15: the text ends too early"),
    ],
)
def test_broken_files_are_named_with_the_line(
    kind: str, text: bytes, why: str, server: SourceServer, http: Readings
) -> None:
    found, message = http.read(serve(server, kind, text)).failure()
    assert found == "permanent"
    assert f"/orders, {why}" in message or why in message


@pytest.mark.parametrize("start", [b"id,name\n1,", b'id,name\n1,"', b'{"id":"'])
def test_a_line_of_100_mb_is_refused_in_flat_memory(start: bytes, server: SourceServer, http: Readings) -> None:
    kind = "ndjson" if start.startswith(b"{") else "csv"

    def body() -> Iterator[bytes]:
        yield start
        for _ in range(100):
            yield b"x" * 1_000_000

    server.routes["/orders"] = lambda _: Answer(body(), headers={"Content-Type": "text/csv"})
    read = http.read({"url": f"{server.url}/orders", "format": kind}, memory_bytes=64 << 20)
    found, message = read.failure()
    assert (found, "a record of more than 5 MiB" in message) == ("permanent", True)


def test_other_delimiters_land_the_same_rows(server: SourceServer, http: Readings) -> None:
    server.routes["/a.tsv"] = as_file(b'id\tname\n1\ta,b\n2\t"c\td"\n3\te"f\n', "application/octet-stream")
    server.routes["/b"] = as_file(b'id;name\r\n1;a,b\r\n2;"c\td"\r\n3;e"f\r\n', "text/csv")
    tabs = http.read({"url": f"{server.url}/a.tsv"})
    semicolons = http.read({"url": f"{server.url}/b", "delimiter": ";"})
    assert tabs.failed is semicolons.failed is None
    assert tabs.rows == semicolons.rows
    assert [row["name"] for row in tabs.rows] == ["a,b", "c\td", 'e"f']


def test_a_connection_that_breaks_is_transient_and_resumes(server: SourceServer, http: Readings) -> None:
    whole = as_file(CSV, "text/csv", ETag='"v1"')

    def broken(_: Asked) -> Answer:
        headers = {"Content-Type": "text/csv", "ETag": '"v1"'}
        return Answer(iter([CSV[: 9 << 20]]), headers=headers, length=len(CSV))

    server.routes["/orders"] = broken
    first = http.read({"url": f"{server.url}/orders"})
    assert first.failure()[0] == "transient"
    assert first.pages
    server.routes["/orders"] = whole
    rest = http.read({"url": f"{server.url}/orders"}, cursor=first.cursors[-1])
    assert first.ids + rest.ids == list(range(ROWS))
