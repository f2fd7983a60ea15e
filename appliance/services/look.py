"""What members look at: configuration, schedules, runs, the ledger, the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from appliance.core.checkpoint import Step
from appliance.core.errors import NotFound
from appliance.core.event import AuditEntry
from appliance.core.ledger import ArmedSchedule, FireRow
from appliance.core.paging import Page
from appliance.core.pipeline import Pipeline
from appliance.core.ports import Clock, Records, Revisions, Runs, Schedules
from appliance.core.revision import Revision
from appliance.core.run import LogLine, Run, RunId, RunState
from appliance.core.schedule import upcoming
from appliance.core.team import Action, Actor
from appliance.services.manifests import Manifests

# Fires told in advance.
UPCOMING = 5


@dataclass(frozen=True, slots=True)
class PipelineNow:
    """A pipeline as it is applied, and where it stands. `armed` is None for one without a schedule."""

    pipeline: Pipeline
    revision: int
    served: bool
    armed: ArmedSchedule | None
    last_run: Run | None


@dataclass(frozen=True, slots=True)
class ScheduleNow:
    """An armed schedule and its next fires; one that is paused or unplaced is due at them all the same."""

    armed: ArmedSchedule
    served: bool
    fires: Sequence[datetime]


@dataclass(frozen=True, slots=True)
class Look:
    """Reads only. Every method raises Forbidden; those that name one thing raise NotFound."""

    revisions: Revisions
    manifests: Manifests
    schedules: Schedules
    runs: Runs
    records: Records
    clock: Clock
    served: frozenset[str]

    def head(self, actor: Actor) -> Revision:
        actor.require(Action.READ)
        head = self.revisions.head()
        if head is None:
            raise NotFound("nothing is applied yet: `hakiri apply hakiri.toml`")
        return head

    def revision(self, actor: Actor, number: int) -> Revision:
        actor.require(Action.READ)
        return self.revisions.get(number)

    def revision_list(self, actor: Actor, *, before: str | None, limit: int) -> Page[Revision]:
        actor.require(Action.READ)
        return self.revisions.list(before=before, limit=limit)

    def pipelines(self, actor: Actor) -> Sequence[PipelineNow]:
        actor.require(Action.READ)
        number = self.revisions.head_number()
        if number is None:
            return []
        armed = {each.pipeline_id: each for each in self.schedules.list()}
        newest = self.runs.newest()
        return [
            self._now(pipeline, number, armed.get(pipeline.id), newest.get(pipeline.id))
            for pipeline in self.manifests.get(number).pipelines
        ]

    def pipeline(self, actor: Actor, pipeline_id: str) -> PipelineNow:
        actor.require(Action.READ)
        for each in self.pipelines(actor):
            if each.pipeline.id == pipeline_id:
                return each
        raise NotFound(f"there is no pipeline {pipeline_id!r}")

    def upcoming(self, actor: Actor) -> Sequence[ScheduleNow]:
        actor.require(Action.READ)
        now = self.clock.now()
        return [
            ScheduleNow(armed, armed.placement in self.served, upcoming(armed.schedule, now, armed.armed_at, UPCOMING))
            for armed in self.schedules.list()
        ]

    def run_list(
        self, actor: Actor, *, pipeline_id: str | None, state: RunState | None, before: str | None, limit: int
    ) -> Page[Run]:
        actor.require(Action.READ)
        return self.runs.list(pipeline_id=pipeline_id, state=state, before=before, limit=limit)

    def run(self, actor: Actor, run_id: RunId) -> Run:
        actor.require(Action.READ)
        return self.runs.get(run_id)

    def steps(self, actor: Actor, run_id: RunId) -> Sequence[Step]:
        actor.require(Action.READ)
        self.runs.get(run_id)
        return self.runs.steps(run_id)

    def logs(self, actor: Actor, run_id: RunId, *, after: int, limit: int) -> tuple[Run, Sequence[LogLine]]:
        """The run as it was before its lines were read: if it is final and no line is left, none will come."""
        actor.require(Action.READ)
        run = self.runs.get(run_id)
        return run, self.records.logs(run_id, after=after, limit=limit)

    def fires(self, actor: Actor, *, pipeline_id: str | None, before: str | None, limit: int) -> Page[FireRow]:
        actor.require(Action.READ)
        return self.schedules.fires(pipeline_id=pipeline_id, before=before, limit=limit)

    def audit(self, actor: Actor, *, before: str | None, limit: int) -> Page[AuditEntry]:
        actor.require(Action.READ_AUDIT)
        return self.records.audit(before=before, limit=limit)

    def _now(self, pipeline: Pipeline, revision: int, armed: ArmedSchedule | None, last_run: Run | None) -> PipelineNow:
        return PipelineNow(pipeline, revision, pipeline.placement in self.served, armed, last_run)
