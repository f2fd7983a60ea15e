"""What the configuration said at some point, and how two points differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from appliance.core.config_doc import ConfigDocs
from appliance.core.draft import MAIN, Drafts, Heads, RoomId, draft_name
from appliance.core.draft_tree import manifest_of
from appliance.core.errors import Invalid, NotFound
from appliance.core.manifest import Change, InvalidManifest, diff, render
from appliance.core.pipeline import Manifest, Problem
from appliance.core.team import Action, Actor
from appliance.services.derive import Derive
from appliance.services.drafts import LIVE
from appliance.services.live import Live
from appliance.services.room_document import load

DRAFT = "draft"

_NUMBER = re.compile(r"[1-9][0-9]{0,14}")
_HEADS = "heads:"


@dataclass(frozen=True, slots=True)
class AtRevision:
    """None is the newest one."""

    number: int | None = None


@dataclass(frozen=True, slots=True)
class AtHeads:
    """A draft as somebody saw it; None is as it is now."""

    draft: str
    heads: Heads | None = None


@dataclass(frozen=True, slots=True)
class AtMoment:
    """A draft as it was then, to the second."""

    draft: str
    moment: datetime


At = AtRevision | AtHeads | AtMoment


@dataclass(frozen=True, slots=True)
class Point:
    """What was said. `manifest` is None exactly if there are problems.

    Of a revision `revision` is the number; `room` and `heads` are where a draft said it, if one did.
    """

    manifest: Manifest | None
    problems: Sequence[Problem]
    room: RoomId | None
    heads: Heads | None
    revision: int | None = None

    @property
    def toml(self) -> str | None:
        return None if self.manifest is None else render(self.manifest)


@dataclass(frozen=True, slots=True)
class Differs:
    """What turns the one point into the other."""

    before: Point
    after: Point
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True)
class LookBack:
    """Reads only. Every method raises Forbidden, NotFound and UnknownHeads."""

    live: Live
    drafts: Drafts
    docs: ConfigDocs
    derive: Derive

    def show(self, actor: Actor, at: At) -> Point:
        """What is wrong with it is told, not raised."""
        actor.require(Action.READ)
        match at:
            case AtRevision(number):
                return self._revision(number)
            case AtHeads(draft, heads):
                return self._heads(draft, heads)
            case AtMoment(draft, then):
                return self._moment(draft, then)

    def differ(self, actor: Actor, before: At, after: At) -> Differs:
        """Raises InvalidManifest if either has problems."""
        one, other = self.show(actor, before), self.show(actor, after)
        return Differs(one, other, diff(_good(one), _good(other)))

    def _revision(self, number: int | None) -> Point:
        if number is None and not (number := self.live.head()[0]):
            return Point(Manifest(), (), None, None, 0)
        revision = self.live.revisions.get(number)
        room = RoomId(revision.draft, revision.epoch) if revision.epoch else None
        return Point(self.live.manifests.get(number), (), room, revision.heads if room else None, number)

    def _heads(self, draft: str, heads: Heads | None) -> Point:
        room = self.live.rooms.named(draft)
        derived = self.derive(room, room.heads() if heads is None else heads)
        return Point(derived.manifest, derived.problems, derived.room, derived.heads)

    def _moment(self, draft: str, moment: datetime) -> Point:
        """In the document that was open then."""
        epochs = [one for one in self.drafts.epochs(draft) if one.began_at <= moment]
        if not epochs or (epochs[0].ended_at is not None and epochs[0].ended_at <= moment):
            raise NotFound(f"no draft {draft} was open at {moment:%Y-%m-%d %H:%M:%S} UTC")
        room = self.live.rooms.named(draft) if epochs[0].ended_at is None else None
        if room is not None and room.id.epoch == epochs[0].epoch:
            return self._heads(draft, room.heads_at(moment))
        return self._ended(RoomId(draft, epochs[0].epoch), moment)

    def _ended(self, room: RoomId, moment: datetime) -> Point:
        """From what is stored; the document is let go at once."""
        stored = load(self.drafts, self.docs, room.epoch)
        heads = stored.doc.heads_of(stored.authors.counts_at(moment))
        try:
            return Point(manifest_of(stored.doc.tree(heads)), (), room, heads)
        except InvalidManifest as invalid:
            return Point(None, invalid.problems, room, heads)


def point_of(text: str, *, draft: str = MAIN) -> At:
    """Read `7`, `live`, `draft`, `draft:try`, a moment, or `heads:...` of a draft. Raises Invalid."""
    if text == LIVE:
        return AtRevision()
    if _NUMBER.fullmatch(text):
        return AtRevision(int(text))
    if text == DRAFT:
        return AtHeads(draft)
    if text.startswith(f"{DRAFT}:"):
        return AtHeads(draft_name(text.removeprefix(f"{DRAFT}:")))
    if text.startswith(_HEADS):
        return AtHeads(draft, Heads(text.removeprefix(_HEADS)))
    return AtMoment(draft, moment_of(text))


def moment_of(text: str) -> datetime:
    """ISO 8601; in UTC unless it says otherwise. Raises Invalid."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        shown = text[:80] if text.isprintable() else "what is asked for"
        raise Invalid(
            f"{shown}: write a revision's number, live, draft, draft:NAME, or a moment such as 2026-06-01T12:00:00Z"
        ) from None


def _good(one: Point) -> Manifest:
    if one.manifest is None:
        raise InvalidManifest(one.problems)
    return one.manifest
