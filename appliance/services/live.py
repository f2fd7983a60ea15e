"""The one door to a new revision: whatever is applied, or reverted to, goes live here.

The order is what makes a kill at any moment harmless. The rooms' turn is held throughout, so no edit slips in. First
the fires of the outgoing schedules get their ledger rows, which is as true without the apply. Then one batch of the
catalog holds the revision, its schedules, the audit row and what the drafts gain: either all of it is there after a
kill, or nothing. Only then the room in memory takes the edit and tells its members; a process that dies in between
loads it from the log. The object store comes last: it follows, now or at the next pass of its loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from appliance.core.draft import MAIN, Heads, Merge, RoomId, Undone, Update
from appliance.core.draft_tree import to_tree
from appliance.core.errors import Conflict, Moved
from appliance.core.event import AuditEntry
from appliance.core.fires import Policy
from appliance.core.ledger import NewSchedule
from appliance.core.manifest import Change, diff, render, to_value
from appliance.core.pipeline import Manifest, Pipeline
from appliance.core.ports import Clock, Revisions
from appliance.core.revision import NewRevision, Revision
from appliance.core.schedule import next_fire, parse
from appliance.core.team import Actor
from appliance.services.manifests import Manifests
from appliance.services.mirror import Mirror
from appliance.services.rooms import Rooms


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did. Without changes there is no new revision: `created` is False.

    `mirrored` is False while the object store does not have the revision yet.
    """

    revision: Revision
    created: bool
    changes: Sequence[Change]
    manifest: Manifest
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """What somebody wants to be live. A draft that says it already is named by `said_in` and `heads`."""

    manifest: Manifest
    digest: str
    action: str = "config.apply"
    uploads: dict[str, str] = field(default_factory=dict)
    said_in: RoomId | None = None
    heads: Heads | None = None
    reverts: int | None = None


@dataclass(frozen=True, slots=True)
class Live:
    """The live configuration, and what replaces it. Callers hold the turn of the rooms.

    `settle` gives every fire of the outgoing schedules its ledger row.
    """

    revisions: Revisions
    manifests: Manifests
    clock: Clock
    rooms: Rooms
    mirror: Mirror
    settle: Callable[[], object]

    def head(self) -> tuple[int, Manifest]:
        """The head and what it says; 0 and nothing at first."""
        number = self.revisions.head_number()
        return (0, Manifest()) if number is None else (number, self.manifests.get(number))

    def expect(self, number: int, based_on: int | None) -> None:
        """Raises Conflict, telling who applied what meanwhile, if the head is not `based_on`."""
        if based_on is None or based_on == number:
            return
        message = f"the configuration is at revision {number}, the change was made from revision {based_on}"
        if not number:
            raise Conflict(message)
        moved = self._moved(number)
        raise Conflict(f"{message}; the head is {moved}", moved=moved)

    def refuse_undone(self, candidate: Candidate) -> None:
        """Raises Undone, telling who reverted it and how to insist, if it was live once and taken back."""
        known = self.revisions.undone(candidate.digest)
        if known is not None and known.undone_by is not None:
            moved = self._moved(known.undone_by)
            raise Undone(
                f"this configuration was revision {known.number} and was reverted with {moved}; to apply it all the "
                'same, send "again": true, or run `hakiri apply --again`',
                moved=moved,
            )

    def mirrored(self, applied: Applied) -> Applied:
        """Let the object store follow; without the turn, which a slow store must not hold."""
        return replace(applied, mirrored=self.mirror.attempt())

    def __call__(self, actor: Actor, candidate: Candidate) -> Applied:
        """Make it the next revision on top of the head as it is now, unless that says the same."""
        number, current = self.head()
        changes = diff(current, candidate.manifest)
        if number and not changes:
            self._confirm(actor, candidate, number)
            return Applied(self.revisions.get(number), created=False, changes=(), manifest=candidate.manifest)
        self.settle()
        now = self.clock.now()
        new = NewRevision(
            based_on=number,
            digest=candidate.digest,
            manifest=render(candidate.manifest),
            value=to_value(candidate.manifest),
            uploads=candidate.uploads,
            applied_by=actor.name,
            applied_at=now,
            reverts=candidate.reverts,
        )
        audit = AuditEntry(now, actor.name, candidate.action, "", {"changes": [str(change) for change in changes]})
        revision = self._add(actor, candidate, new, audit)
        self.rooms.went_live(now)
        return Applied(revision, created=True, changes=changes, manifest=candidate.manifest)

    def _confirm(self, actor: Actor, candidate: Candidate, number: int) -> None:
        """Somebody saw that the draft says what is live: what it went through before is settled."""
        place, heads = candidate.said_in, candidate.heads
        if place is None or heads is None:
            return
        room = self.rooms.find(place)
        draft = room.draft()
        known = draft.applied == number and draft.applied_heads == heads
        if known or room.writes(since=heads, until=draft.applied_heads):
            # Nothing to note, or somebody looked back: the draft has said it at later heads, too.
            return
        told = {"epoch": place.epoch, "applied": number, "heads": heads}
        audit = AuditEntry(self.clock.now(), actor.name, "draft.refresh", place.draft, told)
        self.rooms.drafts.catch_up(Merge(place.epoch, heads), applied=number, audit=audit)

    def _add(self, actor: Actor, candidate: Candidate, new: NewRevision, audit: AuditEntry) -> Revision:
        schedules = schedules_of(candidate.manifest, new.applied_at)

        def add(place: RoomId, heads: Heads, *merges: Merge) -> Revision:
            said = replace(new, draft=place.draft, epoch=place.epoch, heads=heads)
            detail = {**audit.detail, "draft": place.draft, "epoch": place.epoch, "heads": heads, **_reverts(new)}
            return self.revisions.add(said, schedules, replace(audit, detail=detail), merges)

        place, heads = candidate.said_in, candidate.heads
        if place is None or heads is None:
            return self._through_main(actor, candidate.manifest, lambda main, merge: add(main, merge.heads, merge))
        said = Merge(place.epoch, heads)
        if place.draft == MAIN:
            return add(place, heads, said)
        return self._through_main(actor, candidate.manifest, lambda _, merge: add(place, heads, merge, said))

    def _through_main(self, actor: Actor, manifest: Manifest, add: Callable[[RoomId, Merge], Revision]) -> Revision:
        """Write it on a branch from what is live in the main draft, and merge that branch with the revision."""
        room = self.rooms.named(MAIN)
        edited = room.write(to_tree(manifest), at=room.draft().applied_heads)

        def commit(update: Update) -> Revision:
            return add(room.id, Merge(room.id.epoch, edited.heads, update))

        if not edited.ranges:
            return add(room.id, Merge(room.id.epoch, edited.heads))
        return room.merge(edited, actor=actor, commit=commit)

    def _moved(self, number: int) -> Moved:
        revision = self.revisions.get(number)
        return Moved(number, revision.applied_by, revision.applied_at)


def schedules_of(manifest: Manifest, now: datetime) -> list[NewSchedule]:
    """The schedules that a manifest arms, as if none of them was armed before."""
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


def _reverts(new: NewRevision) -> dict[str, object]:
    return {} if new.reverts is None else {"reverts": new.reverts}
