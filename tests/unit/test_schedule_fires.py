"""What a tick does about one schedule: catch-up, overlap, pauses and ranges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import process_time

import pytest

from appliance.core.errors import Invalid
from appliance.core.fires import ActiveRuns, LedgerEntry, Plan, Policy, Reason, plan_fires
from appliance.core.pipeline import Catchup, Overlap
from appliance.core.schedule import Schedule, parse

START = datetime(2026, 6, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
IDLE = ActiveRuns()
BUSY = ActiveRuns(running=1)
EVERY_TEN_MINUTES = parse("every 10m")
DEFAULT = Policy()


@dataclass(frozen=True)
class Ticker:
    """A schedule with everything a tick is told, so that a test names only what matters."""

    schedule: Schedule = EVERY_TEN_MINUTES
    armed_at: datetime = START
    last_expected: datetime | None = None
    policy: Policy = DEFAULT
    active: ActiveRuns = IDLE
    paused: bool = False
    served: bool = True
    grace: timedelta = MINUTE

    def plan(self, minutes: float) -> Plan:
        return plan_fires(
            schedule=self.schedule,
            armed_at=self.armed_at,
            last_expected=self.last_expected,
            now=START + minutes * MINUTE,
            policy=self.policy,
            active=self.active,
            paused=self.paused,
            served=self.served,
            grace=self.grace,
        )


def story(plan: Plan) -> list[tuple[int, str]]:
    """Each entry as (minutes after START, reason)."""
    assert all(entry.first == entry.last and entry.count == 1 for entry in plan.entries)
    return [((entry.first - START) // MINUTE, str(entry.reason)) for entry in plan.entries]


def runs(plan: Plan) -> list[int]:
    return [(moment - START) // MINUTE for moment in plan.runs]


def policy(catchup: Catchup = Catchup.LATEST, overlap: Overlap = Overlap.SKIP, limit: int = 100) -> Policy:
    return Policy(catchup=catchup, catchup_limit=limit, overlap=overlap)


def test_a_moment_on_time_fires() -> None:
    plan = Ticker().plan(10.5)

    assert story(plan) == [(10, "fired")]
    assert runs(plan) == [10]
    assert plan.last_expected == START + 10 * MINUTE
    assert plan.next_fire == START + 20 * MINUTE


def test_before_the_first_moment_nothing_happens() -> None:
    plan = Ticker().plan(9.99)

    assert (plan.entries, plan.runs, plan.cancel) == ((), (), False)
    assert (plan.last_expected, plan.next_fire) == (START, START + 10 * MINUTE)


@pytest.mark.parametrize(("minutes", "reason"), [(11, "fired"), (11.02, "caught_up")])
def test_a_moment_is_on_time_up_to_and_including_the_grace(minutes: float, reason: str) -> None:
    assert story(Ticker().plan(minutes)) == [(10, reason)]


@pytest.mark.parametrize(
    ("catchup", "entries"),
    [
        (Catchup.SKIP, [(10, "missed"), (20, "missed"), (30, "missed")]),
        (Catchup.LATEST, [(10, "missed"), (20, "missed"), (30, "caught_up")]),
        (Catchup.ALL, [(10, "caught_up"), (20, "caught_up"), (30, "caught_up")]),
    ],
)
def test_the_catch_up_policy_decides_about_missed_moments(catchup: Catchup, entries: list[tuple[int, str]]) -> None:
    assert story(Ticker(policy=policy(catchup)).plan(35)) == entries


@pytest.mark.parametrize(
    ("catchup", "entries"),
    [
        (Catchup.SKIP, [(10, "missed"), (20, "missed"), (30, "fired")]),
        (Catchup.LATEST, [(10, "missed"), (20, "missed"), (30, "fired")]),
        (Catchup.ALL, [(10, "caught_up"), (20, "caught_up"), (30, "skipped_overlap")]),
    ],
)
def test_a_gap_that_ends_on_time_is_not_caught_up_twice(catchup: Catchup, entries: list[tuple[int, str]]) -> None:
    assert story(Ticker(policy=policy(catchup)).plan(30.5)) == entries


def test_catching_up_all_stops_at_the_limit_and_keeps_the_newest() -> None:
    plan = Ticker(policy=policy(Catchup.ALL, limit=2)).plan(45)

    assert story(plan) == [(10, "missed"), (20, "missed"), (30, "caught_up"), (40, "caught_up")]
    assert runs(plan) == [30, 40]


@pytest.mark.parametrize(
    ("overlap", "active", "reason", "cancel"),
    [
        (Overlap.SKIP, BUSY, "skipped_overlap", False),
        (Overlap.SKIP, ActiveRuns(pending=1), "skipped_overlap", False),
        (Overlap.BUFFER_ONE, BUSY, "buffered", False),
        (Overlap.BUFFER_ONE, ActiveRuns(pending=1), "buffered", False),
        (Overlap.BUFFER_ONE, ActiveRuns(pending=1, running=1), "skipped_overlap", False),
        (Overlap.BUFFER_ONE, ActiveRuns(pending=2), "skipped_overlap", False),
        (Overlap.BUFFER_ONE, ActiveRuns(running=2), "buffered", False),
        (Overlap.ALLOW, BUSY, "fired", False),
        (Overlap.CANCEL_OTHER, BUSY, "cancelled_other", True),
        (Overlap.CANCEL_OTHER, IDLE, "fired", False),
    ],
)
def test_the_overlap_policy_decides_next_to_an_active_run(
    overlap: Overlap, active: ActiveRuns, reason: str, cancel: bool
) -> None:
    plan = Ticker(policy=policy(overlap=overlap), active=active).plan(10)

    assert story(plan) == [(10, reason)]
    assert runs(plan) == ([] if reason == "skipped_overlap" else [10])
    assert plan.cancel is cancel


@pytest.mark.parametrize(
    ("overlap", "active", "reasons"),
    [
        (Overlap.SKIP, IDLE, ["fired", "skipped_overlap", "skipped_overlap"]),
        (Overlap.BUFFER_ONE, IDLE, ["fired", "buffered", "skipped_overlap"]),
        (Overlap.BUFFER_ONE, BUSY, ["buffered", "skipped_overlap", "skipped_overlap"]),
        (Overlap.ALLOW, BUSY, ["fired", "fired", "fired"]),
        (Overlap.CANCEL_OTHER, IDLE, ["skipped_overlap", "skipped_overlap", "fired"]),
        (Overlap.CANCEL_OTHER, BUSY, ["skipped_overlap", "skipped_overlap", "cancelled_other"]),
    ],
)
def test_several_moments_of_one_tick_are_decided_oldest_first(
    overlap: Overlap, active: ActiveRuns, reasons: list[str]
) -> None:
    ticker = Ticker(parse("every 1m"), policy=policy(overlap=overlap), active=active, grace=5 * MINUTE)

    assert [reason for _, reason in story(ticker.plan(3))] == reasons


@pytest.mark.parametrize(
    ("overlap", "active", "reasons"),
    [
        (Overlap.SKIP, IDLE, ["caught_up", "caught_up", "caught_up", "skipped_overlap"]),
        (Overlap.SKIP, BUSY, ["skipped_overlap"] * 4),
        (Overlap.BUFFER_ONE, IDLE, ["caught_up", "caught_up", "caught_up", "skipped_overlap"]),
        (Overlap.BUFFER_ONE, BUSY, ["buffered", "skipped_overlap", "skipped_overlap", "skipped_overlap"]),
        (Overlap.ALLOW, BUSY, ["caught_up", "caught_up", "caught_up", "fired"]),
        (Overlap.CANCEL_OTHER, BUSY, ["skipped_overlap"] * 3 + ["cancelled_other"]),
    ],
)
def test_the_runs_of_one_catch_up_take_turns(overlap: Overlap, active: ActiveRuns, reasons: list[str]) -> None:
    ticker = Ticker(policy=policy(Catchup.ALL, overlap), active=active)

    assert [reason for _, reason in story(ticker.plan(40))] == reasons


def test_a_paused_schedule_fires_nothing_and_says_so() -> None:
    plan = Ticker(paused=True, served=False).plan(20)

    assert story(plan) == [(10, "paused"), (20, "paused")]
    assert plan.runs == ()


def test_a_placement_nobody_serves_never_runs_elsewhere() -> None:
    plan = Ticker(served=False, policy=policy(Catchup.ALL, Overlap.CANCEL_OTHER), active=BUSY).plan(20)

    assert story(plan) == [(10, "unplaced"), (20, "unplaced")]
    assert (plan.runs, plan.cancel) == ((), False)


def test_what_a_pause_dropped_is_not_caught_up_after_it() -> None:
    ticker = Ticker(policy=policy(Catchup.ALL))
    paused = replace(ticker, paused=True).plan(20)

    plan = replace(ticker, last_expected=paused.last_expected).plan(30)

    assert story(plan) == [(30, "fired")]


@pytest.mark.parametrize(("minutes", "rows"), [(1000, 100), (1010, 1)])
def test_more_than_a_hundred_fires_with_one_reason_are_one_row(minutes: int, rows: int) -> None:
    plan = Ticker(paused=True).plan(minutes)

    assert len(plan.entries) == rows
    assert sum(entry.count for entry in plan.entries) == minutes // 10


def test_a_year_of_downtime_is_two_rows_and_one_run() -> None:
    ticker = Ticker(parse("every 1s"))

    started = process_time()
    plan = ticker.plan(365 * 24 * 60)

    second, newest = timedelta(seconds=1), START + timedelta(days=365)
    assert process_time() - started < 1
    assert plan.entries == (
        LedgerEntry(START + second, newest - second, 365 * 86_400 - 1, Reason.MISSED),
        LedgerEntry(newest, newest, 1, Reason.FIRED),
    )
    assert plan.runs == (newest,)


def test_a_moment_that_became_a_run_is_never_part_of_a_range() -> None:
    plan = Ticker(policy=policy(Catchup.ALL, limit=300)).plan(5005)

    assert plan.entries[0] == LedgerEntry(START + 10 * MINUTE, START + 2000 * MINUTE, 200, Reason.MISSED)
    assert [entry.first for entry in plan.entries[1:]] == list(plan.runs)
    assert len(plan.runs) == 300


@pytest.mark.parametrize("limit", [0, -1, 10_001])
def test_a_catch_up_limit_out_of_range_is_refused(limit: int) -> None:
    with pytest.raises(Invalid, match="must be 1 to 10000"):
        Policy(catchup_limit=limit)
