"""A manifest becomes the next revision, and its schedules are armed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from appliance.core.errors import Conflict
from appliance.core.event import AuditEntry
from appliance.core.fires import Policy
from appliance.core.ledger import NewSchedule
from appliance.core.manifest import Change, SourceText, diff, digest, load, render, to_value
from appliance.core.pipeline import Manifest, Pipeline
from appliance.core.ports import Clock, Revisions
from appliance.core.revision import NewRevision, Revision
from appliance.core.schedule import next_fire, parse
from appliance.core.team import Action, Actor
from appliance.services.manifests import Manifests


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did. Without changes there is no new revision: `created` is False."""

    revision: Revision
    created: bool
    changes: Sequence[Change]
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Planned:
    """What an apply would do now. `next_fires` holds the pipelines with a schedule."""

    based_on: int
    changes: Sequence[Change]
    manifest: Manifest
    next_fires: Mapping[str, datetime | None]


@dataclass(frozen=True, slots=True)
class Apply:
    """`settle` gives every fire of the outgoing schedules its ledger row before they are replaced."""

    revisions: Revisions
    manifests: Manifests
    clock: Clock
    settle: Callable[[], object]

    def plan(self, actor: Actor, files: Sequence[SourceText]) -> Planned:
        """Raises InvalidManifest."""
        actor.require(Action.READ)
        manifest = load(files)
        now = self.clock.now()
        fires = {one.pipeline_id: one.next_fire for one in _schedules(manifest, now)}
        number, current = self._current()
        return Planned(number, diff(current, manifest), manifest, fires)

    def __call__(self, actor: Actor, files: Sequence[SourceText], *, based_on: int | None) -> Applied:
        """Raises Forbidden, InvalidManifest, and Conflict if the head is not `based_on`."""
        actor.require(Action.APPLY)
        manifest = load(files)
        number, current = self._current()
        if based_on is not None and based_on != number:
            raise Conflict(f"the configuration is at revision {number}, the change was made from revision {based_on}")
        changes = diff(current, manifest)
        if number and digest(current) == digest(manifest):
            return Applied(self.revisions.get(number), created=False, changes=(), manifest=manifest)
        self.settle()
        now = self.clock.now()
        new = NewRevision(
            based_on=number,
            digest=digest(manifest),
            manifest=render(manifest),
            value=to_value(manifest),
            uploads={file.name: file.text for file in files},
            applied_by=actor.name,
            applied_at=now,
        )
        audit = AuditEntry(now, actor.name, "config.apply", "", {"changes": [str(change) for change in changes]})
        revision = self.revisions.add(new, _schedules(manifest, now), audit)
        return Applied(revision, created=True, changes=changes, manifest=manifest)

    def _current(self) -> tuple[int, Manifest]:
        number = self.revisions.head_number()
        return (0, Manifest()) if number is None else (number, self.manifests.get(number))


def _schedules(manifest: Manifest, now: datetime) -> list[NewSchedule]:
    return [_schedule(pipeline, pipeline.schedule, now) for pipeline in manifest.pipelines if pipeline.schedule]


def _schedule(pipeline: Pipeline, text: str, now: datetime) -> NewSchedule:
    schedule = parse(text, pipeline.timezone)
    return NewSchedule(
        pipeline_id=pipeline.id,
        schedule=schedule,
        policy=Policy(pipeline.catchup, pipeline.catchup_limit, pipeline.overlap),
        paused=pipeline.paused,
        placement=pipeline.placement,
        next_fire=next_fire(schedule, None, now, now),
    )
