"""The document of a draft: what the CRDT library does for us, and in which words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from appliance.core.draft import Heads, Tree
from appliance.core.errors import ControlError


class Refusal(StrEnum):
    """Why a delivery left the document untouched."""

    MALFORMED = "malformed"
    NOT_UPDATES = "not_updates"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class PeerRange:
    """Operations of one peer: from counter `start` up to and without `end`."""

    peer: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """What one delivery brought. `waits`: some of it depends on operations that have not arrived."""

    ranges: Sequence[PeerRange]
    waits: bool


class DocBroken(ControlError):
    """The document in memory may differ from what is stored. Drop it and load it again."""

    code = "doc_broken"


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit on a branch made: the delivery that brings it to others, and the heads after it."""

    update: bytes
    heads: Heads
    ranges: Sequence[PeerRange]


class Deed(StrEnum):
    """What one operation did at its place."""

    SET = "set"
    REMOVE = "remove"
    INSERT = "insert"
    MOVE = "move"


@dataclass(frozen=True, slots=True)
class Write:
    """One operation at one place of the document. `path` leads there by names, roots first.

    In a text or a list `path` names the text or list, and `value` is what was put in. Making an empty
    container is no write.
    """

    path: tuple[str, ...]
    deed: Deed
    value: object
    peer: int
    counter: int
    lamport: int


@dataclass(frozen=True, slots=True)
class Rivals:
    """Values that were set at one place by people who did not see each other's; the first one shows."""

    path: tuple[str, ...]
    writes: Sequence[Write]


@dataclass(frozen=True, slots=True)
class Unseen:
    """Writes below a place, by people who had it before them while somebody else took it away."""

    removal: Write
    writes: Sequence[Write]


class ConfigDoc(Protocol):
    """One document. Not for two threads at once."""

    def heads(self) -> Heads: ...

    def version(self) -> bytes:
        """How many operations of each peer are in, encoded as the sync protocol carries it."""
        ...

    def peers(self) -> int:
        """How many peers ever wrote in it: each costs for ever."""
        ...

    def accept(self, deliveries: Sequence[bytes]) -> Sequence[Accepted | Refusal]:
        """Merge what clients sent, one answer each. A refused one changes nothing, the others count.

        Raises DocBroken.
        """
        ...

    def missing(self, version: bytes) -> bytes:
        """One delivery with all that a client at `version` lacks, empty if nothing. Raises Invalid."""
        ...

    def snapshot(self) -> tuple[bytes, bytes]:
        """The whole document with its history, and a delivery of the operations that wait for others."""
        ...

    def tree(self, heads: Heads | None = None) -> Tree:
        """What the document says, or said at `heads`. Raises UnknownHeads."""
        ...

    def heads_of(self, counts: Mapping[int, int]) -> Heads:
        """The heads at which exactly so many operations of each peer were in (less, if some wait for others)."""
        ...

    def write(self, tree: Tree, *, at: Heads, peer: int | None = None) -> Edited:
        """On a branch from `at`, make the document say `tree`, changing only what differs.

        The document itself is left as it is until it accepts the update. Raises UnknownHeads.
        """
        ...

    def writes(self, *, since: Heads | None, until: Heads | None = None) -> Sequence[Write]:
        """The operations after `since` (None: all) that are in at `until` (None: now), oldest first.

        Raises UnknownHeads.
        """
        ...

    def rivals(self, *, since: Heads | None, until: Heads | None = None) -> Sequence[Rivals]:
        """Places where a value set after `since` contradicts another one, whenever that was set.

        Raises UnknownHeads.
        """
        ...

    def unseen(self, *, since: Heads | None, until: Heads | None = None) -> Sequence[Unseen]:
        """Removals after `since` whose author did not see what others wrote below that place, nor they the removal.

        Raises UnknownHeads.
        """
        ...

    def holds(self, heads: Heads) -> bool:
        """Are these heads known, all that they depend on included?"""
        ...


class ConfigDocs(Protocol):
    """Makes documents."""

    def empty(self) -> ConfigDoc: ...

    def load(self, snapshot: bytes, deliveries: Sequence[bytes]) -> ConfigDoc:
        """A document from what is stored. Raises DocBroken if it cannot be read."""
        ...


class Presence(Protocol):
    """Who is where, for as long as they say so. Never stored. Not for two threads at once."""

    def apply(self, data: bytes) -> Sequence[str]:
        """Take what a client sent; return the keys it set or removed. Raises Invalid."""
        ...

    def state(self) -> bytes:
        """Everything known, for somebody who joins; empty if nothing."""
        ...

    def drop(self, keys: Sequence[str]) -> bytes:
        """Forget keys whose connection is gone; return what tells the others. Empty if none was known."""
        ...

    def expire(self) -> None:
        """Forget what nobody renewed for the time given at the start."""
        ...
