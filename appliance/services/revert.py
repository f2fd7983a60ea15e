"""Back to an earlier revision, as a new one."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.core.errors import Invalid
from appliance.core.manifest import digest
from appliance.core.team import Action, Actor
from appliance.services.live import Applied, Candidate, Live


@dataclass(frozen=True, slots=True)
class Revert:
    """What was applied since counts as undone, and leaves the main draft; edits that nobody applied yet stay in it."""

    live: Live

    def __call__(self, actor: Actor, *, to: int, based_on: int) -> Applied:
        """Make what revision `to` said live again. Without a difference nothing changes.

        Raises Forbidden, NotFound, Invalid if `to` is not before the head, InvalidManifest if today's rules refuse
        it, and Conflict if the head is not `based_on`.
        """
        actor.require(Action.APPLY)
        live = self.live
        # It never changes; reading a large one would hold up whoever edits.
        manifest = live.manifests.get(to)
        candidate = Candidate(manifest, digest(manifest), action="config.revert", reverts=to)
        with live.rooms.turn:
            number, _ = live.head()
            live.expect(number, based_on)
            if to == number:
                raise Invalid(f"to: revision {to} is the head; name an earlier one")
            applied = live(actor, candidate)
        return live.mirrored(applied)
