"""Files, or a draft as somebody saw it, become the next revision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.core.draft import Heads, Unresolved
from appliance.core.manifest import InvalidManifest, SourceText, digest, load
from appliance.core.pipeline import Manifest
from appliance.core.team import Action, Actor
from appliance.services.derive import Derive, Derived
from appliance.services.live import Applied, Candidate, Live


@dataclass(frozen=True, slots=True)
class Apply:
    """Nothing is refused because it is applied already: that is said, and changes nothing.

    `again` applies a configuration although somebody reverted it.
    """

    live: Live
    derive: Derive

    def __call__(
        self, actor: Actor, files: Sequence[SourceText], *, based_on: int | None, again: bool = False
    ) -> Applied:
        """Apply exactly these files. In the main draft they change what differs from the live revision, and nothing

        that somebody edits meanwhile goes live. Raises Forbidden, InvalidManifest, Undone, and Conflict if the head
        is not `based_on`.
        """
        actor.require(Action.APPLY)
        manifest = load(files)
        candidate = Candidate(manifest, digest(manifest), uploads={file.name: file.text for file in files})
        with self.live.rooms.turn:
            applied = self._applied(actor, candidate, based_on=based_on, again=again)
        return self.live.mirrored(applied)

    def heads(self, actor: Actor, heads: Heads, *, draft: str, based_on: int, again: bool = False) -> Applied:
        """Apply what the draft says at exactly these heads.

        Raises as a call does, and NotFound for the draft, UnknownHeads, Unresolved.
        """
        actor.require(Action.APPLY)
        room = self.live.rooms.named(draft)
        manifest = _settled(self.derive(room, heads))
        candidate = Candidate(manifest, digest(manifest), said_in=room.id, heads=heads)
        with self.live.rooms.turn:
            applied = self._applied(actor, candidate, based_on=based_on, again=again)
        return self.live.mirrored(applied)

    def _applied(self, actor: Actor, candidate: Candidate, *, based_on: int | None, again: bool) -> Applied:
        self.live.expect(self.live.head()[0], based_on)
        if not again:
            self.live.refuse_undone(candidate)
        return self.live(actor, candidate)


def _settled(derived: Derived) -> Manifest:
    """Raises InvalidManifest, Unresolved."""
    if derived.manifest is None:
        raise InvalidManifest(derived.problems)
    if derived.removals:
        told = "; ".join(map(str, derived.removals))
        raise Unresolved(f"{told}; keep it, or remove it again having seen the edits")
    return derived.manifest
