"""Input that nobody should send: it is refused with a reason, and nothing changes."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from appliance.core.errors import ControlError
from appliance.core.paging import encode_key
from tests.support.api import Api, api, in_process
from tests.support.harness import ALICE, pipeline


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Api]:
    with api(tmp_path) as given:
        given.harness.apply(pipeline())
        given.harness.control.request.start(ALICE, "orders")
        yield given


@pytest.fixture
def client(given: Api) -> Iterator[TestClient[Litestar]]:
    with in_process(given) as client:
        yield client


BODIES = {
    "empty": (b"", "a JSON body is needed"),
    "no JSON": (b"{", "not JSON"),
    "no UTF-8": (b'{"name": "\xff\xfe"}', "UTF-8"),
    "a lone surrogate": (b'{"name": "\\ud800"}', "not JSON"),
    "another type": (b'{"name": 5}', "name: Expected str, got int"),
    "a list": (b"[]", "Expected object, got array"),
    "null": (b"null", "Expected object, got null"),
    "a missing field": (b"{}", "missing required field name"),
    "an unknown field": (b'{"name": "x", "admin": true}', "unknown field admin"),
    "an unknown role": (b'{"name": "x", "role": "root"}', "Invalid enum value 'root'"),
    "a name too long": (json.dumps({"name": "x" * 65}).encode(), "length <= 64"),
    "a name that hides": (b'{"name": "x\\u0000y"}', "visible characters"),
    "nesting": (b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "name: Expected str, got array"),
    "a lifetime of no unit": (b'{"name": "x", "lifetime": "9"}', "lifetime: "),
    "a lifetime beyond time": (b'{"name": "x", "lifetime": "9999999d"}', "lifetime"),
    "another form": (b"name=x&role=owner", "not JSON"),
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_that_cannot_be_meant_is_refused_by_field(client: TestClient[Litestar], given: Api, kind: str) -> None:
    body, reason = BODIES[kind]
    before = given.harness.on.teams.tokens()

    answer = client.post(
        "/api/v1/tokens", content=body, headers=given.headers("alice", content_type="application/json")
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")
    assert reason in answer.json()["error"]["message"]
    assert given.harness.on.teams.tokens() == before


@pytest.mark.parametrize("route", ["/tokens", "/config/apply", "/members", "/pipelines/orders/runs"])
def test_a_body_over_four_megabytes_is_too_large(client: TestClient[Litestar], given: Api, route: str) -> None:
    body = b'{"files": "' + b"x" * (4 << 20) + b'"}'

    answer = client.post(f"/api/v1{route}", content=body, headers=given.headers("alice", Idempotency_Key="x"))

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert given.harness.on.revisions.head_number() == 1


QUERIES = {
    "/runs?limit=0": "limit: ",
    "/runs?limit=501": "limit: ",
    "/runs?limit=-1": "limit: ",
    "/runs?limit=1e3": "limit: ",
    "/runs?limit=99999999999999999999": "limit: ",
    "/runs?state=queued": "state: ",
    "/runs?before=x": "before: must be the `next`",
    "/runs?before=%ff%00": "before: must be the `next`",
    "/runs?before=" + "A" * 600: "before: ",
    "/runs?pipeline=" + "A" * 600: "pipeline: ",
    "/audit?before=" + encode_key("1"): "before: must be the `next`",
    "/audit?before=" + encode_key(10**30): "before: must be the `next`",
    "/audit?before=" + encode_key(-5): "before: must be the `next`",
    "/config/revisions?before=" + encode_key(2**64): "before: must be the `next`",
    "/fires?before=" + base64.urlsafe_b64encode(b'["\\ud800", "x"]').decode(): "before: must be the `next`",
    "/config/revisions/99999999999999999999": "number: ",
    "/config/revisions/0": "number: ",
    "/runs/x/logs?after=-1": "after: ",
    "/runs/x/logs?after=99999999999999999999": "after: ",
}


@pytest.mark.parametrize("path", QUERIES)
def test_a_parameter_that_cannot_be_meant_is_named(client: TestClient[Litestar], given: Api, path: str) -> None:
    answer = client.get(f"/api/v1{path}", headers=given.headers("alice"))

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")
    assert answer.json()["error"]["message"].startswith(QUERIES[path])


NAMES = [
    "'; DROP TABLE run; --",
    '" OR 1=1',
    "..%2F..%2Fetc%2Fpasswd",
    "%00",
    "%ff%fe",
    "%0d%0aX-Injected:1",
    "a" * 5000,
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_none_is_not_found(client: TestClient[Litestar], given: Api, name: str) -> None:
    for path in ("/runs/{}", "/runs/{}/steps", "/runs/{}/logs", "/pipelines/{}"):
        answer = client.get(f"/api/v1{path.format(name)}", headers=given.headers("alice"))

        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
        assert "x-injected" not in answer.headers
    assert len(given.harness.runs()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_filter_is_a_value_and_no_sql(client: TestClient[Litestar], given: Api, name: str) -> None:
    answer = client.get(f"/api/v1/runs?pipeline={name[:200]}", headers=given.headers("alice"))

    assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize("key", ["", " ", "x" * 129, "a\tb", "schlüssel"])
def test_an_idempotency_key_that_is_none_is_refused(client: TestClient[Litestar], given: Api, key: str) -> None:
    headers = [(b"authorization", given.headers("oscar")["Authorization"].encode()), (b"idempotency-key", key.encode())]

    answer = client.post("/api/v1/pipelines/orders/runs", headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")
    assert len(given.harness.runs()) == 1


@pytest.mark.parametrize("seq", ["x", "-1", "1.5", "", "9" * 40, "٣"])
def test_a_last_event_id_that_is_none_is_refused(client: TestClient[Litestar], given: Api, seq: str) -> None:
    [run] = given.harness.runs()
    headers = given.headers("alice", Accept="text/event-stream", Last_Event_ID=seq)

    answer = client.get(f"/api/v1/runs/{run.id}/logs", headers=[(k.encode(), v.encode()) for k, v in headers.items()])

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")


MANIFESTS = {
    "no TOML": ("[[", "hakiri.toml"),
    "an unknown key": ("[[pipeline]]\nid='a'\ntables=['a']\nsource={connector='x'}\ncolour='red'\n", "colour"),
    "NUL": ("a = '\x00'", "hakiri.toml"),
    "too large": ("# " + "x" * (1 << 20), "1 MiB"),
}


@pytest.mark.parametrize("kind", MANIFESTS)
@pytest.mark.parametrize("route", ["validate", "plan", "apply"])
def test_a_manifest_that_cannot_be_meant_lists_its_problems(
    client: TestClient[Litestar], given: Api, route: str, kind: str
) -> None:
    text, named = MANIFESTS[kind]
    files = {"files": [{"name": "hakiri.toml", "text": text}]}

    answer = client.post(f"/api/v1/config/{route}", json=files, headers=given.headers("bob"))

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (422, "invalid_manifest")
    assert error["problems"]
    assert {problem["file"] for problem in error["problems"]} == {"hakiri.toml"}
    assert named in error["message"]
    assert given.harness.on.revisions.head_number() == 1


FILES = {
    "none": ({"files": []}, "files"),
    "no text": ({"files": [{"name": "a"}]}, "text"),
    "a name twice": ({"files": [{"name": "a", "text": ""}, {"name": "a", "text": ""}]}, "same name"),
    "a name that hides": ({"files": [{"name": "a\nb", "text": ""}]}, "cannot be seen"),
    "a name of nothing": ({"files": [{"name": "", "text": ""}]}, "name"),
    "too many": ({"files": [{"name": str(n), "text": ""} for n in range(101)]}, "files"),
    "an unknown field": ({"files": [{"name": "a", "text": "", "mode": 7}]}, "mode"),
    "a negative base": ({"files": [{"name": "a", "text": ""}], "based_on": -1}, "based_on"),
    "a base beyond numbers": ({"files": [{"name": "a", "text": ""}], "based_on": 10**30}, "based_on"),
}


@pytest.mark.parametrize("kind", FILES)
def test_files_that_cannot_be_meant_are_refused(client: TestClient[Litestar], given: Api, kind: str) -> None:
    body, named = FILES[kind]

    answer = client.post("/api/v1/config/apply", json=body, headers=given.headers("bob"))

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")
    assert named in answer.json()["error"]["message"]


def test_plain_toml_that_is_not_utf8_is_refused(client: TestClient[Litestar], given: Api) -> None:
    headers = given.headers("bob", content_type="application/toml")

    answer = client.post("/api/v1/config/apply?name=a.toml", content=b'x = "\xff"', headers=headers)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "a.toml: byte 5 is not UTF-8"


def test_a_path_that_is_none_and_a_method_that_is_not_for_it_are_errors_of_ours(
    client: TestClient[Litestar], given: Api
) -> None:
    nowhere = client.get("/api/v1/jobs", headers=given.headers("alice"))
    method = client.put("/api/v1/runs", headers=given.headers("alice"))

    assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "not_found")
    assert (method.status_code, method.json()["error"]["code"]) == (405, "method_not_allowed")
    assert nowhere.headers["x-request-id"]
    assert method.headers["x-request-id"]


class _Broken:
    """A store with a bug, and with an outage that nobody gave a status."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def list(self, **_: object) -> object:
        raise self.error


