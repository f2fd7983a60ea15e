"""When a cron line is due in a zone whose clocks are moved: the rules of docs/schedules.md.

Moments are whole seconds since 1970 UTC; wall-clock readings are the same number plus the zone's
offset, so that a reading's date and time of day are one division away.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from appliance.core.cron import Cron

DAY = 86_400

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).toordinal()
# Longer than clocks were set back since 1970 (7 hours), so that a scan sees the change that repeats its first readings.
_LOOK_BACK = 2 * DAY


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A piece of time, begin <= t < end, at most a day long, in which the offset stays the same."""

    begin: int
    end: int
    offset: int
    reached: int
    """The latest wall-clock reading before `begin`. More than begin + offset: clocks were set
    back, readings repeat. Less: clocks were set forward, readings were skipped."""


@dataclass(frozen=True, slots=True)
class _Readings:
    """Wall-clock readings, low <= r < high, that count in one stretch."""

    low: int
    high: int
    begin: int
    offset: int


def moments(cron: Cron, zone: tzinfo, *, after: int, until: int) -> Iterator[int]:
    """Yield the due moments in (after, until], oldest first, skipping quickly over empty months."""
    while after < until:
        # A local date starts up to a day before or after the UTC date, and a skipped day is due at its end.
        day = cron.next_day(after // DAY + _EPOCH - 2, until // DAY + _EPOCH + 1)
        if day is None:
            return
        begin = max(after, (day - _EPOCH - 1) * DAY)
        end = min(until, begin + 3 * DAY)
        for readings in _readings(cron, zone, begin, end):
            yield from _due(cron, readings)
        after = end


def count_moments(cron: Cron, zone: tzinfo, *, after: int, until: int) -> int:
    """Count the due moments in (after, until] without visiting each."""
    return sum(_count(cron, readings) for readings in _readings(cron, zone, after, until))


def newest_moments(cron: Cron, zone: tzinfo, *, after: int, until: int, limit: int) -> list[int]:
    """Return the newest `limit` due moments in (after, until], oldest first."""
    newest: list[int] = []
    for readings in reversed(list(_readings(cron, zone, after, until))):
        if len(newest) >= limit:
            break
        newest = [*_due(cron, readings), *newest]
    return newest[max(len(newest) - limit, 0) :]


def _readings(cron: Cron, zone: tzinfo, after: int, until: int) -> Iterator[_Readings]:
    for stretch in _stretches(zone, after - _LOOK_BACK, until + 1):
        if stretch.end <= after + 1:
            continue
        low = stretch.begin + stretch.offset if cron.steady else stretch.reached
        if after >= stretch.begin:
            low = max(low, after + 1 + stretch.offset)
        yield _Readings(low, stretch.end + stretch.offset, stretch.begin, stretch.offset)


def _stretches(zone: tzinfo, start: int, end: int) -> Iterator[_Stretch]:
    begin, offset = start, _offset(zone, start)
    reached = begin + offset
    while begin < end:
        until = min(begin + DAY, end)
        following = _offset(zone, until)
        if following != offset:
            until = _change(zone, begin, until, offset)
            following = _offset(zone, until)
        yield _Stretch(begin, until, offset, reached)
        reached = until + offset
        begin, offset = until, following


def _offset(zone: tzinfo, moment: int) -> int:
    offset = datetime.fromtimestamp(moment, zone).utcoffset()
    return 0 if offset is None else int(offset / timedelta(seconds=1))


def _change(zone: tzinfo, before: int, after: int, offset: int) -> int:
    """Return the first second in (before, after] at which the offset differs."""
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def _due(cron: Cron, readings: _Readings) -> Iterator[int]:
    last = None
    for day in range(readings.low // DAY, (readings.high - 1) // DAY + 1):
        first, stop = _times(cron, readings, day)
        for time in cron.times[first:stop]:
            # A skipped reading is due as soon as the clock has passed it; several are due once.
            moment = max(day * DAY + time - readings.offset, readings.begin)
            if moment != last:
                yield moment
            last = moment


def _count(cron: Cron, readings: _Readings) -> int:
    if readings.low < readings.begin + readings.offset:
        return sum(1 for _ in _due(cron, readings))
    total = 0
    for day in range(readings.low // DAY, (readings.high - 1) // DAY + 1):
        first, stop = _times(cron, readings, day)
        total += max(stop - first, 0)
    return total


def _times(cron: Cron, readings: _Readings, day: int) -> tuple[int, int]:
    if not cron.is_due_on(day + _EPOCH):
        return 0, 0
    midnight = day * DAY
    return bisect_left(cron.times, readings.low - midnight), bisect_left(cron.times, readings.high - midnight)
