"""The `http` connector reads only what is new by a field, and never the same row twice without a key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.builtin_readings import Read, Readings, Row, ready
from tests.support.source_server import Answer, SourceServer, as_file, as_json, source_server


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


def orders(*moments: str) -> list[Row]:
    return [{"id": number, "updated_at": moment} for number, moment in enumerate(moments)]


def serve(server: SourceServer, rows: list[Row]) -> dict[str, Any]:
    server.routes["/orders"] = lambda _: as_json(rows)
    return {"url": f"{server.url}/orders"}


def test_without_a_key_an_unchanged_source_gives_nothing(server: SourceServer, http: Readings) -> None:
    source = serve(server, orders("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"))
    first = http.read(source, incremental="updated_at")
    again = http.read(source, incremental="updated_at", cursor=first.cursor)
    assert (first.ids, again.rows, again.failed) == ([0, 1], [], None)
    assert http.read(source, incremental="updated_at", cursor=again.cursor).rows == []


def test_with_a_key_the_boundary_is_read_again(server: SourceServer, http: Readings) -> None:
    source = serve(server, orders("2026-01-01", "2026-01-02", "2026-01-02"))
    first = http.read(source, incremental="updated_at", primary_key=["id"])
    again = http.read(source, incremental="updated_at", primary_key=["id"], cursor=first.cursor)
    assert again.ids == [1, 2]


def test_only_new_rows_arrive_wherever_they_stand(server: SourceServer, http: Readings) -> None:
    source = serve(server, orders("2026-01-01", "2026-01-03"))
    first = http.read(source, incremental="updated_at")
    source = serve(server, orders("2026-01-05", "2026-01-03", "2026-01-04", "2026-01-02"))
    assert http.read(source, incremental="updated_at", cursor=first.cursor).ids == [0, 2]


def test_the_last_value_is_sent_to_the_server(server: SourceServer, http: Readings) -> None:
    source = {**serve(server, orders("2026-01-01T10:00:00+02:00")), "since_param": "since", "params": {"since": "1970"}}
    first = http.read(source, incremental="updated_at")
    http.read(source, incremental="updated_at", cursor=first.cursor)
    assert [asked.query["since"] for asked in server.log] == ["1970", "2026-01-01T10:00:00+02:00"]


def test_a_resumed_run_keeps_the_bound_it_started_with(server: SourceServer, http: Readings) -> None:
    pages = {1: orders("2026-01-09", "2026-01-01"), 2: orders("2026-01-05", "2026-01-02"), 3: []}
    server.routes["/orders"] = lambda asked: as_json(pages[int(asked.query["page"])])
    source = {"url": f"{server.url}/orders", "pagination": {"kind": "page"}, "since_param": "since"}
    bound = '{"v":1,"field":"updated_at","bound":"2026-01-04"}'
    cut = http.read(source, incremental="updated_at", cursor=bound, stop_after=1)
    rest = http.read(source, incremental="updated_at", cursor=cut.cursors[-1])
    assert [row["updated_at"] for row in cut.rows + rest.rows] == ["2026-01-09", "2026-01-05"]
    assert {asked.query["since"] for asked in server.log} == {"2026-01-04"}
    assert rest.cursor == '{"v":1,"field":"updated_at","bound":"2026-01-09"}'


@pytest.mark.parametrize(
    ("values", "highest"),
    [
        (["9", "10", "-3"], "10"),
        (["1.5", "1.50", "0.15e1"], "1.5"),
        (["123456789012345678901", "123456789012345678902"], "123456789012345678902"),
        (["-1", "-0.5", "-2e3"], "-0.5"),
        (["0", "-0.0", "1e-400"], "1e-400"),
        (["2e300", "1e301"], "1e301"),
    ],
)
def test_numbers_compare_as_numbers(values: list[str], highest: str, server: SourceServer, http: Readings) -> None:
    body = ",".join(f'{{"id": "{value}", "n": {value}}}' for value in values)
    server.routes["/orders"] = lambda _: Answer(f"[{body}]".encode(), headers={"Content-Type": "application/json"})
    source = {"url": f"{server.url}/orders"}
    first = http.read(source, incremental="n")
    assert first.failed is None
    assert first.cursor == f'{{"v":1,"field":"n","bound":{{"number":"{highest}"}}}}'
    assert http.read(source, incremental="n", cursor=first.cursor).rows == []


def test_numbers_and_texts_in_one_field_are_refused(server: SourceServer, http: Readings) -> None:
    source = serve(server, [{"id": 1, "n": "5"}, {"id": 2, "n": 6}])
    kind, message = http.read(source, incremental="n").failure()
    assert kind == "permanent"
    assert 'incremental field "n" holds numbers and texts: "5" and "6"' in message


def test_rows_without_a_value_land_once_without_a_key(server: SourceServer, http: Readings) -> None:
    source = serve(server, [{"id": 1, "n": 1}, {"id": 2, "n": None}, {"id": 3}])
    first = http.read(source, incremental="n")
    again = http.read(source, incremental="n", cursor=first.cursor)
    assert (first.ids, again.ids) == ([1, 2, 3], [])
    assert '2 rows have no value in the incremental field "n"' in first.logs


def test_rows_without_a_value_land_always_with_a_key(server: SourceServer, http: Readings) -> None:
    source = serve(server, [{"id": 1, "n": 1}, {"id": 2, "n": None}])
    first = http.read(source, incremental="n", primary_key=["id"])
    assert http.read(source, incremental="n", primary_key=["id"], cursor=first.cursor).ids == [1, 2]


def test_a_field_that_no_record_has_is_a_mistake(server: SourceServer, http: Readings) -> None:
    kind, message = http.read(serve(server, [{"id": 1}, {"id": 2}]), incremental="updatedAt").failure()
    assert kind == "permanent"
    assert 'incremental field "updatedAt" is in none of the 2 records' in message


def test_another_field_reads_everything_once(server: SourceServer, http: Readings) -> None:
    source = serve(server, [{"id": 1, "a": 5, "b": 1}, {"id": 2, "a": 6, "b": 2}])
    first = http.read(source, incremental="a")
    again = http.read(source, incremental="b", cursor=first.cursor)
    assert again.ids == [1, 2]
    assert 'the incremental field changed to "b": everything is read once' in again.logs


def test_fifty_pages_of_old_rows_are_walked_through(server: SourceServer, http: Readings) -> None:
    server.routes["/orders"] = lambda asked: as_json(
        [{"id": int(asked.query["page"]), "n": int(asked.query["page"])}] if int(asked.query["page"]) <= 50 else []
    )
    source = {"url": f"{server.url}/orders", "pagination": {"kind": "page"}}
    read = http.read(source, incremental="n", cursor='{"v":1,"field":"n","bound":{"number":"49"}}')
    assert (read.ids, read.failed) == ([50], None)


def check_csv(first: Read, again: Read) -> None:
    assert first.failed is None
    assert again.failed is None
    assert first.ids == [1, 2, 3]
    assert again.ids == [4]


@pytest.mark.parametrize(
    "values", [("9", "10", "8", "11"), ("2026-01-02", "2026-01-03", '"2026-01-01"', '"2026-02-01"')]
)
def test_a_csv_file_is_filtered_by_a_field(values: tuple[str, ...], server: SourceServer, http: Readings) -> None:
    lines = [f'{number},"n, {number}",{value}' for number, value in enumerate(values, 1)]
    source = {"url": f"{server.url}/orders.csv"}
    reads: list[Read] = []
    for upto in (3, 4):
        text = "\r\n".join(["id,name,at", *lines[:upto]])
        server.routes["/orders.csv"] = as_file(text.encode(), "text/csv")
        reads.append(http.read(source, incremental="at", cursor=reads[-1].cursor if reads else None))
    check_csv(*reads)


def test_a_csv_file_without_the_field_is_a_mistake(server: SourceServer, http: Readings) -> None:
    server.routes["/orders.csv"] = lambda _: Answer(b"id,name\n1,a\n", headers={"Content-Type": "text/csv"})
    message = http.read({"url": f"{server.url}/orders.csv"}, incremental="at").failure()[1]
    assert 'the incremental field "at" is not among the columns "id,name' in message


def test_a_long_stretch_of_old_rows_is_passed_by(server: SourceServer, http: Readings) -> None:
    def body() -> Iterator[bytes]:
        yield b"id,at\n"
        for _ in range(40):
            yield b"1,5\n" * (1 << 18)
        yield b"2,6\n"

    server.routes["/orders.csv"] = lambda _: Answer(body(), headers={"Content-Type": "text/csv"})
    bound = '{"v":1,"field":"at","bound":{"number":"5"}}'
    read = http.read({"url": f"{server.url}/orders.csv"}, incremental="at", cursor=bound, memory_bytes=24 << 20)
    assert (read.ids, read.failed) == ([2], None)


def test_each_table_has_its_own_path_and_adds_its_own_parameters(server: SourceServer, http: Readings) -> None:
    server.routes["/v1/Orders"] = lambda asked: as_json([{"id": 1, "q": json.dumps(asked.query, sort_keys=True)}])
    config = {
        "url": f"{server.url}/v1/",
        "params": {"lang": "en", "state": "all"},
        "tables": {"orders": {"path": "Orders", "params": {"state": "a b&c=d", "n": 5}}, "lines": {"path": "lines"}},
    }
    (row,) = http.read(config).rows
    assert json.loads(row["q"]) == {"lang": "en", "state": "a b&c=d", "n": "5"}


def test_the_name_of_the_table_stands_in_the_url(server: SourceServer, http: Readings) -> None:
    server.routes["/v1/daily%20orders/all"] = lambda _: as_json([{"id": 1}])
    assert http.read({"url": f"{server.url}/v1/{{table}}/all"}, table="daily orders").ids == [1]
