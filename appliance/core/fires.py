"""What one tick does about one schedule: which due moments become runs, and why the others do not.

The rules are written down in docs/schedules.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import assert_never

from appliance.core.errors import Invalid
from appliance.core.pipeline import DEFAULT_CATCHUP_LIMIT, Catchup, Overlap
from appliance.core.schedule import Gap, Schedule, expected, next_fire, whole_second

# More rows than this with one reason, in one gap, are one row.
ROWS_PER_REASON = 100
MAX_CATCHUP = 10_000

_SECOND = timedelta(seconds=1)


class Reason(StrEnum):
    """What became of an expected fire."""

    FIRED = "fired"
    """It became a run, on time."""
    CAUGHT_UP = "caught_up"
    """It became a run, late: the catch-up policy made up for it."""
    BUFFERED = "buffered"
    """It became a run that waits for the active one to end (overlap `buffer-one`)."""
    CANCELLED_OTHER = "cancelled_other"
    """It became a run, and the runs active before it were cancelled (overlap `cancel-other`)."""
    SKIPPED_OVERLAP = "skipped_overlap"
    """Another run of the pipeline was in its way."""
    MISSED = "missed"
    """Nobody was up to fire it, and the catch-up policy did not make up for it."""
    PAUSED = "paused"
    """The schedule was paused."""
    UNPLACED = "unplaced"
    """Nobody here serves the pipeline's placement."""
    BACKFILLED = "backfilled"
    """A person had a moment run that had not. A tick never says this."""

    @property
    def is_run(self) -> bool:
        return self in (Reason.FIRED, Reason.CAUGHT_UP, Reason.BUFFERED, Reason.CANCELLED_OTHER)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a schedule does about the moments it missed, and about a run that is not over.

    Raises Invalid if `catchup_limit` is not 1 to 10000.
    """

    catchup: Catchup = Catchup.LATEST
    catchup_limit: int = DEFAULT_CATCHUP_LIMIT
    overlap: Overlap = Overlap.SKIP

    def __post_init__(self) -> None:
        if not 1 <= self.catchup_limit <= MAX_CATCHUP:
            raise Invalid(f"catchup_limit {self.catchup_limit}: must be 1 to {MAX_CATCHUP}")


@dataclass(frozen=True, slots=True)
class ActiveRuns:
    """The pipeline's runs that are not final, manual ones included."""

    pending: int = 0
    running: int = 0

    @property
    def waiting(self) -> int:
        # With nothing running, one pending run is about to start: it waits for nobody.
        return self.pending if self.running else max(self.pending - 1, 0)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """`count` expected fires from `first` to `last` had the same end. One that became a run stands alone."""

    first: datetime
    last: datetime
    count: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything to be written for one schedule in one transaction.

    `runs` are the moments that become runs, oldest first. `cancel` asks to cancel the runs that were
    active before. Every expected fire up to `last_expected` now has its ledger entry.
    """

    entries: tuple[LedgerEntry, ...]
    runs: tuple[datetime, ...]
    cancel: bool
    last_expected: datetime
    next_fire: datetime | None


@dataclass(frozen=True, slots=True)
class _Due:
    """A moment that may become a run, unless another run is in its way."""

    at: datetime
    reason: Reason


def plan_fires(
    *,
    schedule: Schedule,
    armed_at: datetime,
    last_expected: datetime | None,
    now: datetime,
    policy: Policy,
    active: ActiveRuns,
    paused: bool,
    served: bool,
    grace: timedelta,
) -> Plan:
    """Account for every moment in (last_expected, now], each exactly once.

    A moment at most `grace` (not negative, longer than a tick) old is on time.
    Raises Invalid if a time is outside 1970 to 2900.
    """
    window = _window(schedule, armed_at=armed_at, last_expected=last_expected, now=now)
    if paused or not served:
        # Paused comes first: somebody decided it, and placing the pipeline would not undo it.
        reason = Reason.PAUSED if paused else Reason.UNPLACED
        return _plan(window, _rows(window.gap(), reason), [])
    missed, due = _candidates(window, policy, grace)
    return _plan(window, _rows(missed, Reason.MISSED), list(_admit(due, policy, active)))


@dataclass(frozen=True, slots=True)
class _Window:
    """The time one tick looks at: since < t <= until."""

    schedule: Schedule
    armed_at: datetime
    since: datetime
    until: datetime

    def gap(self, *, since: datetime | None = None, until: datetime | None = None, newest: int = 0) -> Gap:
        """Return what was due, with the newest `newest` moments and as many as can be rows of their own."""
        start = self.since if since is None else since
        end = max(start, self.until if until is None else until)
        return expected(self.schedule, start, end, self.armed_at, newest + ROWS_PER_REASON)


def _window(schedule: Schedule, *, armed_at: datetime, last_expected: datetime | None, now: datetime) -> _Window:
    since = whole_second(armed_at)
    if last_expected is not None:
        since = max(since, whole_second(last_expected))
    # A clock that was set back sees an empty window, not one that repeats moments.
    return _Window(schedule, armed_at, since, max(since, whole_second(now)))


def _plan(window: _Window, dropped: Iterator[LedgerEntry], decided: list[_Due]) -> Plan:
    entries = (*dropped, *_decided_rows(decided))
    last = entries[-1].last if entries else window.since
    return Plan(
        entries=entries,
        runs=tuple(each.at for each in decided if each.reason.is_run),
        cancel=any(each.reason is Reason.CANCELLED_OTHER for each in decided),
        last_expected=last,
        next_fire=next_fire(window.schedule, last, window.until, window.armed_at),
    )


def _candidates(window: _Window, policy: Policy, grace: timedelta) -> tuple[Gap, list[_Due]]:
    """Split the window into what is missed for good and what may run."""
    seconds = int(grace / _SECOND) + 1
    late_until = max(window.until - seconds * _SECOND, window.since)
    late = window.gap(until=late_until, newest=policy.catchup_limit)
    on_time = [_Due(at, Reason.FIRED) for at in window.gap(since=late_until, newest=seconds).moments]
    match policy.catchup:
        case Catchup.SKIP:
            return late, on_time
        case Catchup.LATEST if late.count == 0:
            return late, on_time
        case Catchup.LATEST:
            # Any gap collapses to one run, also a gap that ends with a moment that is still on time.
            missed, newest = _split(window.gap(newest=1), 1)
            reason = Reason.FIRED if on_time else Reason.CAUGHT_UP
            return missed, [_Due(at, reason) for at in newest]
        case Catchup.ALL:
            missed, newest = _split(late, policy.catchup_limit)
            return missed, [_Due(at, Reason.CAUGHT_UP) for at in newest] + on_time
        case _ as never:
            assert_never(never)


def _split(gap: Gap, newest: int) -> tuple[Gap, tuple[datetime, ...]]:
    """Take the newest moments off a gap that was asked for with at least as many and one more."""
    kept, taken = gap.moments[:-newest], gap.moments[-newest:]
    if not kept:
        return Gap(None, None, 0, ()), taken
    return Gap(gap.first, kept[-1], gap.count - len(taken), kept), taken


def _admit(due: list[_Due], policy: Policy, active: ActiveRuns) -> Iterator[_Due]:
    """Decide, oldest first, what each moment becomes next to the runs before it."""
    match policy.overlap:
        case Overlap.ALLOW:
            yield from due
        case Overlap.CANCEL_OTHER:
            yield from _replace(due, active)
        case Overlap.SKIP:
            yield from _queue(due, active, places=0)
        case Overlap.BUFFER_ONE:
            yield from _queue(due, active, places=1)
        case _ as never:
            assert_never(never)


def _replace(due: list[_Due], active: ActiveRuns) -> Iterator[_Due]:
    # Each would cancel the one before: only the newest is worth starting.
    for each in due[:-1]:
        yield _Due(each.at, Reason.SKIPPED_OVERLAP)
    for each in due[-1:]:
        busy = active.pending + active.running > 0
        yield _Due(each.at, Reason.CANCELLED_OTHER) if busy else each


def _queue(due: list[_Due], active: ActiveRuns, *, places: int) -> Iterator[_Due]:
    busy, free = active.pending + active.running > 0, places - active.waiting
    # The runs of one catch-up take turns, so none of them is in another's way.
    takes_turns = not busy
    for each in due:
        if not busy:
            busy = True
            yield each
        elif takes_turns and each.reason is Reason.CAUGHT_UP:
            free -= 1
            yield each
        elif free > 0:
            free -= 1
            yield _Due(each.at, Reason.BUFFERED)
        else:
            yield _Due(each.at, Reason.SKIPPED_OVERLAP)


def _rows(gap: Gap, reason: Reason) -> Iterator[LedgerEntry]:
    if gap.count > ROWS_PER_REASON and gap.first and gap.last:
        yield LedgerEntry(gap.first, gap.last, gap.count, reason)
    else:
        yield from (LedgerEntry(at, at, 1, reason) for at in gap.moments)


def _decided_rows(decided: list[_Due]) -> Iterator[LedgerEntry]:
    for reason, group in groupby(decided, key=lambda each: each.reason):
        moments = tuple(each.at for each in group)
        if reason.is_run:
            # A row that became a run names it, so it is never part of a range.
            yield from (LedgerEntry(at, at, 1, reason) for at in moments)
        else:
            yield from _rows(Gap(moments[0], moments[-1], len(moments), moments), reason)
