"""Five-field cron: what the text means on a calendar, without a zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from appliance.core.errors import Invalid

MINUTE = 60
HOUR = 60 * MINUTE

_TERM = re.compile(r"(?P<low>\*|[0-9A-Z]+)(?:-(?P<high>[0-9A-Z]+))?(?:/(?P<step>[0-9]+))?")
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@dataclass(frozen=True, slots=True)
class _Field:
    """One column of a cron line: its name and the values it may hold."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    first_name: int = 0


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day-of-month", 1, 31),
    _Field("month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), 1),
    _Field("day-of-week", 0, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """Dates and times of day that match. `text` is canonical: equal lines have equal text."""

    text: str
    times: tuple[int, ...]
    """Seconds since midnight, ascending."""
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """Sunday is 0."""
    both_days: bool
    """Must day-of-month and day-of-week both match, or is one enough?"""
    steady: bool
    """Does it follow real time through a clock change (minute or hour starts with `*`)?"""

    def is_due_on(self, ordinal: int) -> bool:
        """Tell whether the date with this proleptic ordinal matches."""
        day = date.fromordinal(ordinal)
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, ordinal % 7 in self.weekdays
        return (in_month and in_week) if self.both_days else (in_month or in_week)

    def next_day(self, ordinal: int, last: int) -> int | None:
        """Return the first matching date in ordinal..last."""
        while ordinal <= last:
            day = date.fromordinal(ordinal)
            if day.month not in self.months:
                year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)  # noqa: PLR2004 - December
                ordinal = date(year, month, 1).toordinal()
            elif self.is_due_on(ordinal):
                return ordinal
            else:
                ordinal += 1
        return None


def parse_cron(text: str) -> Cron:
    """Read `minute hour day-of-month month day-of-week`. Raises Invalid with advice."""
    words = text.upper().split()
    if text.startswith("@"):
        raise Invalid(f"schedule {text!r}: macros are not read; {_macro_advice(text)}")
    if len(words) != len(_FIELDS):
        raise Invalid(f"schedule {text!r}: {_shape_advice(len(words))}")
    read = [_values(field, word) for field, word in zip(_FIELDS, words, strict=True)]
    minutes, hours, days, months, weekdays = (values for values, _ in read)
    # As in vixie cron: the star is what the field starts with, so `*/2` is one too.
    both_days = words[2].startswith("*") or words[4].startswith("*")
    if both_days:
        _refuse_impossible_dates(text, days, months)
    return Cron(
        text=" ".join(canonical for _, canonical in read),
        times=tuple(sorted(hour * HOUR + minute * MINUTE for hour in hours for minute in minutes)),
        days=days,
        months=months,
        weekdays=frozenset(day % 7 for day in weekdays),
        both_days=both_days,
        steady=words[0].startswith("*") or words[1].startswith("*"),
    )


def _macro_advice(text: str) -> str:
    line = _MACROS.get(text.lower())
    return f'write "{line}"' if line else 'write five fields such as "0 3 * * *"'


def _shape_advice(count: int) -> str:
    if count == len(_FIELDS) + 1:
        return 'six fields; there is no seconds field, write "every 30s" for less than a minute'
    return 'write "every 15m" or five cron fields (minute hour day-of-month month day-of-week) such as "0 3 * * *"'


def _values(field: _Field, word: str) -> tuple[frozenset[int], str]:
    """Return the field's values and its canonical spelling."""
    terms = [_term(field, term) for term in word.split(",")]
    return frozenset().union(*(values for values, _ in terms)), ",".join(canonical for _, canonical in terms)


def _term(field: _Field, term: str) -> tuple[frozenset[int], str]:
    match = _TERM.fullmatch(term)
    if match is None:
        raise _bad(field, term, _term_advice(field, term))
    low_text, high_text, step_text = match["low"], match["high"], match["step"]
    if low_text == "*":
        if high_text:
            raise _bad(field, term, 'a range has numbers or names on both sides, such as "1-5"')
        low, high, canonical = field.low, field.high, "*"
    else:
        low, canonical = _value(field, term, low_text)
        high = low
        if high_text:
            high, high_canonical = _value(field, term, high_text)
            canonical = f"{canonical}-{high_canonical}"
        elif step_text:
            raise _bad(field, term, f'a step needs a range: write "{low}-{field.high}/{step_text}" or "*/{step_text}"')
    if high < low:
        raise _bad(field, term, f"the range runs backwards; {_backwards_advice(field, low, high)}")
    if step_text is None:
        return frozenset(range(low, high + 1)), canonical
    step = _step(field, term, step_text)
    return frozenset(range(low, high + 1, step)), f"{canonical}/{step}"


def _value(field: _Field, term: str, text: str) -> tuple[int, str]:
    if text in field.names:
        return field.names.index(text) + field.first_name, text
    if not text.isdigit():
        raise _bad(field, term, _term_advice(field, term))
    value = int(text)
    if not field.low <= value <= field.high:
        raise _bad(field, term, f"must be {field.low} to {field.high}")
    return value, str(value)


def _step(field: _Field, term: str, text: str) -> int:
    step, most = int(text), max(field.high - field.low, 1)
    if field.name in ("day-of-month", "month"):
        most = field.high
    if not 1 <= step <= most:
        # Vixie cron reads `*/90` as "at minute 0": never what was meant.
        raise _bad(field, term, f'a step must be 1 to {most}; for longer intervals write "every 90m"')
    return step


def _term_advice(field: _Field, term: str) -> str:
    if "?" in term:
        return 'write "*" for "any"'
    if "#" in term or "W" in term.replace("WED", "") or "L" in term.replace("JUL", ""):
        return "L, W and # are not read; list the days, and let the pipeline ignore what it does not need"
    names = f", or {field.names[0]} to {field.names[-1]}" if field.names else ""
    return f'must be "*", a number {field.low} to {field.high}{names}, a range "a-b", a step "*/n", or a list of these'


def _backwards_advice(field: _Field, low: int, high: int) -> str:
    if field.name == "day-of-week" and high == 0:
        return f'Sunday is also 7: write "{low}-7"'
    return f'write "{low}-{min(field.high, 6) if field.name == "day-of-week" else field.high},{field.low}-{high}"'


def _bad(field: _Field, term: str, advice: str) -> Invalid:
    return Invalid(f"cron {field.name} {term!r}: {advice}")


def _refuse_impossible_dates(text: str, days: frozenset[int], months: frozenset[int]) -> None:
    longest = max(_LONGEST_MONTH[month - 1] for month in months)
    if min(days) > longest:
        raise Invalid(
            f"schedule {text!r}: day {min(days)} never comes in these months; their last day is {longest} at most"
        )
