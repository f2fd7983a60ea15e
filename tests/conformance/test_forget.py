"""History is kept for a while, and what landed for ever, on every substrate."""

from __future__ import annotations

from datetime import timedelta

import pytest

from appliance.core.errors import NotFound
from tests.support.harness import ALICE, Harness, pipeline


def test_old_history_is_forgotten_and_what_landed_stays(harness: Harness) -> None:
    harness.apply(pipeline(schedule="every 1d"))
    harness.clock.forward(timedelta(days=1))
    harness.control.tick()
    harness.answer()
    [old] = harness.runs()
    harness.clock.forward(timedelta(days=90, seconds=1))

    assert harness.control.forget() == 1

    with pytest.raises(NotFound):
        harness.get(old.id)
    assert harness.on.records.logs(old.id, after=0, limit=10) == []
    assert harness.on.progress.checkpoints(old.id) == []
    assert harness.on.progress.commits(old.id) == []
    assert harness.reasons() == []
    assert harness.rows() == [1, 2, 3, 4, 5]


def test_the_next_run_goes_on_where_a_forgotten_one_ended(harness: Harness) -> None:
    harness.apply(pipeline())
    harness.run()
    harness.clock.forward(timedelta(days=91))
    harness.control.forget()
    harness.source.tables["orders"].append([6])

    harness.run()

    assert harness.rows() == [1, 2, 3, 4, 5, 6]
    assert harness.on.progress.next_sequence("orders_orders") == 3


def test_recent_and_unfinished_runs_are_kept(harness: Harness) -> None:
    harness.apply(pipeline())
    unfinished = harness.control.request.start(ALICE, "orders")
    harness.clock.forward(timedelta(days=200))
    recent = harness.run()

    assert harness.control.forget() == 0
    assert {run.id for run in harness.runs()} == {unfinished.id, recent.id}


def test_a_long_history_is_forgotten_in_small_commits(harness: Harness) -> None:
    harness.apply(pipeline())
    for _ in range(3):
        harness.run()
    harness.clock.forward(timedelta(days=91))

    assert harness.on.sweep.forget(before=harness.clock.now(), limit=2) == 2
    assert len(harness.runs()) == 1


def test_a_ledger_without_runs_is_forgotten_whole(harness: Harness) -> None:
    harness.apply(pipeline(schedule="every 1m", paused=True))
    for _ in range(3):
        harness.clock.forward(timedelta(minutes=1))
        harness.control.tick()
    harness.clock.forward(timedelta(days=91))

    assert harness.on.sweep.forget(before=harness.clock.now(), limit=2) == 2
    assert harness.control.forget() == 1
    assert harness.reasons() == []
