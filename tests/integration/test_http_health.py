"""Liveness, readiness and what Prometheus reads, without a token and without a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from prometheus_client.parser import text_string_to_metric_families

from appliance.core.errors import Unavailable
from appliance.entrypoints.http import health
from tests.support.api import Api, api, in_process
from tests.support.harness import ALICE, pipeline

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Api]:
    with api(tmp_path, substrate="selfhosted") as given:
        given.beat()
        yield given


@pytest.fixture
def client(given: Api) -> Iterator[TestClient[Litestar]]:
    with in_process(given) as client:
        yield client


def _ready(client: TestClient[Litestar]) -> tuple[int, dict[str, str]]:
    answer = client.get("/readyz")
    assert answer.json()["ready"] is (answer.status_code == 200)
    return answer.status_code, answer.json()["reasons"]


def _scrape(client: TestClient[Litestar]) -> Series:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    samples = [sample for family in families for sample in family.samples]
    series = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    assert len(series) == len(samples)
    return series


def _value(series: Series, name: str, **labels: str) -> float:
    return series[name, frozenset(labels.items())]


def test_a_process_that_answers_lives(client: TestClient[Litestar]) -> None:
    assert client.get("/livez").json() == {"alive": True}


def test_it_is_ready_when_loops_turn_and_storages_can_be_written(client: TestClient[Litestar]) -> None:
    assert _ready(client) == (200, {})


def test_it_is_not_ready_before_its_loops_came_round(tmp_path: Path) -> None:
    with api(tmp_path) as given, in_process(given) as client:
        status, reasons = _ready(client)

    assert (status, set(reasons)) == (503, {"tick", "recover"})


@pytest.mark.parametrize(("seconds", "late"), [(5, set()), (6, {"tick"}), (60, {"tick"}), (61, {"tick", "recover"})])
def test_it_is_not_ready_when_a_loop_is_late(
    client: TestClient[Litestar], given: Api, seconds: int, late: set[str]
) -> None:
    given.harness.clock.forward(timedelta(seconds=seconds))

    assert set(_ready(client)[1]) == late


def test_it_is_not_ready_when_the_catalog_cannot_be_written(
    client: TestClient[Litestar], given: Api, caplog: pytest.LogCaptureFixture
) -> None:
    given.harness.on.records._gateway._writer.execute("PRAGMA query_only = 1")  # type: ignore[attr-defined]

    status, reasons = _ready(client)

    assert (status, set(reasons)) == (503, {"catalog"})
    assert str(given.settings.data) not in str(reasons)
    assert str(given.settings.data) in caplog.text


def test_it_is_not_ready_when_the_object_store_cannot_be_written(
    client: TestClient[Litestar], given: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(_: object) -> None:
        raise Unavailable("s3://finance: access denied")

    monkeypatch.setattr(type(given.harness.on.objects), "check", read_only)

    assert _ready(client) == (503, {"objects": "cannot be written; the log says why"})


def test_a_storage_that_hangs_is_a_reason_and_not_a_hang(
    client: TestClient[Litestar], given: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = given.stopping
    monkeypatch.setattr(health, "PATIENCE", 0.05)
    monkeypatch.setattr(type(given.harness.on.objects), "check", lambda _: held.wait(10))

    during = _ready(client)
    held.set()
    monkeypatch.setattr(health, "PATIENCE", 5.0)

    assert (during[0], set(during[1])) == (503, {"storage"})
    assert _ready(client) == (200, {})


def test_however_many_ask_the_storages_are_written_once_in_ten_seconds(
    client: TestClient[Litestar], given: Api
) -> None:
    def checks() -> float:
        counters = {sample.name: sample.value for sample in given.harness.on.records.counters()}
        return counters["hakiri_ready_checks_total"]

    counts = []
    for forward in (0, 0, 9, 2):
        given.harness.clock.forward(timedelta(seconds=forward))
        _ready(client)
        counts.append(checks())

    assert counts == [1, 1, 1, 2]


def test_a_fresh_installation_shows_every_series_at_zero(client: TestClient[Litestar]) -> None:
    series = _scrape(client)

    assert _value(series, "hakiri_runs_finished_total", state="failed") == 0
    assert _value(series, "hakiri_fires_total", reason="missed") == 0
    assert _value(series, "hakiri_schedule_lateness_seconds_bucket", le="+Inf") == 0
    assert _value(series, "hakiri_oldest_run_age_seconds", state="running") == 0
    assert _value(series, "hakiri_ready") == 1
    assert _value(series, "process_open_fds") > 0


def test_a_run_is_counted_and_its_age_told(client: TestClient[Litestar], given: Api) -> None:
    given.harness.apply(pipeline("a"), pipeline("b"))
    given.harness.run("a")
    given.harness.control.request.start(ALICE, "b")
    given.harness.clock.forward(timedelta(seconds=90))

    series = _scrape(client)

    assert _value(series, "hakiri_runs_created_total", trigger="manual") == 2
    assert _value(series, "hakiri_runs_finished_total", state="succeeded") == 1
    assert _value(series, "hakiri_rows_landed_total") == 5
    assert _value(series, "hakiri_runs", state="pending") == 1
    assert _value(series, "hakiri_oldest_run_age_seconds", state="pending") == 90
    assert _value(series, "hakiri_queue_depth") == 1


def test_a_late_scheduler_shows_before_and_after_it_fires(client: TestClient[Litestar], given: Api) -> None:
    given.harness.apply(pipeline(schedule="every 15m"))
    waiting = _scrape(client)
    given.harness.clock.forward(timedelta(minutes=15, seconds=3))
    late = _scrape(client)
    given.harness.control.tick()
    fired = _scrape(client)

    assert _value(waiting, "hakiri_next_fire_seconds") == 900
    assert _value(late, "hakiri_scheduler_late_seconds") == 3
    assert _value(fired, "hakiri_scheduler_late_seconds") == 0
    assert _value(fired, "hakiri_schedule_lateness_seconds_bucket", le="2.5") == 0
    assert _value(fired, "hakiri_schedule_lateness_seconds_bucket", le="5.0") == 1
    assert _value(fired, "hakiri_schedule_lateness_seconds_sum") == 3
    assert _value(fired, "hakiri_fires_total", reason="fired") == 1


def test_counters_survive_a_restart_and_http_starts_again(given: Api) -> None:
    given.harness.apply(pipeline())
    given.harness.run()
    with in_process(given) as client:
        client.get("/api/v1/runs", headers=given.headers("alice"))
        before = _scrape(client)
    given.harness.restart()
    with in_process(given) as client:
        after = _scrape(client)

    requests = {"method": "GET", "route": "/api/v1/runs", "status": "2xx"}
    assert _value(after, "hakiri_rows_landed_total") == _value(before, "hakiri_rows_landed_total") == 5
    assert _value(before, "hakiri_http_requests_total", **requests) == 1
    assert ("hakiri_http_requests_total", frozenset(requests.items())) not in after


def test_labels_are_bounded_whatever_is_asked(client: TestClient[Litestar], given: Api) -> None:
    given.harness.apply(pipeline("a-telling-name"))
    for number in range(50):
        client.get(f"/api/v1/runs/run-{number}", headers=given.headers("alice"))
        client.get(f"/nowhere/{number}")
        client.request(f"VERB{number}", "/livez")

    text = client.get("/metrics").text
    routes = set(re.findall(r'route="([^"]*)"', text))

    assert routes == {"/api/v1/runs/{run_id}", "unmatched"}
    assert set(re.findall(r'method="([^"]*)"', text)) == {"GET", "other"}
    assert not re.search(r"telling|alice|hak_|run-\d", text)


def test_a_scrape_tells_what_makes_it_unready(client: TestClient[Litestar], given: Api) -> None:
    given.harness.clock.forward(timedelta(seconds=30))

    series = _scrape(client)

    assert _value(series, "hakiri_ready") == 0
    assert _value(series, "hakiri_check_failing", check="tick") == 1
    assert _value(series, "hakiri_check_failing", check="recover") == 0
    assert _value(series, "hakiri_loop_age_seconds", loop="tick") == 30
