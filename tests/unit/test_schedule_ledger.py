"""Every expected fire ends in exactly one ledger entry, however ticks, downtime and clock changes fall."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.fires import ActiveRuns, LedgerEntry, Policy, plan_fires
from appliance.core.pipeline import Catchup, Overlap
from appliance.core.schedule import Schedule, expected, parse

TICKS = st.tuples(
    # Mostly ticks, sometimes hours of downtime, sometimes a clock that is set back.
    st.integers(0, 90) | st.integers(-4_000, 40_000),
    st.builds(Policy, st.sampled_from(Catchup), st.integers(1, 200), st.sampled_from(Overlap)),
    st.builds(ActiveRuns, st.integers(0, 2), st.integers(0, 2)),
    st.booleans(),
    st.booleans(),
    st.integers(0, 120),
)
SCHEDULES = st.sampled_from(
    [
        parse("every 7s"),
        parse("every 15m"),
        parse("* * * * *", "Europe/Berlin"),
        parse("*/15 1-3 * * *", "Europe/Berlin"),
        parse("10,40 2 * * *", "Australia/Lord_Howe"),
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    schedule=SCHEDULES,
    day=st.sampled_from(["2026-03-29", "2026-10-25", "2026-10-03", "2026-04-04"]),
    ticks=st.lists(TICKS, max_size=25),
)
def test_however_ticks_come_each_expected_fire_is_accounted_for_once(
    schedule: Schedule, day: str, ticks: list[tuple[int, Policy, ActiveRuns, bool, bool, int]]
) -> None:
    armed_at = datetime.fromisoformat(day).replace(tzinfo=UTC)
    now, last_expected = armed_at, None
    entries: list[LedgerEntry] = []
    started: list[datetime] = []

    for step, its_policy, active, paused, served, grace in ticks:
        now += timedelta(seconds=step)
        plan = plan_fires(
            schedule=schedule,
            armed_at=armed_at,
            last_expected=last_expected,
            now=now,
            policy=its_policy,
            active=active,
            paused=paused,
            served=served,
            grace=timedelta(seconds=grace),
        )
        entries += plan.entries
        started += plan.runs
        last_expected = plan.last_expected
        assert plan.next_fire is not None
        assert plan.next_fire > max(now, last_expected) or last_expected > now

    whole = expected(schedule, armed_at, last_expected or armed_at, armed_at, 100_000)
    assert sum(entry.count for entry in entries) == whole.count
    assert all(earlier.last < later.first for earlier, later in pairwise(entries))
    for entry in entries:
        inside = [moment for moment in whole.moments if entry.first <= moment <= entry.last]
        assert (inside[0], inside[-1], len(inside)) == (entry.first, entry.last, entry.count)
    assert started == [entry.first for entry in entries if entry.reason.is_run]
