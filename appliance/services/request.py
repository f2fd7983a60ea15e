"""Runs that a person asks for, and stops."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from appliance.core.errors import Conflict, NotFound
from appliance.core.event import AuditEntry
from appliance.core.limits import PENDING_DEADLINE
from appliance.core.pipeline import Overlap, Pipeline
from appliance.core.ports import Clock, Doorbell, Revisions, Runs
from appliance.core.run import NewRun, Run, RunId, RunState, Trigger
from appliance.core.team import Action, Actor
from appliance.services.manifests import Manifests


@dataclass(frozen=True, slots=True)
class RequestRuns:
    """Start, try again, cancel."""

    runs: Runs
    revisions: Revisions
    manifests: Manifests
    doorbell: Doorbell
    clock: Clock
    served: frozenset[str]

    def start(self, actor: Actor, pipeline_id: str) -> Run:
        """Record a run of the pipeline as it is applied now. Raises Forbidden, NotFound, Conflict."""
        actor.require(Action.RUN)
        return self._create(actor, pipeline_id, self.clock.now().replace(microsecond=0), Trigger.MANUAL, {})

    def retry(self, actor: Actor, run_id: RunId) -> Run:
        """A new run for the moment of one that ended badly, with today's configuration. Raises Conflict otherwise."""
        actor.require(Action.RUN)
        ended = self.runs.get(run_id)
        if not ended.state.is_final or ended.state is RunState.SUCCEEDED:
            raise Conflict(f"run {run_id} is {ended.state}: only one that failed or was cancelled is tried again")
        return self._create(actor, ended.pipeline_id, ended.due_at, Trigger.RETRY, {"retry_of": run_id})

    def cancel(self, actor: Actor, run_id: RunId) -> Run:
        """Pending runs end at once, running ones within seconds. Raises Conflict if the run has ended."""
        actor.require(Action.RUN)
        now = self.clock.now()
        return self.runs.request_cancel(run_id, now=now, audit=AuditEntry(now, actor.name, "run.cancel", run_id))

    def _create(
        self, actor: Actor, pipeline_id: str, due_at: datetime, trigger: Trigger, detail: dict[str, object]
    ) -> Run:
        revision, pipeline = self._applied(pipeline_id)
        if pipeline.placement not in self.served:
            raise Conflict(f"pipeline {pipeline_id} is placed on {pipeline.placement!r}, which nobody here serves")
        now = self.clock.now()
        new = NewRun(
            id=RunId(pipeline_id),
            pipeline_id=pipeline_id,
            revision=revision,
            due_at=due_at,
            trigger=trigger,
            exclusive=pipeline.overlap is not Overlap.ALLOW,
            created_by=actor.name,
            created_at=now,
            deadline_at=now + PENDING_DEADLINE,
        )
        run = self.runs.create(new, AuditEntry(now, actor.name, f"run.{trigger}", pipeline_id, detail))
        self.doorbell.ring(run.id)
        return run

    def _applied(self, pipeline_id: str) -> tuple[int, Pipeline]:
        head = self.revisions.head_number()
        if head is None:
            raise NotFound("nothing is applied yet: `hakiri apply hakiri.toml`")
        return head, self.manifests.pipeline(head, pipeline_id)
