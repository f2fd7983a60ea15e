"""How many messages a second one connection may send: over it, its socket is not read for a while."""

from __future__ import annotations

from dataclasses import dataclass

# So many seconds' worth may come at once, such as the edits of a laptop that was away.
BURST_SECONDS = 2.0


@dataclass(slots=True)
class Budget:
    """`rate` messages a second."""

    rate: float
    _left: float = 0.0
    _at: float = float("-inf")

    def spend(self, now: float) -> float:
        """Count one message at `now`, in seconds; return how long to wait before the next one is read."""
        self._left = min(self._left + (now - self._at) * self.rate, self.rate * BURST_SECONDS) - 1.0
        self._at = now
        return max(-self._left / self.rate, 0.0)