@pytest.mark.parametrize("error", [RuntimeError("the password is hunter2"), ControlError("hunter2")])
def test_a_bug_reaches_the_client_only_as_a_request_id(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with api(tmp_path) as given, in_process(given) as client:
        monkeypatch.setattr(type(given.harness.on.runs), "list", _Broken(error).list)
        with caplog.at_level(logging.ERROR):
            answer = client.get("/api/v1/runs", headers=given.headers("alice", X_Request_Id="my-own.id_7"))

    told = [record for record in caplog.records if record.exc_info]
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == "my-own.id_7"
    assert (answer.json()["error"]["code"], answer.json()["error"]["request_id"]) == ("internal", "my-own.id_7")
    assert "hunter2" not in answer.text
    assert [record.getMessage() for record in told] == ["request my-own.id_7 failed"]


@pytest.mark.parametrize("given_id", ["a b", "x" * 65, "a\nb", "", "<script>"])
def test_a_request_id_that_is_no_word_is_replaced(client: TestClient[Litestar], given_id: str) -> None:
    answer = client.get("/livez", headers=[(b"x-request-id", given_id.encode())])

    assert len(answer.headers["x-request-id"]) == 32


def test_other_origins_are_told_nothing(client: TestClient[Litestar], given: Api) -> None:
    preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}

    answers = [
        client.options("/api/v1/runs", headers=preflight),
        client.get("/api/v1/runs", headers=given.headers("alice", Origin="http://evil.example")),
    ]

    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control")]
    assert not [answer.headers.get("set-cookie") for answer in answers if answer.headers.get("set-cookie")]
