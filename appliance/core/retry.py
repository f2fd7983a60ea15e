"""When a run that failed for a passing reason is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta

from appliance.core.limits import RETRY_FIRST_DELAY, RETRY_LONGEST_DELAY, RETRY_WINDOW


def next_attempt(
    *,
    failures: int,
    attempts: int,
    first_failure_at: datetime | None,
    retry_after: timedelta | None,
    now: datetime,
    jitter: float,
) -> datetime | None:
    """Return when to try again, or None to give up.

    `failures` counts those since the last checkpoint before this one, `attempts` all tries that are
    allowed, the first included. The delay doubles from one second to ten minutes and is shortened by up to
    half by `jitter` (0 to 1), so that runs that failed together do not return together. What the source
    asked for (`retry_after`) is never undercut. Nothing is tried beyond six hours after the first failure.
    """
    if failures + 1 >= attempts:
        return None
    delay = min(RETRY_FIRST_DELAY * 2 ** min(failures, 20), RETRY_LONGEST_DELAY) * (1 - jitter / 2)
    wait = max(delay, retry_after or timedelta(0))
    if wait > RETRY_WINDOW:
        return None
    at = now + wait
    return at if at <= (first_failure_at or now) + RETRY_WINDOW else None
