"""Schedules fire, every expected fire has its ledger row, and nothing fires twice, on every substrate."""

from __future__ import annotations

from datetime import timedelta

import pytest

from appliance.core.run import RunState
from tests.support.harness import ALICE, Harness, pipeline

MINUTE = timedelta(minutes=1)


def test_a_schedule_fires_when_it_is_due_and_not_before(harness: Harness) -> None:
    harness.apply(pipeline(schedule="every 5m"))

    harness.clock.forward(timedelta(minutes=4, seconds=59))
    harness.control.tick()
    assert harness.runs() == []

    harness.clock.forward(timedelta(seconds=1))
    harness.control.tick()
    assert [run.id for run in harness.runs()] == ["orders@20260601T000500Z"]
    assert harness.reasons() == [("fired", 1)]


def test_two_tickers_make_one_run(harness: Harness) -> None:
    harness.apply(pipeline(schedule="every 5m"))
    harness.clock.forward(5 * MINUTE)
    due = harness.on.schedules.due(now=harness.clock.now(), limit=10)
    harness.control.tick()

    late = harness.control.tick._firing(due[0], harness.clock.now())

    assert harness.on.schedules.record([late], [], now=harness.clock.now()) == []
    assert len(harness.runs()) == 1
    assert harness.reasons() == [("fired", 1)]


def test_one_schedule_that_moved_does_not_hold_up_the_others(harness: Harness) -> None:
    harness.apply(pipeline("one", schedule="every 5m"), pipeline("two", schedule="every 5m"))
    harness.clock.forward(5 * MINUTE)
    now = harness.clock.now()
    one, two = harness.on.schedules.due(now=now, limit=10)
    firings = [harness.control.tick._firing(armed, now) for armed in (one, two)]
    harness.on.schedules.record(firings[:1], [], now=now)

    assert harness.on.schedules.record(firings, [], now=now) == ["two@20260601T000500Z"]


def test_a_gap_collapses_to_one_catch_up_run(harness: Harness) -> None:
    harness.apply(pipeline(schedule="every 5m"))
    harness.clock.forward(timedelta(minutes=33))
    harness.restart()

    harness.control.tick()

    assert [(run.id, run.trigger) for run in harness.runs()] == [("orders@20260601T003000Z", "catch_up")]
    assert harness.reasons() == [("missed", 1)] * 5 + [("caught_up", 1)]


def test_a_long_gap_is_one_ledger_row(harness: Harness) -> None:
    harness.apply(pipeline(schedule="every 1m"))
    harness.clock.forward(timedelta(days=2))

    harness.control.tick()

    assert sum(count for _, count in harness.reasons()) == 2 * 24 * 60
    assert len(harness.reasons()) == 2


@pytest.mark.parametrize(
    ("catchup", "runs"), [("skip", ["003000"]), ("latest", ["003000"]), ("all", ["002500", "003000"])]
)
def test_the_catch_up_policy_decides(harness: Harness, catchup: str, runs: list[str]) -> None:
    harness.apply(pipeline(schedule="every 5m", catchup=catchup, catchup_limit=2, overlap="allow"))
    harness.clock.forward(timedelta(minutes=30) if catchup == "skip" else timedelta(minutes=34))

    harness.control.tick()

    assert sorted(run.id[-7:-1] for run in harness.runs()) == runs


def test_a_fire_during_a_run_is_skipped_and_says_so(harness: Harness) -> None:
    harness.apply(pipeline(schedule="every 5m"))
    harness.control.request.start(ALICE, "orders")
    harness.clock.forward(5 * MINUTE)

    harness.control.tick()

    assert harness.reasons() == [("skipped_overlap", 1)]
    assert len(harness.runs()) == 1


def test_buffer_one_keeps_one_run_waiting(harness: Harness) -> None:
    harness.apply(pipeline(schedule="every 5m", overlap="buffer-one"))
    for _ in range(4):
        harness.clock.forward(5 * MINUTE)
        harness.control.tick()
    assert len(harness.runs()) == 2
    assert harness.reasons() == [("fired", 1), ("buffered", 1), ("skipped_overlap", 1), ("skipped_overlap", 1)]

    harness.settle()
    assert harness.states() == [RunState.SUCCEEDED] * 2


def test_cancel_other_cancels_what_was_there(harness: Harness) -> None:
    harness.apply(pipeline(schedule="every 5m", overlap="cancel-other"))
    waiting = harness.control.request.start(ALICE, "orders")
    harness.clock.forward(5 * MINUTE)

    harness.control.tick()
    harness.settle()

    assert harness.get(waiting.id).state is RunState.CANCELLED
    assert harness.reasons() == [("cancelled_other", 1)]
    assert sorted(harness.states()) == [RunState.CANCELLED, RunState.SUCCEEDED]


def test_a_paused_pipeline_keeps_its_ledger(harness: Harness) -> None:
    harness.apply(pipeline(schedule="every 5m", paused=True))
    harness.clock.forward(5 * MINUTE)

    harness.control.tick()

    assert (harness.runs(), harness.reasons()) == ([], [("paused", 1)])


def test_a_pipeline_placed_elsewhere_never_runs_here(harness: Harness) -> None:
    harness.apply(pipeline(schedule="every 5m", placement="any-laptop"))
    harness.clock.forward(5 * MINUTE)

    harness.control.tick()

    assert (harness.runs(), harness.reasons()) == ([], [("unplaced", 1)])


def test_an_unchanged_schedule_keeps_its_place_when_another_is_applied(harness: Harness) -> None:
    harness.apply(pipeline("one", schedule="every 5m"))
    harness.clock.forward(4 * MINUTE)
    harness.apply(pipeline("one", schedule="every 5m"), pipeline("two", schedule="every 5m"))
    harness.clock.forward(MINUTE)

    harness.control.tick()

    assert [run.id for run in harness.runs()] == ["one@20260601T000500Z"]
    assert harness.runs()[0].revision == 2


def test_a_retimed_schedule_starts_anew_and_loses_no_ledger_row(harness: Harness) -> None:
    harness.apply(pipeline(schedule="every 5m"))
    harness.clock.forward(timedelta(minutes=7))
    harness.apply(pipeline(schedule="every 10m"))
    assert len(harness.reasons()) == 1

    harness.answer()

    harness.clock.forward(timedelta(minutes=10))
    harness.control.tick()
    assert harness.runs()[0].id == "orders@20260601T001700Z"


def test_a_removed_pipeline_fires_no_more(harness: Harness) -> None:
    harness.apply(pipeline("one", schedule="every 5m"), pipeline("two"))
    harness.apply(pipeline("two"))
    harness.clock.forward(5 * MINUTE)

    assert harness.control.tick() is None
    assert harness.runs() == []


def test_a_clock_set_back_repeats_nothing(harness: Harness) -> None:
    harness.apply(pipeline(schedule="every 5m"))
    harness.clock.forward(10 * MINUTE)
    harness.control.tick()
    before = harness.reasons()

    harness.clock.jump(-8 * MINUTE)
    for _ in range(8):
        harness.clock.forward(MINUTE)
        harness.control.tick()

    assert harness.reasons() == before


def test_a_thousand_schedules_fire_in_one_tick(harness: Harness) -> None:
    harness.apply(*(pipeline(f"p{n}", schedule="every 5m") for n in range(1000)))
    harness.clock.forward(5 * MINUTE)

    harness.control.tick()

    assert len(set(harness.rings.rings)) == 1000
    assert harness.reasons() == [("fired", 1)] * 500  # one page of the ledger
