"""How long: `90s`, `15m`, `6h`, `2d`."""

from __future__ import annotations

import re
from datetime import timedelta

from appliance.core.errors import Invalid

PATTERN = r"^[1-9][0-9]{0,6}[smhd]$"

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def parse_duration(text: str) -> timedelta:
    """Read a whole number of seconds, minutes, hours or days. Raises Invalid."""
    if re.fullmatch(PATTERN[1:-1], text, re.ASCII) is None:
        raise Invalid(f'{text[:40]!r} is not a duration; write a whole number and s, m, h or d, such as "90s" or "6h"')
    return timedelta(seconds=int(text[:-1]) * _UNITS[text[-1]])


def duration_text(duration: timedelta) -> str:
    """Write a duration of whole seconds the one way it is written: in its largest unit that divides it."""
    seconds = int(duration.total_seconds())
    unit = next((unit for unit in "dhm" if seconds % _UNITS[unit] == 0), "s")
    return f"{seconds // _UNITS[unit]}{unit}"
