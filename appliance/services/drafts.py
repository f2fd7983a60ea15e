"""The drafts as people list, open, compare, refresh and close them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.core.config_doc import DocBroken
from appliance.core.draft import MAIN, Draft, Heads, Merge, Update
from appliance.core.draft_tree import to_tree
from appliance.core.errors import Invalid
from appliance.core.event import AuditEntry
from appliance.core.manifest import Change, InvalidManifest, diff
from appliance.core.pipeline import Manifest
from appliance.core.team import Action, Actor
from appliance.services.derive import Derive
from appliance.services.live import Live
from appliance.services.room import Room
from appliance.services.rooms import Rooms

# What a comparison calls the configuration that is applied; no draft may have this name.
LIVE = "live"


@dataclass(frozen=True, slots=True)
class DraftNow:
    """An open draft, and where its document is: None for one that cannot be read."""

    draft: Draft
    heads: Heads | None


@dataclass(frozen=True, slots=True)
class Compared:
    """What turns the one side into the other. A side that is a draft is named with its heads."""

    changes: Sequence[Change]
    heads: Heads
    other: str
    other_heads: Heads | None


@dataclass(frozen=True, slots=True)
class DraftDesk:
    """Every method raises Forbidden; those that name a draft raise NotFound."""

    rooms: Rooms
    live: Live
    derive: Derive

    def list(self, actor: Actor) -> Sequence[DraftNow]:
        """All open drafts, by name; the main one is always there. One that cannot be read hides no other."""
        actor.require(Action.READ)
        with self.rooms.turn:
            self.rooms.named(MAIN)
            return [self._found(draft) for draft in self.rooms.drafts.list()]

    def get(self, actor: Actor, name: str) -> DraftNow:
        actor.require(Action.READ)
        with self.rooms.turn:
            return self._now(self.rooms.named(name))

    def create(self, actor: Actor, name: str, at: Heads | None) -> DraftNow:
        """Open a draft of what is live, or of the main draft at some heads. Raises as Rooms.create."""
        actor.require(Action.EDIT)
        if name in (LIVE, MAIN):
            raise Invalid(f"name: {name} is taken by what every team has; choose another")
        with self.rooms.turn:
            self.rooms.create(actor, name, at)
            return self._now(self.rooms.named(name))

    def discard(self, actor: Actor, name: str) -> None:
        """One's own, or as an operator anybody's. Raises Conflict for the main one."""
        self.rooms.discard(actor, name)

    def rebuild(self, actor: Actor, name: str) -> DraftNow:
        """Go on in a new document without the history. Raises Unresolved."""
        actor.require(Action.MANAGE_DRAFTS)
        with self.rooms.turn:
            self.rooms.rebuild(actor, name, "asked")
            return self._now(self.rooms.named(name))

    def refresh(self, actor: Actor, name: str) -> DraftNow:
        """Bring what was applied without the draft into it; what people edit in it stays. Without news nothing is done.

        What the live revision changed since the draft last said a revision is written on a branch from there, so
        that it meets the draft's own edits as two people's edits do.
        """
        actor.require(Action.EDIT)
        with self.rooms.turn:
            room = self.rooms.named(name)
            number, manifest = self.live.head()
            if room.draft().applied != number:
                self._bring(actor, room, number, manifest)
            return self._now(room)

    def compare(self, actor: Actor, name: str, other: str) -> Compared:
        """What changes from `other` (LIVE, or a draft) to the draft. Raises InvalidManifest if either has problems."""
        actor.require(Action.READ)
        before, other_heads = (self.live.head()[1], None) if other == LIVE else self._said(other)
        after, heads = self._said(name)
        return Compared(diff(before, after), heads, other, other_heads)

    def _bring(self, actor: Actor, room: Room, number: int, manifest: Manifest) -> None:
        detail = {"epoch": room.id.epoch, "applied": number}
        audit = AuditEntry(self.rooms.clock.now(), actor.name, "draft.refresh", room.id.draft, detail)
        edited = room.write(to_tree(manifest), at=room.draft().applied_heads)

        def commit(update: Update | None) -> None:
            self.rooms.drafts.catch_up(Merge(room.id.epoch, edited.heads, update), applied=number, audit=audit)

        if edited.ranges:
            room.merge(edited, actor=actor, commit=commit)
        else:
            commit(None)

    def _said(self, name: str) -> tuple[Manifest, Heads]:
        room = self.rooms.named(name)
        derived = self.derive(room, room.heads())
        if derived.manifest is None:
            raise InvalidManifest(derived.problems)
        return derived.manifest, derived.heads

    def _found(self, draft: Draft) -> DraftNow:
        try:
            return self._now(self.rooms.named(draft.name))
        except DocBroken:
            return DraftNow(draft, None)

    def _now(self, room: Room) -> DraftNow:
        return DraftNow(room.draft(), room.heads())
