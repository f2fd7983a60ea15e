"""History does not grow for ever: runs, their logs and ledger rows are kept for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from appliance.core.ports import Clock, Sweep

# Runs deleted in one commit: few enough that nobody waits long behind it.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Forget:
    """Deletes what is older than `keep`. What landed is the user's and stays."""

    sweep: Sweep
    clock: Clock
    keep: timedelta

    def __call__(self) -> int:
        """Return how many runs, or ledger rows if those are more, were forgotten."""
        before, forgotten = self.clock.now() - self.keep, 0
        while count := self.sweep.forget(before=before, limit=BATCH):
            forgotten += count
        return forgotten
