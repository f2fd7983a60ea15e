"""When a pipeline fires: every moment a schedule is due, as a pure function of what is stored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from appliance.core.cron import Cron, parse_cron
from appliance.core.errors import Invalid
from appliance.core.wallclock import count_moments, moments, newest_moments

MAX_TEXT = 200
MAX_INTERVAL = 366 * 86_400

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_EVERY = re.compile(r"([1-9][0-9]{0,7})([smhd])")
_RUN_ID = re.compile(r"(?P<pipeline>[^@\s]+)@(?P<due>[0-9]{8}T[0-9]{6}Z)(?:-(?P<n>[1-9][0-9]{0,8}))?")
_STAMP = "%Y%m%dT%H%M%SZ"
_EARLIEST = datetime(1970, 1, 5, tzinfo=UTC)
_LATEST = datetime(2900, 1, 1, tzinfo=UTC)
_HORIZON = int(datetime(3000, 1, 1, tzinfo=UTC).timestamp())
# Files of a zone directory that are not zones anyone else has.
_LOCAL_ZONES = ("posix/", "right/", "localtime", "posixrules", "Factory")


@dataclass(frozen=True, slots=True)
class Every:
    """An interval in whole seconds, counted from the moment the schedule was armed."""

    text: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule that can be read: making one raises Invalid, with advice, for any other text or zone.

    `text` becomes canonical (one space between fields, upper-case names, no leading zeros), so
    schedules written differently and meaning the same to a reader compare equal.
    """

    text: str
    zone: str = "UTC"
    rule: Every | Cron = field(init=False, repr=False, compare=False)
    clock: tzinfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rule = _rule(self.text)
        object.__setattr__(self, "rule", rule)
        object.__setattr__(self, "clock", _zone(self.zone))
        object.__setattr__(self, "text", rule.text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Gap:
    """The due moments of a piece of time. `moments` holds the newest of them, oldest first."""

    first: datetime | None
    last: datetime | None
    count: int
    moments: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class RunMoment:
    """What a run id says: the pipeline, the due moment, and `n` for a manual or backfill run."""

    pipeline_id: str
    due_at: datetime
    n: int | None


def parse(text: str, zone: str = "UTC") -> Schedule:
    """Read `every 15m` or five cron fields, in an IANA zone. Raises Invalid with advice."""
    return Schedule(text, zone)


def next_fire(schedule: Schedule, last_expected: datetime | None, now: datetime, armed_at: datetime) -> datetime | None:
    """Return the first due moment strictly after both `last_expected` and `armed_at`, or None before 3000.

    It may lie before `now`: then it is overdue. `now` is only checked, so that a clock set back
    neither repeats a moment nor skips one. Raises Invalid if a time is outside 1970 to 2900.
    """
    _seconds(now)
    reference = _seconds(armed_at) if last_expected is None else max(_seconds(armed_at), _seconds(last_expected))
    return next(_after(schedule, reference, _seconds(armed_at)), None)


def upcoming(schedule: Schedule, after: datetime, armed_at: datetime, count: int) -> list[datetime]:
    """Return the next `count` due moments strictly after `after` and `armed_at`."""
    armed = _seconds(armed_at)
    return list(islice(_after(schedule, max(_seconds(after), armed), armed), count))


def expected(schedule: Schedule, after: datetime, until: datetime, armed_at: datetime, limit: int) -> Gap:
    """Return what was due in (after, until] and after `armed_at`, with the newest `limit` moments.

    The cost grows with the days in between, not with the moments.
    """
    armed, end = _seconds(armed_at), _seconds(until)
    start = max(_seconds(after), armed)
    first = next(_after(schedule, start, armed), None)
    if first is None or first > until:
        return Gap(None, None, 0, ())
    match schedule.rule:
        case Every(seconds=step):
            low, high = (start - armed) // step, (end - armed) // step
            count = high - low
            newest = [armed + k * step for k in range(max(low, high - max(limit, 1)) + 1, high + 1)]
        case Cron() as cron:
            count = count_moments(cron, schedule.clock, after=start, until=end)
            newest = newest_moments(cron, schedule.clock, after=start, until=end, limit=max(limit, 1))
    kept = newest[max(len(newest) - limit, 0) :]
    return Gap(first, _moment(newest[-1]), count, tuple(map(_moment, kept)))


def run_id(pipeline_id: str, due_at: datetime, n: int | None = None) -> str:
    """Name a run after its moment: `orders@20260101T120000Z`, with `-<n>` for manual and backfill runs."""
    name = f"{pipeline_id}@{whole_second(due_at).strftime(_STAMP)}"
    return name if n is None else f"{name}-{n}"


def parse_run_id(text: str) -> RunMoment:
    """Take a run id apart. Raises Invalid for anything `run_id` does not make."""
    match = _RUN_ID.fullmatch(text)
    if match is None:
        raise Invalid(f"run id {text[:MAX_TEXT]!r}: must be like orders@20260101T120000Z or orders@20260101T120000Z-2")
    try:
        due_at = datetime.strptime(match["due"], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        raise Invalid(f"run id {text[:MAX_TEXT]!r}: {match['due']} is not a date and time") from None
    return RunMoment(match["pipeline"], due_at, int(match["n"]) if match["n"] else None)


def whole_second(moment: datetime) -> datetime:
    """Cut an aware time down to a UTC second. Raises Invalid if it is outside 1970 to 2900."""
    return _moment(_seconds(moment))


def _rule(text: str) -> Every | Cron:
    if len(text) > MAX_TEXT or not text.isascii():
        raise Invalid(f"schedule {text[:40]!r}: must be plain ASCII and at most {MAX_TEXT} characters")
    words = text.split()
    if words[:1] == ["every"]:
        return _every(" ".join(words))
    return parse_cron(" ".join(words))


def _every(text: str) -> Every:
    match = _EVERY.fullmatch(text.removeprefix("every "))
    if match is None:
        raise Invalid(
            f'schedule {text!r}: write "every <n><unit>" such as "every 15m", with a whole number from 1, '
            "no sign, no leading zero, and a unit of s, m, h or d"
        )
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > MAX_INTERVAL:
        raise Invalid(f"schedule {text!r}: the longest interval is 366d; write a cron line such as 0 3 1 1 *")
    return Every(text, seconds)


def _zone(name: str) -> tzinfo:
    # UTC needs no zone database, so the default works on a machine that has none.
    if name == "UTC":
        return UTC
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = None
    if zone is None or name.startswith(_LOCAL_ZONES):
        raise Invalid(f"zone {name[:80]!r}: {_zone_advice(name)}")
    return zone


def _zone_advice(name: str) -> str:
    known = {zone.casefold(): zone for zone in available_timezones()}
    if not known:
        return "this machine has no time zone database; install tzdata"
    # A bare city is what people write: compare with the last part as well.
    cities = {zone.rpartition("/")[2]: zone for zone in known}
    wanted = name[:80].casefold().replace(" ", "_")
    close = [cities[city] for city in get_close_matches(wanted, cities, n=1)] + get_close_matches(wanted, known, n=3)
    if not close:
        return 'not an IANA zone; write one such as "Europe/Berlin" or leave it out for UTC'
    return f"not an IANA zone; did you mean {', '.join(dict.fromkeys(known[zone] for zone in close))}?"


def _after(schedule: Schedule, reference: int, armed: int) -> Iterator[datetime]:
    match schedule.rule:
        case Every(seconds=step):
            due: Iterator[int] = iter(range(armed + ((reference - armed) // step + 1) * step, _HORIZON, step))
        case Cron() as cron:
            due = moments(cron, schedule.clock, after=reference, until=_HORIZON)
    return map(_moment, due)


def _seconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no zone")
    if not _EARLIEST <= moment < _LATEST:
        raise Invalid(f"time {moment.isoformat()}: must be after {_EARLIEST.year} and before {_LATEST.year}")
    return int(moment.timestamp())


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
