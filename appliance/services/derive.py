"""What a draft says at some heads: its manifest or its problems, and where people contradict each other."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TypeVar

from appliance.core.config_doc import Write
from appliance.core.draft import Heads, RoomId, UnknownHeads
from appliance.core.draft_tree import manifest_of
from appliance.core.draft_tree.kinds import PIPELINES, REMOVED
from appliance.core.manifest import InvalidManifest
from appliance.core.pipeline import Manifest, Problem
from appliance.services.room import Room

K = TypeVar("K")
V = TypeVar("V")

# Several people look at several drafts, and each of them asks again and again while nothing changes.
KEPT = 16

# Whose token it was is not known: the operation was there before anybody delivered anything.
SOMEBODY = "somebody"


@dataclass(frozen=True, slots=True)
class Removal:
    """A pipeline that was removed while it was edited; nobody decided yet which of the two counts."""

    pipeline: str
    removed_by: str
    edited_by: Sequence[str]

    def __str__(self) -> str:
        edited = " and ".join(self.edited_by) or SOMEBODY
        return f"pipeline {self.pipeline} was removed by {self.removed_by} and edited by {edited}"


@dataclass(frozen=True, slots=True)
class RivalValue:
    """A value that somebody set."""

    author: str
    value: object


@dataclass(frozen=True, slots=True)
class RivalValues:
    """Values set at one place by people who did not see each other's; the first is the one that counts."""

    path: tuple[str, ...]
    values: Sequence[RivalValue]


@dataclass(frozen=True, slots=True)
class Derived:
    """`manifest` is None exactly if there are problems."""

    room: RoomId
    heads: Heads
    manifest: Manifest | None
    problems: Sequence[Problem]
    removals: Sequence[Removal]


@dataclass(slots=True)
class Derive:
    """A document never changes at given heads, so what it says there is kept for a while.

    Reading a large draft takes a while, too, so it does not hold the rooms' `turn`, but happens `alone`: of several
    who ask for the same only the first has it read. Nobody who has the turn may call this, or two could wait for
    each other.
    """

    turn: AbstractContextManager[object]
    alone: AbstractContextManager[object]
    _derived: OrderedDict[tuple[RoomId, Heads], Derived] = field(default_factory=OrderedDict)
    _rivals: OrderedDict[tuple[RoomId, Heads, Heads], Sequence[RivalValues]] = field(default_factory=OrderedDict)

    def __call__(self, room: Room, heads: Heads) -> Derived:
        """Raises UnknownHeads."""
        with self.alone:
            return kept(self._derived, (room.id, heads), lambda: self._derive(room, heads))

    def rivals(self, room: Room, heads: Heads, *, since: Heads) -> Sequence[RivalValues]:
        """Raises UnknownHeads."""
        with self.alone:
            return kept(self._rivals, (room.id, heads, since), lambda: self._find_rivals(room, heads, since))

    def _derive(self, room: Room, heads: Heads) -> Derived:
        with self.turn:
            if not room.holds(heads):
                raise UnknownHeads(f"draft {room.id.draft} was never at these heads, or some edits have not arrived")
            removals = [_removal(room, heads, *torn) for torn in sorted(room.removed_but_edited(heads).items())]
            tree = room.tree(heads)
        try:
            manifest = manifest_of(tree)
        except InvalidManifest as invalid:
            return Derived(room.id, heads, None, invalid.problems, removals)
        return Derived(room.id, heads, manifest, (), removals)

    def _find_rivals(self, room: Room, heads: Heads, since: Heads) -> Sequence[RivalValues]:
        with self.turn:
            return [
                RivalValues(rivals.path, [RivalValue(_author(room, write), write.value) for write in rivals.writes])
                for rivals in room.rivals(since=since, until=heads)
            ]


def kept(known: OrderedDict[K, V], key: K, make: Callable[[], V]) -> V:
    """What `known` holds, or what is made now and held from now on."""
    if key not in known:
        known[key] = make()
        while len(known) > KEPT:
            known.popitem(last=False)
    known.move_to_end(key)
    return known[key]


def _removal(room: Room, heads: Heads, name: str, seen: Heads) -> Removal:
    writes = [write for write in _since(room, seen, heads) if write.path[:2] == (PIPELINES, name)]
    removers = _authors(room, (write for write in writes if write.path[2:] == (REMOVED,)))
    editors = _authors(room, (write for write in writes if write.path[2:] != (REMOVED,)))
    return Removal(name, removers[-1] if removers else SOMEBODY, editors)


def _since(room: Room, seen: Heads, heads: Heads) -> Sequence[Write]:
    try:
        return room.writes(since=seen, until=heads)
    except UnknownHeads:
        # What the remover claims to have seen was written by a client, and may be anything.
        return room.writes(since=None, until=heads)


def _authors(room: Room, writes: Iterable[Write]) -> Sequence[str]:
    """Each one once, who wrote last comes last."""
    return list(reversed(dict.fromkeys(_author(room, write) for write in reversed(list(writes)))))


def _author(room: Room, write: Write) -> str:
    span = room.author_of(write.peer, write.counter)
    return span.author if span else SOMEBODY
