"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 6, 1, tzinfo=UTC)


class SetClock:
    """Shared by everything of one harness, also across its simulated restarts."""

    def __init__(self, at: datetime = START) -> None:
        self._at = at
        self._monotonic = 0.0

    def now(self) -> datetime:
        return self._at

    def monotonic(self) -> float:
        return self._monotonic

    def forward(self, by: timedelta) -> None:
        self._at += by
        self._monotonic += by.total_seconds()

    def jump(self, by: timedelta) -> None:
        """The wall clock is set; time did not pass."""
        self._at += by
