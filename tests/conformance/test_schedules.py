"""Armed schedules and the fire ledger, on every substrate. What a tick decides is in test_tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from appliance.bootstrap import Substrate
from appliance.core.errors import Invalid
from appliance.core.event import Sample
from appliance.core.fires import LedgerEntry, Policy, Reason
from appliance.core.ledger import ArmedSchedule, FireRow, Firing, NewSchedule
from appliance.core.pipeline import Catchup, Overlap
from appliance.core.revision import NewRevision
from appliance.core.run import NewRun, RunId, RunState, Trigger
from appliance.core.schedule import Schedule, run_id
from tests.support.harness import Harness
from tests.support.rows import HOSTILE, NOW, SECOND, all_pages, at_once, counted, create, held, new_run, noted

MINUTE = 60 * SECOND


def schedule(pipeline_id: str = "orders", *, next_fire: datetime | None = NOW + MINUTE, text: str = "every 1m",
             paused: bool = False, policy: Policy | None = None) -> NewSchedule:  # fmt: skip
    return NewSchedule(pipeline_id, Schedule(text, "UTC"), policy or Policy(), paused, "appliance", next_fire)


def arm(on: Substrate, *schedules: NewSchedule) -> None:
    """Apply a revision with these schedules."""
    number = on.revisions.head_number() or 0
    on.revisions.add(NewRevision(number, "digest", "", {}, {}, "alice", NOW), schedules, noted())


def fire(
    armed: ArmedSchedule, reason: Reason = Reason.FIRED, *, at: datetime | None = None, cancel: bool = False
) -> Firing:
    """The next fire of the schedule, with the run that it becomes."""
    due_at = at or armed.next_fire
    assert due_at is not None
    runs = [_run_of(armed.pipeline_id, due_at)] if reason.is_run else []
    return Firing(armed, [LedgerEntry(due_at, due_at, 1, reason)], runs, cancel, due_at, due_at + MINUTE)


def _run_of(pipeline_id: str, due_at: datetime) -> NewRun:
    named = RunId(run_id(pipeline_id, due_at))
    return replace(new_run(pipeline_id, due_at=due_at, trigger=Trigger.SCHEDULE), id=named)


def _due(on: Substrate, now: datetime = NOW + MINUTE) -> Sequence[ArmedSchedule]:
    return on.schedules.due(now=now, limit=500)


def _ledger(on: Substrate) -> list[FireRow]:
    return list(reversed(on.schedules.fires(pipeline_id=None, before=None, limit=500).items))


def test_a_schedule_is_armed_as_it_was_applied(on: Substrate) -> None:
    policy = Policy(Catchup.ALL, 7, Overlap.BUFFER_ONE)
    arm(on, schedule(paused=True, policy=policy))

    assert on.schedules.list() == [
        ArmedSchedule("orders", 1, Schedule("every 1m", "UTC"), policy, paused=True, placement="appliance",
                      armed_at=NOW, last_expected=None, next_fire=NOW + MINUTE, pending=0, running=0)
    ]  # fmt: skip


def test_what_is_due_is_found_when_it_is_due_and_not_before(on: Substrate) -> None:
    arm(on, schedule())

    assert _due(on, NOW + MINUTE - SECOND / 1000) == []
    assert [each.pipeline_id for each in _due(on, NOW + MINUTE)] == ["orders"]


def test_the_most_overdue_comes_first_and_no_more_than_asked_for(on: Substrate) -> None:
    arm(on, *(schedule(name, next_fire=NOW + n * SECOND) for name, n in (("c", 3), ("a", 1), ("b", 2))))

    assert [each.pipeline_id for each in _due(on)] == ["a", "b", "c"]
    assert [each.pipeline_id for each in on.schedules.due(now=NOW + MINUTE, limit=2)] == ["a", "b"]


def test_a_schedule_without_a_next_fire_is_never_due(on: Substrate) -> None:
    arm(on, schedule(next_fire=None))

    assert _due(on, NOW + 10_000 * MINUTE) == []
    assert on.schedules.next_due() is None
    assert len(on.schedules.list()) == 1


def test_each_schedule_knows_its_pipelines_active_runs(on: Substrate) -> None:
    arm(on, schedule("orders"), schedule("another"))
    create(on)
    held(on)
    held(on)
    on.journal.finish(held(on), RunState.FAILED, None, now=NOW)

    found = {each.pipeline_id: (each.pending, each.running) for each in _due(on)}

    assert found == {"orders": (1, 2), "another": (0, 0)}
    assert on.schedules.list() == sorted(_due(on), key=lambda each: each.pipeline_id)


def test_the_next_due_moment_is_the_earliest(on: Substrate) -> None:
    assert on.schedules.next_due() is None

    arm(on, schedule("orders", next_fire=NOW + 3 * MINUTE), schedule("another", next_fire=NOW + 2 * MINUTE))

    assert on.schedules.next_due() == NOW + 2 * MINUTE


def test_a_firing_writes_row_run_and_position(on: Substrate) -> None:
    arm(on, schedule())

    made = on.schedules.record([fire(_due(on)[0])], [Sample("late", {}, 1)], now=NOW + MINUTE)

    assert made == ["orders@20260601T000100Z"]
    assert on.runs.get(made[0]).trigger is Trigger.SCHEDULE
    assert _ledger(on) == [FireRow("orders", NOW + MINUTE, NOW + MINUTE, 1, "fired", made[0], NOW + MINUTE)]
    [armed] = on.schedules.list()
    assert (armed.last_expected, armed.next_fire) == (NOW + MINUTE, NOW + 2 * MINUTE)
    assert counted(on) == {
        "hakiri_fires_total{reason=fired}": 1,
        "hakiri_runs_created_total{trigger=schedule}": 1,
        "late": 1,
    }


def test_a_gap_is_one_row_without_a_run(on: Substrate) -> None:
    arm(on, schedule())
    gap = LedgerEntry(NOW + MINUTE, NOW + 200 * MINUTE, 200, Reason.MISSED)

    on.schedules.record(
        [Firing(_due(on)[0], [gap], [], False, gap.last, gap.last + MINUTE)], [], now=NOW + 201 * MINUTE
    )

    assert _ledger(on) == [FireRow("orders", gap.first, gap.last, 200, "missed", None, NOW + 201 * MINUTE)]
    assert counted(on) == {"hakiri_fires_total{reason=missed}": 200}


def test_a_firing_whose_schedule_moved_is_left_out(on: Substrate) -> None:
    arm(on, schedule())
    [armed] = _due(on)
    on.schedules.record([fire(armed)], [], now=NOW + MINUTE)
    before = (_ledger(on), on.schedules.list(), counted(on))

    assert on.schedules.record([fire(armed)], [Sample("late", {}, 1)], now=NOW + MINUTE) == []

    assert (_ledger(on), on.schedules.list(), counted(on)) == before


def test_a_firing_whose_revision_was_replaced_is_left_out(on: Substrate) -> None:
    arm(on, schedule())
    [armed] = _due(on)
    arm(on, schedule())

    assert on.schedules.record([fire(armed)], [], now=NOW + MINUTE) == []
    assert (_ledger(on), len(_due(on))) == ([], 1)


def test_a_firing_whose_schedule_is_gone_is_left_out(on: Substrate) -> None:
    arm(on, schedule())
    [armed] = _due(on)
    arm(on)

    assert on.schedules.record([fire(armed)], [], now=NOW + MINUTE) == []
    assert on.schedules.list() == []


def test_one_that_moved_does_not_hold_up_the_others(on: Substrate) -> None:
    arm(on, schedule("one"), schedule("two"), schedule("three"))
    firings = [fire(armed) for armed in _due(on)]
    on.schedules.record(firings[1:2], [], now=NOW + MINUTE)

    made = on.schedules.record(firings, [], now=NOW + MINUTE)

    assert sorted(made) == sorted(firing.runs[0].id for firing in (firings[0], firings[2]))
    assert counted(on)["hakiri_fires_total{reason=fired}"] == 3


def test_of_eight_tickers_one_fires(on: Substrate) -> None:
    arm(on, schedule("one"), schedule("two"))
    firings = [fire(armed) for armed in _due(on)]

    made = [each for ids in at_once(lambda _: on.schedules.record(firings, [], now=NOW + MINUTE)) for each in ids]

    assert sorted(made) == ["one@20260601T000100Z", "two@20260601T000100Z"]
    assert len(_ledger(on)) == 2
    assert counted(on)["hakiri_runs_created_total{trigger=schedule}"] == 2


def test_a_moment_that_has_its_row_and_its_run_keeps_them(on: Substrate) -> None:
    """The clock was set back and the schedule was armed anew: its moments come a second time."""
    arm(on, schedule())
    on.schedules.record([fire(_due(on)[0])], [], now=NOW + MINUTE)
    before = (_ledger(on), counted(on))
    arm(on, schedule(text="every 2m", next_fire=NOW + MINUTE), schedule("another"))
    again = {armed.pipeline_id: fire(armed) for armed in _due(on)}

    made = on.schedules.record([again["orders"]], [], now=NOW + 2 * MINUTE)

    assert made == []
    assert (_ledger(on), counted(on)) == before
    assert on.schedules.record([again["another"]], [], now=NOW + 2 * MINUTE) == ["another@20260601T000100Z"]


def test_a_firing_that_replaces_runs_cancels_those_and_only_those(on: Substrate) -> None:
    arm(on, schedule())
    waiting, running, other = create(on).id, held(on).run_id, create(on, new_run("another")).id
    asked = held(on).run_id
    on.runs.request_cancel(asked, now=NOW, audit=noted(actor="bob"))

    [made] = on.schedules.record([fire(_due(on)[0], Reason.CANCELLED_OTHER, cancel=True)], [], now=NOW + MINUTE)

    ended = on.runs.get(waiting)
    assert (ended.state, ended.cancelled_by, ended.finished_at) == (RunState.CANCELLED, "schedule", NOW + MINUTE)
    assert (on.runs.get(running).state, on.runs.cancel_requested(running)) == (RunState.RUNNING, True)
    assert (on.runs.get(asked).cancelled_by, on.runs.get(asked).cancel_requested_at) == ("bob", NOW)
    assert [on.runs.get(each).state for each in (other, made)] == [RunState.PENDING] * 2
    assert counted(on)["hakiri_runs_finished_total{state=cancelled}"] == 1


def test_the_ledger_comes_newest_first_and_of_one_pipeline_if_asked(on: Substrate) -> None:
    arm(on, schedule("one"), schedule("two"))
    for minute in (1, 2):
        now = NOW + minute * MINUTE
        on.schedules.record([fire(armed, Reason.PAUSED) for armed in _due(on, now)], [], now=now)

    def page(pipeline_id: str | None) -> list[tuple[str, datetime]]:
        found = on.schedules.fires(pipeline_id=pipeline_id, before=None, limit=10)
        return [(row.pipeline_id, row.first_due_at) for row in found.items]

    assert page(None) == [(name, NOW + n * MINUTE) for n in (2, 1) for name in ("two", "one")]
    assert page("one") == [("one", NOW + n * MINUTE) for n in (2, 1)]
    assert page("on_") == []


def test_pages_of_the_ledger_hold_every_row_once_while_new_ones_come(on: Substrate) -> None:
    arm(on, *(schedule(f"p{number}") for number in range(7)))
    on.schedules.record([fire(armed, Reason.PAUSED) for armed in _due(on)], [], now=NOW + MINUTE)
    rows = list(reversed(_ledger(on)))

    def tick() -> None:
        armed = on.schedules.list()[0]
        on.schedules.record([fire(armed, Reason.PAUSED)], [], now=NOW)

    assert all_pages(lambda before: on.schedules.fires(pipeline_id=None, before=before, limit=3), between=tick) == rows


@pytest.mark.parametrize("before", ["x", "WzFd", *HOSTILE])
def test_a_page_key_that_nobody_gave_out_is_refused(on: Substrate, before: str) -> None:
    with pytest.raises(Invalid, match="before"):
        on.schedules.fires(pipeline_id=None, before=before, limit=2)


@pytest.mark.parametrize("text", HOSTILE)
def test_any_name_is_kept_as_it_is_and_found_again(on: Substrate, text: str) -> None:
    arm(on, schedule(text))

    [made] = on.schedules.record([fire(_due(on)[0])], [], now=NOW + MINUTE)

    assert on.runs.get(made).pipeline_id == text
    assert [row.run_id for row in on.schedules.fires(pipeline_id=text, before=None, limit=2).items] == [made]
    assert [each.pipeline_id for each in on.schedules.list()] == [text]


def test_what_fired_is_there_after_a_restart(harness: Harness) -> None:
    arm(harness.on, schedule())
    harness.on.schedules.record([fire(_due(harness.on)[0])], [], now=NOW + MINUTE)
    before = (_ledger(harness.on), harness.on.schedules.list())

    harness.restart()

    assert (_ledger(harness.on), harness.on.schedules.list()) == before
