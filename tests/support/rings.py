"""A doorbell whose rings a test answers, or loses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from appliance.core.run import RunId


class HeldRings:
    """Keeps every ring until somebody takes it."""

    def __init__(self) -> None:
        self.rings: list[RunId] = []
        self.timed: list[tuple[datetime, RunId]] = []

    def ring(self, run_id: RunId) -> None:
        self.rings.append(run_id)

    def ring_at(self, run_id: RunId, at: datetime) -> None:
        self.timed.append((at, run_id))

    def start(self, answer: Callable[[RunId], object]) -> None:
        """A test answers rings itself."""

    def stop(self, seconds: float) -> None:
        """Nothing runs."""

    def waiting(self) -> int:
        return len(self.rings)

    def take(self) -> list[RunId]:
        rings, self.rings = self.rings, []
        return rings
