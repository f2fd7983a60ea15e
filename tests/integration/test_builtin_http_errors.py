"""What the `http` connector makes of servers that refuse, fail or send rubbish, and of settings nobody can mean."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.builtin_readings import Readings, ready
from tests.support.source_server import Answer, SourceServer, as_json, source_server


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


def read_answer(answer: Answer, server: SourceServer, http: Readings) -> tuple[str, str]:
    server.routes["/orders"] = lambda _: answer
    return http.read({"url": f"{server.url}/orders"}).failure()


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"Retry-After": "17"}, 17),
        (503, {"Retry-After": "120"}, 120),
        (403, {"Retry-After": "60"}, 60),
        (429, {"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT", "Date": "Fri, 31 Dec 2100 23:58:29 GMT"}, 90),
        (429, {"Retry-After": "Thu, 29 Feb 2096 00:00:10 GMT", "Date": "Wed, 28 Feb 2096 23:59:50 GMT"}, 20),
        (429, {"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT", "Date": "Sun, 06 Nov 1994 08:50:37 GMT"}, 0),
        (429, {"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}, 30),
        (429, {"Retry-After": "soon"}, 30),
        (429, {}, 30),
    ],
)
def test_a_server_that_asks_for_patience_says_how_much(
    status: int, headers: dict[str, str], seconds: int, server: SourceServer, http: Readings
) -> None:
    server.routes["/orders"] = lambda _: Answer(b"slow down", status=status, headers=headers)
    failed = http.read({"url": f"{server.url}/orders"}).failed
    assert failed is not None
    assert (failed.kind, failed.retry_after_seconds) == ("rate_limited", seconds)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "permanent"),
        (401, "auth_expired"),
        (403, "auth_expired"),
        (404, "permanent"),
        (408, "transient"),
        (410, "permanent"),
        (416, "permanent"),
        (500, "transient"),
        (502, "transient"),
        (503, "transient"),
    ],
)
def test_a_status_decides_whether_trying_again_can_help(
    status: int, kind: str, server: SourceServer, http: Readings
) -> None:
    found, message = read_answer(Answer(b"Because\n I say so. " + b"x" * 5000, status=status), server, http)
    assert found == kind
    assert str(status) in message
    assert len(message) < 600
    if status != 416:
        assert f'/orders" answered {status}: "Because  I say so. xxx' in message


def test_a_server_that_is_down_is_transient(http: Readings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        down = replace(http, egress=(f"127.0.0.1:{port}",))
        assert down.read({"url": f"http://127.0.0.1:{port}/orders"}).failure()[0] == "transient"


def test_a_host_that_is_not_granted_is_never_asked(server: SourceServer, http: Readings) -> None:
    kind, message = replace(http, egress=("api.example.com",)).read({"url": f"{server.url}/orders"}).failure()
    assert kind == "permanent"
    assert "was denied" in message
    assert server.log == []


def test_an_answer_cut_short_is_transient(server: SourceServer, http: Readings) -> None:
    cut = Answer(iter([b'[{"id": 1}, {"i']), headers={"Content-Type": "application/json"}, length=1000)
    assert read_answer(cut, server, http)[0] == "transient"


def json_answer(text: str | bytes) -> Answer:
    return Answer(text.encode() if isinstance(text, str) else text, headers={"Content-Type": "application/json"})


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "empty body"),
        (" \n", "empty body"),
        ("<html>", "byte 0: a value is missing or not JSON"),
        ('[{"id": 1}', "byte 10: a list is not closed"),
        ('[{"id": 1}, {"id": }]', "byte 19: a value is missing"),
        ('[{"id": 1}] x', "byte 12: more after the end"),
        ('[{"id": 01}]', "byte 8: a number starts with 0"),
        ('[{"id": 1.}]', "byte 10: a digit is missing"),
        ('[{"id": "a\tb"}]', "byte 10: a control character"),
        ('[{"id": "a\x00b"}]', "byte 10: a control character"),
        ('[{"id": "\\x"}]', "byte 10: an unknown escape"),
        ('[{"id": "\\u12g4"}]', "byte 11: four hexadecimal digits"),
        ('[{"id": "abc', "byte 12: a text is not closed"),
        ('[{"id": 1,}]', "byte 10: a key in quotes is missing"),
        ('[{"id" 1}]', "byte 7: a colon is missing"),
        ('[{"id": 1} {"id": 2}]', "byte 11: a comma or the closing bracket is missing"),
        ("[" * 100_000, "byte 64: nested more than 64 levels deep"),
        ('[{"id": 1}, 5]', "record 1 is not an object but"),
        ('[{"id": 1}, null]', "record 1 is not an object but"),
        ('[{"id": 1}, [[2]]]', "record 1 is not an object but"),
        ('"text"', "the records are no list but"),
    ],
)
def test_rubbish_is_named_with_its_place(body: str, why: str, server: SourceServer, http: Readings) -> None:
    kind, message = read_answer(json_answer(body), server, http)
    assert kind == "permanent"
    assert why in message


def test_64_levels_are_deep_enough(server: SourceServer, http: Readings) -> None:
    server.routes["/orders"] = lambda _: json_answer('[{"id":' + "[" * 62 + "]" * 62 + "}]")
    assert http.read({"url": f"{server.url}/orders"}).ids == ["[" * 62 + "]" * 62]


def test_half_a_surrogate_pair_becomes_a_replacement_character(server: SourceServer, http: Readings) -> None:
    server.routes["/orders"] = lambda _: json_answer(r'[{"id": "a\ud83d", "b": "\ude00b", "c": "\ud83d\ude00"}]')
    read = http.read({"url": f"{server.url}/orders"})
    assert read.rows == [{"id": "a\ufffd", "b": "\ufffdb", "c": "😀"}]
    assert any("half a surrogate pair became U+FFFD" in line for line in read.logs)


def test_a_body_that_is_not_utf8_is_refused(server: SourceServer, http: Readings) -> None:
    kind, message = read_answer(json_answer('[{"id": "ä"}]'.encode("latin-1")), server, http)
    assert (kind, "not UTF-8" in message) == ("permanent", True)


def test_a_record_of_more_than_5_mib_is_refused(server: SourceServer, http: Readings) -> None:
    kind, message = read_answer(as_json([{"id": "x" * (6 << 20)}]), server, http)
    assert (kind, "record 0 is over 5 MiB" in message) == ("permanent", True)


def test_an_endless_answer_is_refused_before_memory_ends(server: SourceServer, http: Readings) -> None:
    endless = Answer(iter([b"[" + b" " * (1 << 20)] * 200), headers={"Content-Type": "application/json"})
    kind, message = read_answer(endless, server, http)
    assert (kind, "over 64 MiB" in message) == ("permanent", True)


def test_a_content_type_without_a_meaning_needs_a_format(server: SourceServer, http: Readings) -> None:
    server.routes["/orders"] = lambda _: Answer(b'[{"id": 1}]', headers={"Content-Type": "text/plain"})
    kind, message = http.read({"url": f"{server.url}/orders"}).failure()
    assert (kind, "say source.config.format" in message) == ("permanent", True)
    assert http.read({"url": f"{server.url}/orders", "format": "json"}).ids == [1]


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({}, "source.config.url is missing"),
        ({"url": 5}, "source.config.url must be a text"),
        ({"url": "ftp://x"}, "must start with http:// or https://"),
        ({"url": "http:///x"}, "must start with http:// or https://"),
        ({"url": "http://x", "urll": 1}, 'source.config: unknown key "urll"; known are: url tables'),
        ({"url": "http://x", "tables": {"orders": {"pth": 1}}}, 'source.config.tables: unknown key "pth"'),
        ({"url": "http://x", "tables": {"lines": {}}}, 'table "orders" is not in source.config.tables'),
        ({"url": "http://x", "tables": []}, "source.config.tables must be a table of tables"),
        ({"url": "http://x", "method": "DELETE"}, "source.config.method must be one of GET POST"),
        ({"url": "http://x", "method": "GET", "body": "x"}, 'source.config.body needs method = "POST"'),
        ({"url": "http://x", "body": 5}, "source.config.body must be a text or a table"),
        ({"url": "http://x", "format": "xml"}, 'must be one of json ndjson csv, not "xml"'),
        ({"url": "http://x", "headers": ["a"]}, "source.config.headers must be a table"),
        ({"url": "http://x", "params": {"a": [1]}}, "source.config.params.a must be a text, a number or a boolean"),
        ({"url": "http://x", "params": {f"p{n}": n for n in range(70)}}, "source.config.params has more than 64"),
        ({"url": "http://x", "timeout": 0}, "source.config.timeout must be 1 to 3600 seconds"),
        ({"url": "http://x", "timeout": 2.5}, "source.config.timeout must be 1 to 3600 seconds"),
        ({"url": "http://x", "delimiter": "ab"}, "source.config.delimiter must be one ASCII character"),
        ({"url": "http://x", "delimiter": "é"}, "source.config.delimiter must be one ASCII character"),
        ({"url": "http://x?a=1", "path": "y"}, "source.config.url has a query"),
        ({"url": "http://x", "pagination": "page"}, "source.config.pagination must be a table"),
        ({"url": "http://x", "pagination": {"kind": "pages"}}, "none page offset cursor link next_url"),
        ({"url": "http://x", "pagination": {"kind": "offset"}}, "pagination by offset needs a size"),
        ({"url": "http://x", "pagination": {"kind": "cursor"}}, "source.config.pagination.next must be the path"),
        ({"url": "http://x", "pagination": {"kind": "page", "start": -1}}, "source.config.pagination.start must be"),
        ({"url": "http://x", "pagination": {"kind": "page", "in": "body"}}, "needs source.config.body as a table"),
        ({"url": "http://x", "pagination": {"kind": "page", "stop": "short"}}, "needs a size"),
        ({"url": "http://x", "pagination": {"kind": "page", "nxt": 1}}, 'source.config.pagination: unknown key "nxt"'),
        ({"url": "http://x", "format": "csv", "pagination": {"kind": "page"}}, "pagination is for JSON answers"),
    ],
)
def test_settings_are_refused_by_name_before_anything_is_asked(
    config: dict[str, Any], why: str, http: Readings
) -> None:
    kind, message = http.read(config).failure()
    assert kind == "permanent"
    assert why in message


@pytest.mark.parametrize(
    ("cursor", "why"),
    [
        ("", "the stored cursor: the text ends too early"),
        ("{", "the stored cursor: a key in quotes is missing"),
        ("[]", "the stored cursor must be a JSON object"),
        ("{}", "is not one of this connector"),
        ('{"v":2}', "is not one of this connector"),
        ('{"v":1,"at":{"page":-1}}', "the stored cursor has a strange page"),
        ('{"v":1,"field":"id","bound":{"number":"x"}}', "the stored cursor holds no usable value"),
        ('{"v":1,"field":"id","bound":true}', "the stored cursor holds no usable value"),
    ],
)
def test_a_damaged_cursor_is_refused(cursor: str, why: str, server: SourceServer, http: Readings) -> None:
    server.routes["/orders"] = lambda _: as_json([{"id": 1}])
    source = {"url": f"{server.url}/orders", "pagination": {"kind": "page"}}
    kind, message = http.read(source, cursor=cursor, incremental="id").failure()
    assert kind == "permanent"
    assert why in message
    assert server.log == []
