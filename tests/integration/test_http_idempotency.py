"""A write that is sent again with the same Idempotency-Key is done once and answered the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from appliance.core.errors import Unavailable
from tests.support.api import Api, api, in_process
from tests.support.harness import pipeline


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Api]:
    with api(tmp_path) as given:
        yield given


@pytest.fixture
def client(given: Api) -> Iterator[TestClient[Litestar]]:
    with in_process(given) as client:
        yield client


def test_a_key_gets_its_first_answer_again(client: TestClient[Litestar], given: Api) -> None:
    given.harness.apply(pipeline())
    headers = given.headers("oscar", Idempotency_Key="night 7/orders")

    first = client.post("/api/v1/pipelines/orders/runs", headers=headers)
    given.harness.answer()
    again = client.post("/api/v1/pipelines/orders/runs", headers=headers)

    assert (again.status_code, again.json()) == (201, first.json())
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    assert len(given.harness.runs()) == 1


def test_a_refusal_is_an_answer_too(client: TestClient[Litestar], given: Api) -> None:
    headers = given.headers("oscar", Idempotency_Key="x")

    first = client.post("/api/v1/pipelines/orders/runs", headers=headers)
    given.harness.apply(pipeline())
    again = client.post("/api/v1/pipelines/orders/runs", headers=headers)

    assert (first.status_code, again.status_code) == (404, 404)
    assert again.json() == first.json()


def test_a_key_used_for_another_request_is_a_conflict(client: TestClient[Litestar], given: Api) -> None:
    given.harness.apply(pipeline("a"), pipeline("b"))
    headers = given.headers("oscar", Idempotency_Key="x")

    client.post("/api/v1/pipelines/a/runs", headers=headers)
    other = client.post("/api/v1/pipelines/b/runs", headers=headers)
    other_member = client.post("/api/v1/pipelines/b/runs", headers=given.headers("alice", Idempotency_Key="x"))

    assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")
    assert other_member.status_code == 201


def test_an_outage_is_no_answer_and_the_key_may_be_used_again(
    client: TestClient[Litestar], given: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.harness.apply(pipeline())
    headers = given.headers("oscar", Idempotency_Key="x")

    def down(*_: object) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as outage:
        outage.setattr(type(given.harness.on.runs), "create", down)
        first = client.post("/api/v1/pipelines/orders/runs", headers=headers)
    again = client.post("/api/v1/pipelines/orders/runs", headers=headers)

    assert (first.status_code, first.json()["error"]["code"], first.headers["retry-after"]) == (503, "unavailable", "1")
    assert again.status_code == 201


def test_a_request_whose_process_died_may_be_sent_again_later(
    client: TestClient[Litestar], given: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.harness.apply(pipeline())
    headers = given.headers("oscar", Idempotency_Key="x")
    with monkeypatch.context() as killed:
        killed.setattr(type(given.harness.on.records), "answer", lambda *_: None)
        client.post("/api/v1/pipelines/orders/runs", headers=headers)

    early = client.post("/api/v1/pipelines/orders/runs", headers=headers)
    given.harness.clock.forward(timedelta(minutes=3))
    late = client.post("/api/v1/pipelines/orders/runs", headers=headers)

    assert (early.status_code, late.status_code) == (409, 201)


def test_the_text_of_a_token_is_not_kept_with_the_answer(client: TestClient[Litestar], given: Api) -> None:
    headers = given.headers("bob", Idempotency_Key="x")

    first = client.post("/api/v1/tokens", json={"name": "laptop", "lifetime": "90d"}, headers=headers).json()
    again = client.post("/api/v1/tokens", json={"name": "laptop", "lifetime": "90d"}, headers=headers).json()

    assert first["text"].startswith("hak_")
    assert first["token"]["expires_at"] == "2026-08-30T00:00:00Z"
    assert again == {**first, "text": None}


def test_a_delete_is_repeated_without_harm(client: TestClient[Litestar], given: Api) -> None:
    headers = given.headers("alice", Idempotency_Key="x")

    answers = [client.delete("/api/v1/members/bob", headers=headers) for _ in range(2)]

    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b""), (204, b"")]
