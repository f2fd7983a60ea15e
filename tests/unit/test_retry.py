"""When a run is tried again, for any failure, any source and any luck."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from appliance.core.limits import RETRY_ATTEMPTS, RETRY_FIRST_DELAY, RETRY_LONGEST_DELAY, RETRY_WINDOW
from appliance.core.retry import next_attempt

NOW = datetime(2026, 6, 1, tzinfo=UTC)

failures = st.integers(0, 10_000)
waits = st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta.max))
ages = st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta(days=30)))
luck = st.floats(0, 1)


def _next(
    *, failures: int = 0, attempts: int = 1_000_000, age: timedelta | None = None, wait: timedelta | None = None,
    jitter: float = 0.0,
) -> datetime | None:  # fmt: skip
    first = NOW - age if age is not None else None
    return next_attempt(
        failures=failures, attempts=attempts, first_failure_at=first, retry_after=wait, now=NOW, jitter=jitter
    )


@given(failures, waits, ages, luck)
def test_what_the_source_asked_for_is_never_undercut(
    failures: int, wait: timedelta | None, age: timedelta | None, jitter: float
) -> None:
    at = _next(failures=failures, wait=wait, age=age, jitter=jitter)

    assert at is None or at - NOW >= (wait or timedelta(0))


@given(failures, waits, ages, luck)
def test_nothing_is_tried_beyond_the_window(
    failures: int, wait: timedelta | None, age: timedelta | None, jitter: float
) -> None:
    at = _next(failures=failures, wait=wait, age=age, jitter=jitter)

    assert at is None or at <= NOW - (age or timedelta(0)) + RETRY_WINDOW


@given(failures, luck)
def test_the_delay_is_between_half_of_it_and_the_longest(failures: int, jitter: float) -> None:
    at = _next(failures=failures, jitter=jitter)

    assert at is not None
    assert RETRY_FIRST_DELAY / 2 <= at - NOW <= RETRY_LONGEST_DELAY


@given(failures, luck)
def test_each_failure_waits_at_least_as_long_as_the_one_before(failures: int, jitter: float) -> None:
    one, two = _next(failures=failures, jitter=jitter), _next(failures=failures + 1, jitter=jitter)

    assert one is not None
    assert two is not None
    assert one <= two


@given(failures, luck, luck)
def test_luck_shortens_and_never_lengthens(failures: int, one: float, two: float) -> None:
    at = [_next(failures=failures, jitter=jitter) for jitter in sorted((one, two))]

    assert at[0] is not None
    assert at[1] is not None
    assert at[1] <= at[0]


@given(st.integers(0, 20), st.integers(1, 20), waits, luck)
def test_there_are_exactly_as_many_attempts_as_allowed(
    failures: int, attempts: int, wait: timedelta | None, jitter: float
) -> None:
    at = _next(failures=failures, attempts=attempts, wait=wait, jitter=jitter)

    if failures + 1 >= attempts:
        assert at is None
    elif wait is None or wait <= RETRY_WINDOW:
        assert at is not None


def test_the_delay_doubles_from_a_second_to_ten_minutes() -> None:
    at = [_next(failures=number) for number in range(12)]

    assert [(each - NOW).total_seconds() for each in at if each] == [
        1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600,
    ]  # fmt: skip


def test_by_default_a_run_is_tried_five_times_within_half_a_minute() -> None:
    at = [_next(failures=number, attempts=RETRY_ATTEMPTS) for number in range(5)]

    assert [each is None for each in at] == [False, False, False, False, True]
    assert sum((each - NOW).total_seconds() for each in at if each) == 15
