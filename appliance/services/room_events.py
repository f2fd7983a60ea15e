"""What goes into a room and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.core.config_doc import Accepted, Refusal
from appliance.core.draft import RoomId, RoomMoved


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one client sent at once. `author` and `token_id` are of its token; `source` comes back in Merged."""

    updates: Sequence[bytes]
    author: str
    token_id: str
    source: object | None = None


# An accepted delivery is on disk. A refused one left no trace, but those of its updates that were good by themselves.
Verdict = Accepted | Refusal


@dataclass(frozen=True, slots=True)
class Joined:
    """What a client gets that joins: how far the document is, and all that the client lacks."""

    version: bytes
    missing: bytes


@dataclass(frozen=True, slots=True)
class Merged:
    """The document gained this. `source` delivered it and has it already; None: nobody has."""

    update: bytes
    source: object | None


@dataclass(frozen=True, slots=True)
class Reload:
    """What was not acknowledged yet may be lost: members must join again, and send it again."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The draft goes on in another room, or was discarded."""

    successor: RoomId | None


Event = Merged | Reload | Ended
Listener = Callable[[Event], None]


def moved(room: RoomId, successor: RoomId | None) -> RoomMoved:
    where = f"the draft goes on in {successor}" if successor else "the draft was discarded"
    return RoomMoved(f"room {room} has ended: {where}")
