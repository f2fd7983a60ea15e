"""What nobody is doing: rings lost, leases of the dead, runs past their deadline."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.core.ports import Clock, Doorbell, Sweep
from appliance.core.run import RunError, RunState

# Handled in one pass; what is left is found by the next.
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Recover:
    """The sweeper. Alone, with every ring lost, it completes all work, only later."""

    sweep: Sweep
    doorbell: Doorbell
    clock: Clock

    def at_boot(self, *, node_id: str, boot: str) -> int:
        """Take back what an earlier boot of this node held: those processes are dead. Return how many runs."""
        return self.sweep.free_leases(node_id, boot)

    def __call__(self) -> None:
        now = self.clock.now()
        for run_id in self.sweep.cancelled(now=now, limit=BATCH):
            self.sweep.end(run_id, RunState.CANCELLED, None, now=now)
        for run_id in self.sweep.overdue(now=now, limit=BATCH):
            error = RunError("deadline", "nobody finished the run before its deadline")
            self.sweep.end(run_id, RunState.FAILED, error, now=now)
        for run_id in self.sweep.ready(now=now, limit=BATCH):
            self.doorbell.ring(run_id)
