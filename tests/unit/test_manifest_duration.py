"""Durations are read one way and written one way."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.duration import duration_text, parse_duration
from appliance.core.errors import Invalid


@pytest.mark.parametrize(
    ("text", "seconds", "canonical"),
    [("90s", 90, "90s"), ("15m", 900, "15m"), ("6h", 21_600, "6h"), ("2d", 172_800, "2d"), ("3600s", 3_600, "1h")],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int, canonical: str) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)
    assert duration_text(parse_duration(text)) == canonical


@pytest.mark.parametrize(
    "text", ["", "6", "h", "0s", "06h", "-1s", "1.5h", "6 h", "6H", "1h30m", "٣s", "6h\n", "1" * 99]
)
def test_anything_else_is_refused_with_advice(text: str) -> None:
    with pytest.raises(Invalid, match='such as "90s" or "6h"'):
        parse_duration(text)


@given(st.integers(1, 9_999_999))
def test_what_is_written_reads_the_same(seconds: int) -> None:
    duration = timedelta(seconds=seconds)

    assert parse_duration(duration_text(duration)) == duration
