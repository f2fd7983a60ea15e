"""Counts what a reading moves, and tells the parent at most once a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from connectors_runtime.messages import Progress

_EVERY = 1.0


@dataclass(slots=True)
class Meter:
    """Totals over the life of one reading."""

    emit: Callable[[Progress], None]
    bytes: int = 0
    requests: int = 0
    _told: float = 0.0

    def add(self, count: int) -> None:
        """Bytes came in."""
        self.bytes += count
        self._tell()

    def request(self) -> None:
        """A request goes out."""
        self.requests += 1
        self._tell()

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told >= _EVERY:
            self._told = now
            self.emit(Progress(self.bytes, self.requests))
