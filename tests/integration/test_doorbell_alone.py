"""With the sweeper off, the doorbell alone starts runs and fires their retries."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.bootstrap import Control, assemble, selfhosted
from appliance.core.manifest import SourceText
from appliance.core.run import Run, RunId, RunState
from appliance.services.teams import SYSTEM
from appliance.settings import Settings
from tests.support.source import Source, source

PATIENCE = 20.0


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    on = selfhosted(Settings(data=tmp_path / "data"))
    built = assemble(on, stopping=lambda: False)
    on.doorbell.start(built.execute)
    yield built
    on.doorbell.stop(5.0)
    on.close()


def _run(control: Control, pages: Source) -> RunId:
    control.apply(SYSTEM, [SourceText("hakiri.toml", pages.pipeline(), "toml")], based_on=None)
    return control.request.start(SYSTEM, "orders").id


def _end(control: Control, run_id: RunId) -> Run:
    until = time.monotonic() + PATIENCE
    while not (run := control.on.runs.get(run_id)).state.is_final:
        assert time.monotonic() < until, f"{run_id} is still {run.state}"
        time.sleep(0.02)
    return run


def test_a_ring_starts_a_run(control: Control) -> None:
    with source(rows=30, size=10) as pages:
        assert _end(control, _run(control, pages)).state is RunState.SUCCEEDED


def test_a_retry_rings_when_it_is_due_and_not_before(control: Control) -> None:
    with source(rows=30, size=10) as pages:
        pages.statuses = [503, 503]
        run = _end(control, _run(control, pages))

        first, second, third = pages.asked_at[:3]
        assert run.state is RunState.SUCCEEDED
        # The first delay is half a second at least, the second twice that: a ring before its time would do nothing,
        # and without the sweeper nobody would ring again.
        assert second - first >= 0.5
        assert third - second >= 1.0
        assert pages.asked[:3] == [1, 1, 1]


def test_the_next_run_that_waits_is_rung_when_one_ends(control: Control) -> None:
    with source(rows=30, size=10, delay=0.1) as pages:
        runs = [_run(control, pages), *(control.request.start(SYSTEM, "orders").id for _ in range(2))]

        assert [_end(control, run_id).state for run_id in runs] == [RunState.SUCCEEDED] * 3
