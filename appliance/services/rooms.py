"""The drafts and their rooms: opening, making, rebuilding and discarding them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime

from appliance.core.config_doc import ConfigDocs
from appliance.core.draft import (
    MAIN,
    Draft,
    Drafts,
    Heads,
    NewEpoch,
    RoomId,
    Unresolved,
    draft_name,
)
from appliance.core.draft_tree import to_tree
from appliance.core.errors import ControlError, NotFound
from appliance.core.event import AuditEntry
from appliance.core.ports import Clock, Revisions
from appliance.core.team import Action, Actor
from appliance.services.manifests import Manifests
from appliance.services.room import Ended, Room, moved
from appliance.services.room_document import RoomLimits
from appliance.services.room_graves import without_graves
from appliance.services.room_opening import Begun, Layer, begin
from appliance.services.teams import SYSTEM

TOO_MANY_PEERS = "peers"


@dataclass(slots=True)
class Rooms:
    """`epoch` gives 12 fresh hexadecimal digits each time. `turn` may be taken again by the thread that has it."""

    drafts: Drafts
    docs: ConfigDocs
    clock: Clock
    revisions: Revisions
    manifests: Manifests
    turn: AbstractContextManager[object]
    epoch: Callable[[], str]
    limits: RoomLimits = field(default_factory=RoomLimits)
    _rooms: dict[str, Room] = field(default_factory=dict)

    def find(self, room_id: RoomId) -> Room:
        """Raises RoomMoved, whose message names the room where the draft goes on, and NotFound."""
        with self.turn:
            try:
                room = self.named(room_id.draft)
            except NotFound:
                if any(one.epoch == room_id.epoch for one in self.drafts.epochs(room_id.draft)):
                    raise moved(room_id, None) from None
                raise
            if room.id != room_id:
                raise moved(room_id, room.id)
            return room

    def named(self, name: str) -> Room:
        """The room of an open draft; the main one is made when somebody asks for it first. Raises NotFound."""
        with self.turn:
            room = self._rooms.get(name)
            if room is None or room.ended:
                draft = self._main() if name == MAIN else self.drafts.get(name)
                room = Room(draft.room, self.drafts, self.docs, self.clock, self.turn, self.limits)
                self._rooms[name] = room
            return room

    def create(self, actor: Actor, name: str, at: Heads | None = None) -> Draft:
        """Open a draft that says what is live, or what the main one said at some heads.

        Raises Forbidden, Invalid, Conflict if it is open already, TooLarge if too many are, UnknownHeads,
        and Unresolved if somebody removed what somebody else edited.
        """
        actor.require(Action.EDIT)
        draft_name(name)
        with self.turn:
            main = self.named(MAIN)
            applied = main.draft().applied
            now = None if at is None else self._said(main, at, actor)
            begun = begin(self.docs, live=self._live(applied), now=now, at=self.clock.now())
            new = self._new(name, begun, applied=applied, reason="created")
            return self.drafts.create(new, self._audit(actor, "draft.create", new, main=at or ""))

    def discard(self, actor: Actor, name: str) -> None:
        """Close a draft: one's own, or as an operator anybody's. Raises Forbidden, NotFound, Conflict for the main."""
        actor.require(Action.EDIT)
        with self.turn:
            draft = self.drafts.get(name)
            if draft.created_by != actor.name:
                actor.require(Action.MANAGE_DRAFTS)
            room = self.named(name)
            audit = AuditEntry(self.clock.now(), actor.name, "draft.discard", name, {"epoch": draft.epoch})
            try:
                self.drafts.discard(name, audit)
            except ControlError:
                room.doubt()
                raise
            room.end(Ended(None))

    def rebuild(self, actor: Actor, name: str, reason: str) -> Draft:
        """Go on in a new document that says the same, without the history. Members are told where.

        Raises Forbidden, NotFound, and Unresolved while somebody removed what somebody else edited.
        """
        actor.require(Action.MANAGE_DRAFTS)
        with self.turn:
            room = self.named(name)
            applied = room.draft().applied
            now = self._said(room, None, actor)
            begun = begin(self.docs, live=self._live(applied), now=now, at=self.clock.now())
            new = self._new(name, begun, applied=applied, reason=reason)
            audit = self._audit(actor, "draft.rebuild", new, instead_of=room.id.epoch)
            try:
                draft = self.drafts.rebuild(new, audit, instead_of=room.id.epoch)
            except ControlError:
                room.doubt()
                raise
            room.end(Ended(draft.room))
            return draft

    def went_live(self, at: datetime) -> None:
        """Tell every document in memory of a revision; the others learn of it when they are loaded."""
        with self.turn:
            for room in self._rooms.values():
                if room.is_loaded():
                    room.went_live(at)

    def tidy(self) -> None:
        """Fold long logs, and rebuild documents that too many peers edited. One that fails leaves the others be."""
        failures: list[Exception] = []
        for room in tuple(self._rooms.values()):
            try:
                self._tidy(room)
            except Exception as error:  # noqa: BLE001 - told below; whatever is wrong with one room, the others need this
                failures.append(error)
        if failures:
            raise failures[0]

    def close(self) -> None:
        """Let go of all documents. Nothing is lost: what was acknowledged is stored."""
        with self.turn:
            self._rooms.clear()

    def _tidy(self, room: Room) -> None:
        with self.turn:
            if room.ended or not room.is_loaded():
                return
            room.tidy()
            if room.peers() > self.limits.peers and not room.waits() and not room.removed_but_edited():
                self.rebuild(SYSTEM, room.id.draft, TOO_MANY_PEERS)

    def _main(self) -> Draft:
        try:
            return self.drafts.get(MAIN)
        except NotFound:
            applied = self.revisions.head_number() or 0
            begun = begin(self.docs, live=self._live(applied), now=None, at=self.clock.now())
            new = self._new(MAIN, begun, applied=applied, reason="begun")
            return self.drafts.create(new, self._audit(SYSTEM, "draft.create", new))

    def _live(self, applied: int) -> Layer | None:
        if not applied:
            return None
        return Layer(to_tree(self.manifests.get(applied)), self.revisions.get(applied).applied_by, "")

    def _said(self, room: Room, heads: Heads | None, actor: Actor) -> Layer:
        torn = room.removed_but_edited(heads)
        if torn:
            names = ", ".join(sorted(torn))
            raise Unresolved(
                f"draft {room.id.draft}: removed by one and edited by another: {names}; keep or remove them"
            )
        return Layer(without_graves(room.tree(heads)), actor.name, actor.token_id)

    def _new(self, name: str, begun: Begun, *, applied: int, reason: str) -> NewEpoch:
        return NewEpoch(
            epoch=self.epoch(),
            draft=name,
            snapshot=begun.snapshot,
            spans=begun.spans,
            applied=applied,
            applied_heads=begun.applied_heads,
            reason=reason,
        )

    def _audit(self, actor: Actor, action: str, new: NewEpoch, **detail: object) -> AuditEntry:
        told = {"epoch": new.epoch, "reason": new.reason, "applied": new.applied, **detail}
        return AuditEntry(self.clock.now(), actor.name, action, new.draft, told)
