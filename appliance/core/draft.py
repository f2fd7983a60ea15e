"""Drafts: the configuration while people edit it, and who delivered which edit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, Protocol

from appliance.core.errors import Conflict, Invalid, NotFound
from appliance.core.event import AuditEntry

# What somebody saw of a document: its frontiers, encoded, as URL-safe base64 without padding.
Heads = NewType("Heads", str)

# The draft that everybody edits unless they say otherwise.
MAIN = "main"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_EPOCH = re.compile(r"[0-9a-f]{12}")


class UnknownHeads(Invalid):
    """The draft never was at these heads, or the edits they name have not arrived yet."""

    code = "unknown_heads"


class RoomMoved(NotFound):
    """The draft goes on in a room of another epoch, or was discarded."""

    code = "room_moved"


class Undone(Conflict):
    """This very configuration was applied before, and somebody reverted it."""

    code = "undone"


class Unresolved(Conflict):
    """Edits of two people contradict each other in a way that only a person can settle."""

    code = "unresolved"


@dataclass(frozen=True, slots=True)
class RoomId:
    """Where clients meet: one document of one draft. A document that is rebuilt gets a new epoch,

    so that a client of the old one cannot fill it up again.
    """

    draft: str
    epoch: str

    def __str__(self) -> str:
        return f"config:{self.draft}:{self.epoch}"

    @classmethod
    def parse(cls, text: str) -> RoomId | None:
        kind, _, rest = text.partition(":")
        draft, _, epoch = rest.partition(":")
        good = kind == "config" and _NAME.fullmatch(draft) and _EPOCH.fullmatch(epoch)
        return cls(draft, epoch) if good else None


def draft_name(text: str) -> str:
    """Return the name unchanged. Raises Invalid."""
    if not _NAME.fullmatch(text):
        raise Invalid(f"draft {text[:80]!r}: write at most 32 of a-z, 0-9, - and _, the first a letter or digit")
    return text


@dataclass(frozen=True, slots=True)
class Draft:
    """An open draft. Its document said exactly revision `applied` at `applied_heads` (0: nothing is applied yet)."""

    name: str
    epoch: str
    applied: int
    applied_heads: Heads
    created_by: str
    created_at: datetime

    @property
    def room(self) -> RoomId:
        return RoomId(self.name, self.epoch)


@dataclass(frozen=True, slots=True)
class Epoch:
    """One document that a draft had, the newest one open. `reason` says why it was begun."""

    epoch: str
    draft: str
    reason: str
    began_by: str
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Update:
    """One accepted delivery, in the order of the log. `seq` counts from 1 in each epoch."""

    seq: int
    data: bytes
    author: str
    token_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Span:
    """Operations of one peer, from counter `start` up to and without `end`, and who delivered them.

    Recorded by the server from the token of the connection; nothing a client writes can change it.
    `first_at` and `last_at` are when the first and the last of them arrived.
    """

    peer: int
    start: int
    end: int
    author: str
    token_id: str
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Content:
    """What is stored of one document: a snapshot, the operations in it that wait for others, and the log since.

    `spans` tell who delivered what is in the snapshot; the log says it for itself. `applied_at` are the moments, in
    order, at which revisions went live while the log was written.
    """

    snapshot: bytes
    waiting: bytes
    seq: int
    spans: Sequence[Span]
    updates: Sequence[Update]
    applied_at: Sequence[datetime] = ()


@dataclass(frozen=True, slots=True)
class NewEpoch:
    """A document to begin: whole, with nobody's edits waiting."""

    epoch: str
    draft: str
    snapshot: bytes
    spans: Sequence[Span]
    applied: int
    applied_heads: Heads
    reason: str


@dataclass(frozen=True, slots=True)
class Merge:
    """What an apply changes in a draft, in the very step that makes the revision; or a draft that catches up with one.

    `update` (None: the edits are in the document already) goes to the log of `epoch`; the draft then says
    the new revision at `heads`.
    """

    epoch: str
    heads: Heads
    update: Update | None = None


class Drafts(Protocol):
    """The stored documents of the drafts. A name belongs to one open draft at a time."""

    def list(self) -> Sequence[Draft]:
        """Open drafts, by name."""
        ...

    def get(self, name: str) -> Draft:
        """Raises NotFound."""
        ...

    def create(self, new: NewEpoch, audit: AuditEntry) -> Draft:
        """Open a draft. Raises Conflict if one of that name is open, TooLarge if `DRAFTS` of them are.

        There is always room for the main one.
        """
        ...

    def content(self, epoch: str) -> Content:
        """Raises NotFound. Ended epochs keep their content."""
        ...

    def append(self, epoch: str, updates: Sequence[Update]) -> None:
        """Add to the log, all or nothing. Raises RoomMoved if the epoch is not open,

        Conflict if the numbers are not the next ones.
        """
        ...

    def catch_up(self, merge: Merge, *, applied: int, audit: AuditEntry) -> None:
        """Note that a document says revision `applied` now, which was applied without it.

        Raises RoomMoved if the epoch is not open, Conflict if the update's number is not the next one.
        """
        ...

    def compact(self, epoch: str, *, seq: int, snapshot: bytes, waiting: bytes, spans: Sequence[Span]) -> None:
        """Replace the log up to `seq` and the spans by these. An older call than the newest does nothing.

        Raises NotFound, Conflict if the log has no update `seq` yet.
        """
        ...

    def rebuild(self, new: NewEpoch, audit: AuditEntry, *, instead_of: str) -> Draft:
        """Go on in a new document. Raises RoomMoved if the draft is no longer at epoch `instead_of`."""
        ...

    def discard(self, name: str, audit: AuditEntry) -> None:
        """Close the draft. What is stored of it stays. Raises NotFound, Conflict for the main one."""
        ...

    def epochs(self, name: str) -> Sequence[Epoch]:
        """Every document that drafts of this name had, newest first."""
        ...


# A document as plain values: what its containers hold, by their names.
Tree = Mapping[str, object]
