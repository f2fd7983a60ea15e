"""The API over a real server: following a log, repeated requests at the same time, garbage on the socket."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from appliance.core.run import Run
from appliance.entrypoints.http import logs
from tests.support.api import Api, Wire, api, on_wire
from tests.support.harness import ALICE, pipeline

Event = tuple[str, int, dict[str, object]]


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    with api(tmp_path, substrate="selfhosted") as given, on_wire(given) as wire:
        given.harness.apply(pipeline())
        yield wire


def _started(given: Api) -> Run:
    return given.harness.control.request.start(ALICE, "orders")


def _say(given: Api, run: Run, *messages: str) -> None:
    now = given.harness.clock.now()
    given.harness.on.records.log(run.id, [(now, "info", message) for message in messages])


def _events(wire: Wire, run: Run, **headers: str) -> Generator[Event, None, None]:
    """Events as they come, until the server ends the stream."""
    path = f"/api/v1/runs/{run.id}/logs"
    with wire.open("GET", path, "charlie", None, Accept="text/event-stream", **headers) as answer:
        assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
        fields: dict[str, str] = {}
        for raw in answer:
            name, _, value = raw.decode().rstrip("\n").partition(": ")
            if name == "data":
                yield fields["event"], int(fields["id"]), json.loads(value)
            elif name:
                fields[name] = value


def test_a_followed_log_grows_and_ends_with_the_final_state(wire: Wire) -> None:
    run = _started(wire.api)
    _say(wire.api, run, "first", "second")
    events = _events(wire, run)

    before = [next(events), next(events)]
    wire.api.harness.answer()
    after = list(events)

    assert [(kind, seq, data["message"]) for kind, seq, data in before] == [("log", 1, "first"), ("log", 2, "second")]
    assert [seq for _, seq, _ in after[:-1]] == list(range(3, 3 + len(after) - 1))
    assert after[-1] == ("end", after[-2][1], {"state": "succeeded", "error": None})


def test_a_broken_stream_resumes_after_the_last_event(wire: Wire) -> None:
    run = _started(wire.api)
    _say(wire.api, run, "one", "two", "three")
    wire.api.harness.answer()

    everything = list(_events(wire, run))
    rest = list(_events(wire, run, Last_Event_ID="2"))

    assert rest == everything[2:]


def test_a_message_with_line_breaks_stays_one_event(wire: Wire) -> None:
    run = _started(wire.api)
    _say(wire.api, run, "a\n\nevent: end\ndata: {}\r\nb")
    wire.api.harness.answer()

    kind, _, data = next(_events(wire, run))

    assert (kind, data["message"]) == ("log", "a\n\nevent: end\ndata: {}\r\nb")


def test_a_stream_outlives_more_lines_than_a_page_holds(wire: Wire) -> None:
    run = _started(wire.api)
    _say(wire.api, run, *map(str, range(1200)))
    wire.api.harness.answer()

    events = list(_events(wire, run))

    assert [data["message"] for _, _, data in events[:1200]] == list(map(str, range(1200)))
    assert events[-1][0] == "end"


def test_a_stream_ends_without_a_final_state_when_the_process_stops(wire: Wire) -> None:
    run = _started(wire.api)
    _say(wire.api, run, "waiting")
    events = _events(wire, run)

    assert next(events)[0] == "log"
    wire.api.stopping.set()

    assert list(events) == []


def test_a_stream_ends_when_its_token_is_revoked(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "HEARTBEAT", 0.2)
    run = _started(wire.api)
    _say(wire.api, run, "waiting")
    events = _events(wire, run)

    assert next(events)[0] == "log"
    wire.api.harness.control.teams.remove_member(ALICE, "charlie")

    assert list(events) == []


def test_no_more_logs_are_followed_than_the_process_can_serve(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "STREAMS", 1)
    run = _started(wire.api)
    _say(wire.api, run, "waiting")
    events = _events(wire, run)
    next(events)

    status, answer = wire.call("GET", f"/api/v1/runs/{run.id}/logs", "charlie", Accept="text/event-stream")
    page_status, _ = wire.call("GET", f"/api/v1/runs/{run.id}/logs", "charlie")
    wire.api.harness.control.request.cancel(ALICE, run.id)

    assert (status, answer["error"]["code"], page_status) == (429, "too_many_streams", 200)
    assert list(events)[-1] == ("end", 1, {"state": "cancelled", "error": None})


def test_a_client_that_went_away_frees_its_place(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "STREAMS", 1)
    run = _started(wire.api)
    _say(wire.api, run, "waiting")
    events = _events(wire, run)
    next(events)

    events.close()
    path = f"/api/v1/runs/{run.id}/logs"
    statuses = []
    for _ in range(50):
        with wire.open("GET", path, "charlie", Accept="text/event-stream") as answer:
            statuses.append(answer.status)
        if statuses[-1] == 200:
            break
        threading.Event().wait(0.1)

    assert statuses[-1] == 200


def test_the_same_request_sent_many_times_at_once_starts_one_run(wire: Wire) -> None:
    def start(_: int) -> tuple[int, dict[str, object]]:
        status, answer = wire.call("POST", "/api/v1/pipelines/orders/runs", "oscar", Idempotency_Key="one")
        return status, answer

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(start, range(32)))

    started = [answer for status, answer in answers if status == 201]
    refused = [answer for status, answer in answers if status != 201]
    [run] = wire.api.harness.runs()
    assert {answer["id"] for answer in started} == {run.id}
    assert all("still being answered" in json.dumps(answer) for answer in refused)
    assert start(0) == (201, started[0])


def test_one_of_many_applies_at_once_wins_and_the_others_are_told(wire: Wire) -> None:
    def apply(number: int) -> int:
        files = [{"name": "hakiri.toml", "text": pipeline(f"orders-{number}")}]
        status, _ = wire.call("POST", "/api/v1/config/apply", "bob", {"files": files, "based_on": 1})
        return status

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(apply, range(8)))

    assert statuses == [201] + [409] * 7
    assert wire.api.harness.on.revisions.head_number() == 2


GARBAGE = {
    "no http": b"\x00\x01\x02\r\n\r\n",
    "a header without a colon": b"GET /livez HTTP/1.1\r\nbad header\r\n\r\n",
    "a path that is not ASCII": b"GET /api/v1/runs/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header of two megabytes": b"GET /livez HTTP/1.1\r\nX: " + b"a" * 2_000_000 + b"\r\n\r\n",
    "a path of a megabyte": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a token that is not ASCII": b"GET /api/v1/runs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
    "a method that nobody knows": b"BREW /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "a length that is no number": b"POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
}


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_on_the_socket_is_the_senders_fault_and_the_server_lives(wire: Wire, garbage: str) -> None:
    with socket.create_connection(("127.0.0.1", wire.port), timeout=10) as connection:
        connection.sendall(GARBAGE[garbage])
        first_line = connection.recv(64)

    assert first_line.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
    assert wire.call("GET", "/livez", "alice")[0] == 200


def test_a_body_that_never_ends_is_the_senders_fault(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    head = f"POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {wire.api.tokens['bob']}\r\n"
    with socket.create_connection(("127.0.0.1", wire.port), timeout=10) as connection:
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n".encode())
        answer = connection.recv(4096)

    assert answer.startswith(b"HTTP/1.1 400")
    assert not [record for record in caplog.records if record.exc_info]


def test_a_body_over_the_limit_is_refused_before_it_is_read(wire: Wire) -> None:
    head = f"POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {wire.api.tokens['bob']}\r\n"
    with socket.create_connection(("127.0.0.1", wire.port), timeout=10) as connection:
        connection.sendall(f"{head}Content-Length: 5000000\r\n\r\n".encode())
        answer = connection.recv(4096)

    assert answer.startswith(b"HTTP/1.1 413")
