"""The `http` connector walks through paginated JSON APIs: every record once, whatever the kind of pagination."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.builtin_readings import Readings, ready
from tests.support.source_server import Answer, Asked, Route, SourceServer, as_json, source_server

RECORDS = [{"id": n, "name": f"order {n}", "items": [{"sku": 'a"b', "n": n}]} for n in range(25)]
SIZE = 10


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


def by_page(asked: Asked) -> Answer:
    first = (int(asked.query.get("page", 1)) - 1) * SIZE
    return as_json({"data": RECORDS[first : first + SIZE]})


def by_offset(asked: Asked) -> Answer:
    first = int(asked.query["offset"])
    # Like many servers, it never gives more than it likes to, whatever is asked for.
    return as_json(RECORDS[first : first + min(SIZE, int(asked.query["limit"]))])


def by_cursor(asked: Asked) -> Answer:
    first = int(asked.query.get("after", "c0").removeprefix("c"))
    following = f"c{first + SIZE}" if first + SIZE < len(RECORDS) else None
    return as_json({"data": RECORDS[first : first + SIZE], "meta": {"next": following}})


def by_cursor_in_body(asked: Asked) -> Answer:
    first = json.loads(asked.body).get("start", 0)
    assert json.loads(asked.body)["filter"] == {"state": "open"}
    return as_json(
        {"results": RECORDS[first : first + SIZE], "has_more": first + SIZE < len(RECORDS), "next": first + SIZE}
    )


def by_link(asked: Asked) -> Answer:
    first = int(asked.query.get("from", 0))
    more = f'</orders?from=0>; rel="first", </orders?from={first + SIZE}>; rel="next"'
    return as_json(
        RECORDS[first : first + SIZE], Link=more if first + SIZE < len(RECORDS) else '</orders>; rel="first"'
    )


def by_next_url(asked: Asked) -> Answer:
    first = int(asked.query.get("from", 0))
    following = f"?from={first + SIZE}" if first + SIZE < len(RECORDS) else ""
    return as_json({"orders": RECORDS[first : first + SIZE], "paging": {"next": following}})


KINDS: dict[str, tuple[Route, dict[str, Any], int]] = {
    "page": (by_page, {"pagination": {"kind": "page"}}, 4),
    "page, the last one is short": (by_page, {"pagination": {"kind": "page", "size": SIZE, "stop": "short"}}, 3),
    "offset": (by_offset, {"pagination": {"kind": "offset", "size": 50}}, 4),
    "cursor": (
        by_cursor,
        {"records": "data", "pagination": {"kind": "cursor", "param": "after", "next": "meta.next"}},
        3,
    ),
    "cursor in the body": (
        by_cursor_in_body,
        {
            "body": {"filter": {"state": "open"}, "start": 0},
            "pagination": {"kind": "cursor", "in": "body", "param": "start", "next": "next", "has_more": "has_more"},
        },
        3,
    ),
    "link": (by_link, {"pagination": {"kind": "link"}}, 3),
    "next_url": (by_next_url, {"records": "orders", "pagination": {"kind": "next_url", "next": "paging.next"}}, 3),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_record_arrives_once_by(kind: str, server: SourceServer, http: Readings) -> None:
    route, config, requests = KINDS[kind]
    server.routes["/orders"] = route
    read = http.read({"url": f"{server.url}/orders", **config})
    assert read.failed is None
    assert read.ids == list(range(25))
    assert len(server.log) == requests


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_kill_no_page_is_asked_for_again_by(kind: str, server: SourceServer, http: Readings) -> None:
    route, config, requests = KINDS[kind]
    server.routes["/orders"] = route
    source = {"url": f"{server.url}/orders", **config}
    ids: list[int] = []
    cursor: str | None = None
    for _ in range(3):
        # The page was acknowledged, so the guest may have asked for the following one before it was killed.
        read = http.read(source, cursor=cursor, stop_after=1)
        ids += read.ids
        cursor = read.cursors[-1]
    rest = http.read(source, cursor=cursor)
    assert ids + rest.ids == list(range(25))
    distinct = {(one.path, json.dumps(one.query), one.body) for one in server.log}
    assert len(distinct) == requests
    assert len(server.log) <= requests + 3


def test_after_the_end_the_next_run_starts_over(server: SourceServer, http: Readings) -> None:
    server.routes["/orders"] = by_page
    source = {"url": f"{server.url}/orders", "pagination": {"kind": "page"}}
    first = http.read(source)
    assert http.read(source, cursor=first.cursor).ids == first.ids


def test_a_run_that_died_before_the_end_was_noted_reads_nothing_twice(server: SourceServer, http: Readings) -> None:
    server.routes["/orders"] = by_link
    source = {"url": f"{server.url}/orders", "pagination": {"kind": "link"}}
    last = http.read(source).cursors[-1]
    asked = len(server.log)
    again = http.read(source, cursor=last)
    assert (again.rows, again.failed, len(server.log)) == ([], None, asked)
    assert http.read(source, cursor=again.cursor).ids == list(range(25))


def test_nested_values_land_as_json_text(server: SourceServer, http: Readings) -> None:
    server.routes["/orders"] = lambda _: as_json([{"id": 1, "a": {"b": [1, {"c": 'x"\\y\n'}]}, "e": [], "n": None}])
    (row,) = http.read({"url": f"{server.url}/orders"}).rows
    assert json.loads(row["a"]) == {"b": [1, {"c": 'x"\\y\n'}]}
    assert row["e"] == "[]"


def test_text_survives_byte_for_byte(server: SourceServer, http: Readings) -> None:
    name = 'ä€😀 "quoted" \\ / \b\f\n\r\t \u0001 ${secret:NO}'
    server.routes["/a"] = lambda _: as_json([{"id": 1, "name": name}])
    server.routes["/b"] = lambda _: Answer(
        "\ufeff ".encode() + json.dumps([{"id": 1, "name": name}], ensure_ascii=False, indent=2).encode(),
        headers={"Content-Type": "application/vnd.shop+json; charset=utf-8"},
    )
    assert [http.read({"url": server.url + path}).rows[0]["name"] for path in ("/a", "/b")] == [name, name]


def test_a_large_answer_is_handed_over_in_parts_and_resumes_inside(server: SourceServer, http: Readings) -> None:
    body = as_json([{"id": n, "text": "x" * 1000} for n in range(12_000)])
    server.routes["/orders"] = lambda _: body
    source = {"url": f"{server.url}/orders"}
    first = http.read(source, stop_after=1)
    assert 1_000 < len(first.rows) < 12_000
    rest = http.read(source, cursor=first.cursors[-1])
    assert first.ids + rest.ids == list(range(12_000))


def test_the_one_list_of_an_answer_is_taken_and_said(server: SourceServer, http: Readings) -> None:
    server.routes["/orders"] = lambda _: as_json({"took": 3, "hits": [{"id": 1}], "ok": True})
    read = http.read({"url": f"{server.url}/orders"})
    assert read.ids == [1]
    assert 'records are taken from the list "hits" of the answer' in read.logs


def test_of_two_lists_neither_is_guessed(server: SourceServer, http: Readings) -> None:
    server.routes["/orders"] = lambda _: as_json({"hits": [{"id": 1}], "errors": []})
    kind, message = http.read({"url": f"{server.url}/orders"}).failure()
    assert kind == "permanent"
    assert "2 lists; say which in source.config.records" in message


def test_an_object_without_a_list_is_one_record(server: SourceServer, http: Readings) -> None:
    server.routes["/now"] = lambda _: as_json({"id": 7, "rate": {"eur": 1.5}})
    assert http.read({"url": f"{server.url}/now"}).rows == [{"id": 7, "rate": '{"eur":1.5}'}]


@pytest.mark.parametrize(
    ("answer", "records"),
    [
        (as_json([]), {}),
        (as_json({"data": []}), {}),
        (as_json({"data": None}), {"records": "data"}),
        (Answer(status=204), {}),
    ],
)
def test_an_answer_without_records_is_an_empty_source(
    answer: Answer, records: dict[str, str], server: SourceServer, http: Readings
) -> None:
    server.routes["/orders"] = lambda _: answer
    read = http.read({"url": f"{server.url}/orders", **records})
    assert (read.rows, read.failed) == ([], None)


def test_a_server_that_ignores_the_page_number_is_found_out(server: SourceServer, http: Readings) -> None:
    server.routes["/orders"] = lambda _: as_json(RECORDS)
    kind, message = http.read({"url": f"{server.url}/orders", "pagination": {"kind": "page", "param": "p"}}).failure()
    assert kind == "permanent"
    assert 'answers as the page before did: does the server know the parameter "p"?' in message
    assert len(server.log) == 2


def test_an_answer_that_names_itself_as_next_ends_the_run(server: SourceServer, http: Readings) -> None:
    server.routes["/orders"] = lambda asked: as_json({"d": [{"id": len(asked.query)}], "next": "same"})
    config = {"url": f"{server.url}/orders", "pagination": {"kind": "cursor", "next": "next"}}
    assert "names itself as the next page" in http.read(config).failure()[1]


def test_a_next_link_to_another_server_is_refused(server: SourceServer, http: Readings) -> None:
    server.routes["/orders"] = lambda _: as_json({"d": [{"id": 1}], "next": "https://elsewhere.example/orders"})
    config = {"url": f"{server.url}/orders", "pagination": {"kind": "next_url", "next": "next"}}
    kind, message = http.read(config).failure()
    assert kind == "permanent"
    assert '"https://elsewhere.example/orders" is on another server' in message


def test_a_secret_goes_along_with_every_page_and_stays_out_of_the_cursor(server: SourceServer, http: Readings) -> None:
    def route(asked: Asked) -> Answer:
        if asked.query.get("key") != "hunter2-hunter2" or asked.headers.get("x-token") != "Bearer hunter2-hunter2":
            return Answer(b"who are you?", status=401)
        first = int(asked.query.get("from", 0))
        # It repeats the key in its links, as many servers do.
        more = f"{server.url}/orders?key=hunter2-hunter2&from={first + SIZE}"
        return as_json({"d": RECORDS[first : first + SIZE], "next": more if first + SIZE < len(RECORDS) else None})

    server.routes["/orders"] = route
    config = {
        "url": f"{server.url}/orders",
        "params": {"key": "${secret:KEY}"},
        "headers": {"X-Token": "Bearer ${secret:KEY}"},
        "pagination": {"kind": "next_url", "next": "next"},
    }
    read = http.read(config, secrets={"KEY": "hunter2-hunter2"})
    assert read.failed is None
    assert read.ids == list(range(25))
    assert "hunter2" not in "".join(read.cursors + read.logs)


REFERENCE = "${secret:OTHER}"


@pytest.mark.parametrize("config", [{"pagination": {"kind": "cursor", "next": "next"}}, {"since_param": "since"}])
def test_a_source_that_names_a_secret_does_not_get_it(
    config: dict[str, Any], server: SourceServer, http: Readings
) -> None:
    server.routes["/orders"] = lambda asked: as_json(
        {"d": [{"id": len(server.log), "at": REFERENCE}], "next": None if "cursor" in asked.query else REFERENCE}
    )
    source = {"url": f"{server.url}/orders", **config}
    first = http.read(source, incremental="at", primary_key=["id"], secrets={"OTHER": "hunter2-hunter2"})
    http.read(source, incremental="at", primary_key=["id"], secrets={"OTHER": "hunter2-hunter2"}, cursor=first.cursor)
    sent = [value for asked in server.log for value in asked.query.values()]
    assert sent
    assert set(sent) == {REFERENCE}


@pytest.mark.parametrize(
    ("answer", "config"),
    [
        ({"next": f"?key={REFERENCE}"}, {"pagination": {"kind": "next_url", "next": "next"}}),
        ({"next": REFERENCE}, {"body": {"a": 1}, "pagination": {"kind": "cursor", "in": "body", "next": "next"}}),
    ],
)
def test_a_next_position_that_names_a_secret_is_refused(
    answer: dict[str, Any], config: dict[str, Any], server: SourceServer, http: Readings
) -> None:
    server.routes["/orders"] = lambda _: as_json({"d": [{"id": 1}], **answer})
    source = {"url": f"{server.url}/orders", **config}
    kind, message = http.read(source, secrets={"OTHER": "hunter2-hunter2"}).failure()
    assert (kind, "refers to a secret" in message) == ("permanent", True)
    assert len(server.log) == 1


@pytest.mark.parametrize("kind", ["page", "offset"])
def test_a_server_that_promises_more_and_gives_nothing_is_found_out(
    kind: str, server: SourceServer, http: Readings
) -> None:
    server.routes["/orders"] = lambda _: as_json({"d": [], "more": True})
    source = {"url": f"{server.url}/orders", "pagination": {"kind": kind, "size": 9, "has_more": "more"}}
    assert "answers as the page before did" in http.read(source).failure()[1]
