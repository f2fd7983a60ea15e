"""What an apply would do, before anybody presses it: of files, or of a draft as it is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from appliance.core.draft import Draft, Heads, RoomId
from appliance.core.manifest import Change, ChangeKind, SourceText, diff, load
from appliance.core.pipeline import Manifest, Pipeline
from appliance.core.team import Action, Actor
from appliance.services.derive import Derive, Derived, RivalValues, kept
from appliance.services.history_lost import LostEdits, lost_edits
from appliance.services.live import Live, schedules_of
from appliance.services.room import Room


@dataclass(frozen=True, slots=True)
class Planned:
    """What an apply would do now. `next_fires` holds the pipelines with a schedule.

    A pipeline is in one list: one whose schedule or zone changes is `retimed`, whatever else changes in it.
    """

    based_on: int
    changes: Sequence[Change]
    manifest: Manifest
    next_fires: Mapping[str, datetime | None]
    added: Sequence[str] = field(default=(), kw_only=True)
    removed: Sequence[str] = field(default=(), kw_only=True)
    retimed: Sequence[str] = field(default=(), kw_only=True)
    changed: Sequence[str] = field(default=(), kw_only=True)
    unchanged: Sequence[str] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A draft at `derived.heads`, on top of revision `live`. `planned` is None while the draft has problems.

    `rivals` and `lost` tell of edits that nobody applied yet; neither holds up an apply.
    """

    draft: Draft
    derived: Derived
    live: int
    planned: Planned | None
    rivals: Sequence[RivalValues]
    lost: Sequence[LostEdits]


@dataclass(frozen=True, slots=True)
class Review:
    """Reads only. Pages ask again and again, so what an apply of a draft would change is kept for a while."""

    live: Live
    derive: Derive
    _plans: OrderedDict[tuple[RoomId, Heads, int], Planned] = field(default_factory=OrderedDict)
    _lost: OrderedDict[tuple[RoomId, Heads, Heads], Sequence[LostEdits]] = field(default_factory=OrderedDict)

    def files(self, actor: Actor, files: Sequence[SourceText]) -> Planned:
        """Raises Forbidden, InvalidManifest."""
        actor.require(Action.READ)
        manifest = load(files)
        return self._timed(_planned(*self.live.head(), manifest))

    def __call__(self, actor: Actor, draft: str, heads: Heads | None) -> Reviewed:
        """The draft at `heads`, or as it is now. What is wrong with it is told, not raised.

        Raises Forbidden, NotFound, UnknownHeads.
        """
        actor.require(Action.READ)
        room = self.live.rooms.named(draft)
        derived = self.derive(room, room.heads() if heads is None else heads)
        with self.live.rooms.turn:
            stored = room.draft()
            number, current = self.live.head()
        since = stored.applied_heads
        return Reviewed(
            stored,
            derived,
            number,
            self._plan(derived, number, current),
            self.derive.rivals(room, derived.heads, since=since),
            self._lost_edits(room, derived.heads, since),
        )

    def _plan(self, derived: Derived, number: int, current: Manifest) -> Planned | None:
        manifest = derived.manifest
        if manifest is None:
            return None
        with self.derive.alone:
            key = derived.room, derived.heads, number
            planned = kept(self._plans, key, lambda: _planned(number, current, manifest))
        return self._timed(planned)

    def _lost_edits(self, room: Room, heads: Heads, since: Heads) -> Sequence[LostEdits]:
        def look() -> Sequence[LostEdits]:
            with self.live.rooms.turn:
                return lost_edits(room, since=since, heads=heads)

        with self.derive.alone:
            return kept(self._lost, (room.id, heads, since), look)

    def _timed(self, planned: Planned) -> Planned:
        fires = schedules_of(planned.manifest, self.live.clock.now())
        return replace(planned, next_fires={one.pipeline_id: one.next_fire for one in fires})


def _planned(number: int, current: Manifest, manifest: Manifest) -> Planned:
    changes = diff(current, manifest)
    return Planned(number, changes, manifest, {}, **_sorted(current, manifest, changes))


def _sorted(current: Manifest, manifest: Manifest, changes: Sequence[Change]) -> dict[str, Sequence[str]]:
    """Every pipeline, by what becomes of it."""
    before = {pipeline.id: pipeline for pipeline in current.pipelines}
    after = {pipeline.id: pipeline for pipeline in manifest.pipelines}
    both = sorted(before.keys() & after.keys())
    touched = {change.pipeline for change in changes if change.kind in (ChangeKind.FIELD, ChangeKind.COMMENT)}
    retimed = [name for name in both if _timing(before[name]) != _timing(after[name])]
    return {
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
        "retimed": retimed,
        "changed": [name for name in both if name in touched and name not in retimed],
        "unchanged": [name for name in both if name not in touched],
    }


def _timing(pipeline: Pipeline) -> tuple[str | None, str]:
    return pipeline.schedule, pipeline.timezone
