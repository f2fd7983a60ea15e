"""Due fires become pending runs, and every expected fire gets its ledger row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from appliance.core.event import Sample
from appliance.core.fires import ActiveRuns, Plan, plan_fires
from appliance.core.ledger import ArmedSchedule, Firing
from appliance.core.limits import PENDING_DEADLINE
from appliance.core.pipeline import Overlap
from appliance.core.ports import Clock, Doorbell, Schedules
from appliance.core.run import NewRun, RunId, Trigger
from appliance.core.schedule import run_id

# A fire this late is still on time: it was due while the appliance restarted or was busy.
GRACE = timedelta(seconds=60)

# Schedules handled in one commit.
BATCH = 500

LATENESS = "hakiri_schedule_lateness_seconds"
LATENESS_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Tick:
    """One pass over the schedules that are due."""

    schedules: Schedules
    doorbell: Doorbell
    clock: Clock
    served: frozenset[str]

    def __call__(self) -> datetime | None:
        """Fire what is due; return when the next schedule is due."""
        while due := self.schedules.due(now=(now := self.clock.now()), limit=BATCH):
            firings = [self._firing(armed, now) for armed in due]
            for started in self.schedules.record(firings, list(_lateness(firings, now)), now=now):
                self.doorbell.ring(started)
            if len(due) < BATCH:
                break
        return self.schedules.next_due()

    def _firing(self, armed: ArmedSchedule, now: datetime) -> Firing:
        plan = plan_fires(
            schedule=armed.schedule,
            armed_at=armed.armed_at,
            last_expected=armed.last_expected,
            now=now,
            policy=armed.policy,
            active=ActiveRuns(pending=armed.pending, running=armed.running),
            paused=armed.paused,
            served=armed.placement in self.served,
            grace=GRACE,
        )
        return Firing(armed, plan.entries, _runs(armed, plan, now), plan.cancel, plan.last_expected, plan.next_fire)


def _runs(armed: ArmedSchedule, plan: Plan, now: datetime) -> list[NewRun]:
    caught_up = {entry.first for entry in plan.entries if entry.reason == "caught_up"}
    return [
        NewRun(
            id=RunId(run_id(armed.pipeline_id, due_at)),
            pipeline_id=armed.pipeline_id,
            revision=armed.revision,
            due_at=due_at,
            trigger=Trigger.CATCH_UP if due_at in caught_up else Trigger.SCHEDULE,
            exclusive=armed.policy.overlap is not Overlap.ALLOW,
            created_by="schedule",
            created_at=now,
            deadline_at=now + PENDING_DEADLINE,
        )
        for due_at in plan.runs
    ]


def _lateness(firings: Sequence[Firing], now: datetime) -> Iterator[Sample]:
    """How late the fires were that fired on time, as the parts of a Prometheus histogram."""
    late = [
        max((now - entry.first).total_seconds(), 0.0)
        for firing in firings
        for entry in firing.entries
        if entry.reason == "fired"
    ]
    if late:
        for bound in LATENESS_BOUNDS:
            yield Sample(f"{LATENESS}_bucket", {"le": str(bound)}, sum(each <= bound for each in late))
        yield Sample(f"{LATENESS}_count", {}, len(late))
        yield Sample(f"{LATENESS}_sum", {}, sum(late))
