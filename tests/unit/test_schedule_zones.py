"""Cron in zones whose clocks are moved, against a slow model that watches the clock minute by minute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.schedule import expected, next_fire, parse, upcoming

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

# A day on which each zone's clocks are moved, or an ordinary one where they never are.
CHANGES = [
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Africa/Casablanca", "2019-05-05"),
    ("Africa/Casablanca", "2019-06-09"),
    ("Asia/Kolkata", "2026-06-01"),
    ("America/Sao_Paulo", "2018-02-18"),
    ("America/Sao_Paulo", "2018-11-04"),
    # Readings are repeated and skipped across midnight, for three hours, and for a day.
    ("America/St_Johns", "2010-11-07"),
    ("America/Nuuk", "2025-03-30"),
    ("Antarctica/Casey", "2010-03-05"),
    ("Pacific/Apia", "2011-12-30"),
]
ZONES = sorted({zone for zone, _ in CHANGES} - {"Pacific/Apia", "America/Nuuk", "Antarctica/Casey"})


@dataclass(frozen=True)
class Line:
    """A cron line together with what its fields mean, so that the model needs no parser."""

    text: str
    fields: tuple[frozenset[int], ...]

    @property
    def words(self) -> list[str]:
        return self.text.split()

    def matches(self, local: datetime) -> bool:
        minutes, hours, days, months, weekdays = self.fields
        in_month, in_week = local.day in days, local.isoweekday() % 7 in weekdays
        starred = self.words[2].startswith("*") or self.words[4].startswith("*")
        on_day = (in_month and in_week) if starred else (in_month or in_week)
        return local.minute in minutes and local.hour in hours and local.month in months and on_day


def model(line: Line, zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """Watch the wall clock at every minute of start < t <= end and say when the line is due."""
    steady = line.words[0].startswith("*") or line.words[1].startswith("*")
    # The watch begins early enough to have seen which readings are repeats.
    now = start - timedelta(days=2)
    latest = now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    while now < end:
        now += MINUTE
        reading = now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        if steady:
            due = line.matches(reading)
        else:
            passed = (latest + MINUTE * n for n in range(1, (reading - latest) // MINUTE + 1))
            due = any(line.matches(each) for each in passed)
            latest = max(latest, reading)
        if due and now > start:
            yield now


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> tuple[str, frozenset[int]]:
    first, last = sorted((draw(st.integers(low, high)), draw(st.integers(low, high))))
    step = draw(st.integers(1, high - low))
    some = draw(st.lists(st.integers(low, high), min_size=1, max_size=4))
    return draw(
        st.sampled_from(
            [
                ("*", frozenset(range(low, high + 1))),
                (f"*/{step}", frozenset(range(low, high + 1, step))),
                (f"{first}-{last}", frozenset(range(first, last + 1))),
                (f"{first}-{last}/{step}", frozenset(range(first, last + 1, step))),
                (",".join(map(str, some)), frozenset(some)),
            ]
        )
    )


EVERY_DAY = st.just(("*", frozenset(range(32))))


@st.composite
def lines(draw: st.DrawFn) -> Line:
    # Mostly around the hours at which clocks are moved: elsewhere there is little to get wrong.
    hours = fields(0, 23) | st.sampled_from([(str(hour), frozenset({hour})) for hour in (0, 1, 2, 3, 23)])
    drawn = [
        draw(fields(0, 59)),
        draw(hours),
        draw(EVERY_DAY | fields(1, 31)),
        draw(EVERY_DAY),
        draw(EVERY_DAY | fields(0, 6)),
    ]
    return Line(" ".join(text for text, _ in drawn), tuple(values for _, values in drawn))


@settings(max_examples=60, deadline=None)
@given(line=lines(), change=st.sampled_from(CHANGES), early=st.integers(0, 40 * 60), length=st.integers(1, 60 * 60))
def test_cron_agrees_with_someone_watching_the_clock(
    line: Line, change: tuple[str, str], early: int, length: int
) -> None:
    zone, day = change
    start = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(hours=16) - early * MINUTE
    end = start + length * MINUTE
    watched = list(model(line, zone, start, end))

    schedule = parse(line.text, zone)
    gap = expected(schedule, start, end, start, 10_000)

    assert list(gap.moments) == watched
    assert gap.count == len(watched)
    assert [moment for moment in upcoming(schedule, start, start, len(watched) + 1) if moment <= end] == watched


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("time", ["0 0", "30 1", "15 2", "30 2", "0 3", "59 23"])
@pytest.mark.parametrize("year", [2018, 2026])
def test_a_daily_job_fires_exactly_once_on_each_local_day(zone: str, time: str, year: int) -> None:
    clock = ZoneInfo(zone)
    start = datetime(year, 1, 1, tzinfo=clock).astimezone(UTC) - timedelta(seconds=1)

    moments = upcoming(parse(f"{time} * * *", zone), start, start, 365)

    days = [moment.astimezone(clock).date() for moment in moments]
    assert days == [date(year, 1, 1) + timedelta(days=n) for n in range(365)]


@pytest.mark.parametrize(("zone", "day"), [change for change in CHANGES if change[0] in ZONES])
@pytest.mark.parametrize(
    ("text", "interval"), [("*/15 * * * *", MINUTE * 15), ("* * * * *", MINUTE), ("*/30 * * * *", MINUTE * 30)]
)
def test_a_job_by_the_minute_fires_at_every_real_interval(zone: str, day: str, text: str, interval: timedelta) -> None:
    start = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(days=1)

    moments = upcoming(parse(text, zone), start, start, timedelta(days=3) // interval)

    assert {later - earlier for earlier, later in pairwise([start, *moments])} == {interval}


@pytest.mark.parametrize(("zone", "day"), CHANGES[:4] + CHANGES[6:11])
def test_an_hourly_job_fires_every_real_hour(zone: str, day: str) -> None:
    past = 30 if zone == "Asia/Kolkata" else 0
    start = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(days=1) + past * MINUTE

    moments = upcoming(parse("0 * * * *", zone), start, start, 72)

    assert {later - earlier for earlier, later in pairwise([start, *moments])} == {HOUR}


@settings(max_examples=100, deadline=None)
@given(line=lines(), change=st.sampled_from(CHANGES), cuts=st.lists(st.integers(0, 4 * 86_400), max_size=8))
def test_however_time_is_cut_each_moment_is_in_one_piece(line: Line, change: tuple[str, str], cuts: list[int]) -> None:
    zone, day = change
    start = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(days=2)
    edges = [start + timedelta(seconds=cut) for cut in sorted({0, *cuts, 4 * 86_400})]
    schedule = parse(line.text, zone)

    pieces = [expected(schedule, low, high, start, 10_000) for low, high in pairwise(edges)]

    whole = expected(schedule, start, edges[-1], start, 10_000)
    assert [moment for piece in pieces for moment in piece.moments] == list(whole.moments)
    assert sum(piece.count for piece in pieces) == whole.count


@settings(max_examples=100, deadline=None)
@given(line=lines(), change=st.sampled_from(CHANGES))
def test_stepping_from_fire_to_fire_visits_every_moment(line: Line, change: tuple[str, str]) -> None:
    zone, day = change
    start = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(days=1)
    schedule = parse(line.text, zone)
    moments = upcoming(schedule, start, start, 30)

    last, stepped = None, []
    for _ in moments:
        last = next_fire(schedule, last, start, start)
        stepped.append(last)

    assert stepped == moments
