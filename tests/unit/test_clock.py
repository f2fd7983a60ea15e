"""The machine's clock as the core wants it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from appliance.adapters.selfhosted.clock import SystemClock


def test_the_time_is_now_and_says_that_it_is_utc() -> None:
    before, now, after = datetime.now(UTC), SystemClock().now(), datetime.now(UTC)

    assert before <= now <= after
    assert now.utcoffset() == timedelta(0)


def test_seconds_never_go_back() -> None:
    clock = SystemClock()
    read = [clock.monotonic() for _ in range(1000)]

    assert read == sorted(read)
