"""What the API answers: revisions, runs, pages that hold still, repeated requests, its own description."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from appliance.core.manifest import load, render
from appliance.core.manifest.sources import SourceText
from tests.support.api import Api, api, in_process
from tests.support.harness import ALICE, pipeline

TEXT = '# Orders, for finance.\r\n[[pipeline]]\nid="orders"\ntables=["orders"]\nsource={connector="scripted"}\n'


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Api]:
    with api(tmp_path) as given:
        yield given


@pytest.fixture
def client(given: Api) -> Iterator[TestClient[Litestar]]:
    with in_process(given) as client:
        yield client


def _apply(client: TestClient[Litestar], given: Api, text: str, **more: object) -> tuple[int, Any]:
    body = {"files": [{"name": "hakiri.toml", "text": text}], **more}
    answer = client.post("/api/v1/config/apply", json=body, headers=given.headers("bob"))
    return answer.status_code, answer.json()


def _get(client: TestClient[Litestar], given: Api, path: str) -> Any:
    answer = client.get(f"/api/v1{path}", headers=given.headers("charlie"))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_apply_makes_a_revision_and_the_same_again_makes_none(client: TestClient[Litestar], given: Api) -> None:
    first = _apply(client, given, TEXT)
    again = _apply(client, given, TEXT.replace('id="orders"', "id = 'orders'"))

    assert (first[0], first[1]["created"]) == (201, True)
    assert [change["kind"] for change in first[1]["changes"]] == ["pipeline_added"]
    assert first[1]["changes"][0]["text"] == "pipeline.orders: added"
    assert (again[0], again[1]["created"], again[1]["changes"]) == (200, False, [])
    assert again[1]["revision"] == first[1]["revision"]


def test_a_revision_keeps_the_files_as_they_were_sent_beside_the_canonical_text(
    client: TestClient[Litestar], given: Api
) -> None:
    _apply(client, given, TEXT)

    files = _get(client, given, "/config/revisions/1/files")
    manifest = client.get("/api/v1/config/revisions/1/manifest", headers=given.headers("charlie"))

    assert files == {"files": [{"name": "hakiri.toml", "text": TEXT}]}
    assert manifest.headers["content-type"].startswith("text/plain")
    assert manifest.text == render(load([SourceText("hakiri.toml", TEXT, "toml")]))
    assert _get(client, given, "/config")["manifest"] == manifest.text


def test_a_change_made_from_an_older_revision_is_a_conflict(client: TestClient[Litestar], given: Api) -> None:
    _apply(client, given, TEXT, based_on=0)
    _apply(client, given, pipeline("a"), based_on=1)

    status, answer = _apply(client, given, pipeline("b"), based_on=1)

    assert (status, answer["error"]["code"]) == (409, "conflict")
    assert given.harness.on.revisions.head_number() == 2


def test_plain_toml_is_applied_under_its_name(client: TestClient[Litestar], given: Api) -> None:
    headers = given.headers("bob", content_type="application/toml; charset=utf-8")

    answer = client.post("/api/v1/config/apply?name=a.toml&based_on=0", content=TEXT, headers=headers)

    assert answer.status_code == 201
    assert answer.json()["revision"]["files"] == ["a.toml"]


def test_several_files_and_both_forms_are_one_configuration(client: TestClient[Litestar], given: Api) -> None:
    files = [
        {"name": "a.toml", "text": pipeline("a")},
        {"name": "b.json", "text": '{"pipeline":[{"id":"b","tables":["t"],"source":{"connector":"scripted"}}]}'},
    ]

    answer = client.post("/api/v1/config/apply", json={"files": files}, headers=given.headers("bob"))

    assert answer.status_code == 201
    assert [one["id"] for one in _get(client, given, "/pipelines")["items"]] == ["a", "b"]


def test_a_plan_tells_the_changes_and_the_first_fires_and_changes_nothing(
    client: TestClient[Litestar], given: Api
) -> None:
    _apply(client, given, pipeline("orders"))
    files = {"files": [{"name": "hakiri.toml", "text": pipeline("orders", schedule="every 15m")}]}

    plan = client.post("/api/v1/config/plan", json=files, headers=given.headers("charlie")).json()

    assert (plan["based_on"], [change["path"] for change in plan["changes"]]) == (1, ["pipeline.orders.schedule"])
    assert plan["next_fires"] == {"orders": "2026-06-01T00:15:00Z"}
    assert given.harness.on.revisions.head_number() == 1


def test_a_schedule_tells_its_next_five_fires(client: TestClient[Litestar], given: Api) -> None:
    _apply(client, given, pipeline("orders", schedule="0 3 * * *", timezone="Europe/Berlin"))

    [schedule] = _get(client, given, "/schedules")["items"]

    assert schedule["next_fires"] == [f"2026-06-0{day}T01:00:00Z" for day in range(1, 6)]


def test_a_pipeline_says_where_it_stands(client: TestClient[Litestar], given: Api) -> None:
    given.harness.apply(pipeline("orders", schedule="every 15m"), pipeline("away", placement="any-laptop"))
    run = given.harness.run("orders")

    orders = _get(client, given, "/pipelines/orders")
    away = _get(client, given, "/pipelines/away")

    assert (orders["served"], orders["next_fire"]) == (True, "2026-06-01T00:15:00Z")
    assert (orders["last_run"]["id"], orders["last_run"]["state"]) == (run.id, "succeeded")
    assert (away["served"], away["next_fire"], away["last_run"]) == (False, None, None)


def test_a_run_is_started_read_and_tried_again(client: TestClient[Litestar], given: Api) -> None:
    given.harness.apply(pipeline())
    started = client.post("/api/v1/pipelines/orders/runs", headers=given.headers("oscar")).json()
    cancelled = client.post(f"/api/v1/runs/{started['id']}/cancel", headers=given.headers("oscar"))
    again = client.post(f"/api/v1/runs/{started['id']}/retry", headers=given.headers("oscar"))
    given.harness.answer()

    assert started["id"] == "orders@20260601T000000Z-1"
    assert (cancelled.status_code, cancelled.json()["state"], cancelled.json()["cancelled_by"]) == (
        202,
        "cancelled",
        "oscar",
    )
    assert (again.status_code, again.json()["id"]) == (201, "orders@20260601T000000Z-2")
    run = _get(client, given, f"/runs/{again.json()['id']}")
    steps = _get(client, given, f"/runs/{again.json()['id']}/steps")["items"]
    assert (run["state"], run["rows"], run["pages"], run["attempts"]) == ("succeeded", 5, 3, 1)
    assert [step["kind"] for step in steps] == ["read", "read", "read", "commit"]


def test_a_log_is_read_in_pages_to_its_end(client: TestClient[Litestar], given: Api) -> None:
    given.harness.apply(pipeline())
    run = given.harness.run()
    lines = given.harness.on.records.logs(run.id, after=0, limit=500)

    found: list[str] = []
    after: object = 0
    while after is not None:
        page = _get(client, given, f"/runs/{run.id}/logs?limit=2&after={after}")
        found += [line["message"] for line in page["items"]]
        after = page["next"]

    assert found == [line.message for line in lines]


def test_a_log_of_an_unfinished_run_tells_where_it_goes_on(client: TestClient[Litestar], given: Api) -> None:
    given.harness.apply(pipeline())
    run = given.harness.control.request.start(ALICE, "orders")

    page = _get(client, given, f"/runs/{run.id}/logs?after=7")

    assert page == {"items": [], "next": 7, "state": "pending"}


def test_pages_hold_still_while_runs_are_added(client: TestClient[Litestar], given: Api) -> None:
    given.harness.apply(pipeline(overlap="allow"))

    def start() -> str:
        given.harness.clock.forward(timedelta(seconds=1))
        return given.harness.control.request.start(ALICE, "orders").id

    old = [start() for _ in range(10)]
    found: list[str] = []
    path: str | None = "/runs?limit=3"
    while path:
        page = _get(client, given, path)
        found += [run["id"] for run in page["items"]]
        path = f"/runs?limit=3&before={page['next']}" if page["next"] else None
        start()

    assert found == list(reversed(old))


def test_runs_are_found_by_pipeline_and_state(client: TestClient[Litestar], given: Api) -> None:
    given.harness.apply(pipeline("a"), pipeline("b"))
    done = given.harness.run("a")
    waiting = given.harness.control.request.start(ALICE, "b")

    def ids(query: str) -> list[str]:
        return [run["id"] for run in _get(client, given, f"/runs?{query}")["items"]]

    assert ids("pipeline=a") == [done.id]
    assert ids("state=pending") == [waiting.id]
    assert ids("pipeline=a&state=pending") == []


def test_the_ledger_tells_what_became_of_each_fire(client: TestClient[Litestar], given: Api) -> None:
    given.harness.apply(pipeline(schedule="every 15m"), pipeline("other", schedule="every 15m", paused=True))
    given.harness.clock.forward(timedelta(minutes=15))
    given.harness.control.tick()

    def rows(query: str) -> list[tuple[object, ...]]:
        items = _get(client, given, f"/fires?{query}")["items"]
        return [(row["pipeline"], row["reason"], row["run"]) for row in items]

    assert rows("pipeline=orders") == [("orders", "fired", "orders@20260601T001500Z")]
    assert rows("pipeline=other") == [("other", "paused", None)]
    assert len(rows("limit=1")) == 1


def test_the_description_names_every_operation_once_and_all_that_it_refers_to(client: TestClient[Litestar]) -> None:
    answer = client.get("/api/v1/openapi.json")
    tree = answer.json()
    operations = [operation for item in tree["paths"].values() for operation in item.values()]

    names = [operation["operationId"] for operation in operations]
    referred = {ref.rpartition("/")[2] for ref in _refs(tree)}

    assert answer.headers["content-type"] == "application/json"
    assert sorted(names) == sorted(set(names))
    assert all(name[0].isupper() and name.isalnum() for name in names)
    assert all(operation["summary"] and operation["tags"] for operation in operations)
    assert all("default" in operation["responses"] for operation in operations)
    assert referred <= set(tree["components"]["schemas"])
    assert tree["paths"]["/api/v1/members"]["post"]["requestBody"]["required"]


def _refs(tree: object) -> Iterator[str]:
    if isinstance(tree, dict):
        if isinstance(tree.get("$ref"), str):
            yield tree["$ref"]
        for value in tree.values():
            yield from _refs(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _refs(value)
