"""Who changed which field of a draft when."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from appliance.core.config_doc import ConfigDocs
from appliance.core.draft import MAIN, Drafts, Epoch
from appliance.core.errors import Invalid
from appliance.core.paging import Page, decode_key, encode_key
from appliance.core.ports import Revisions
from appliance.core.team import Action, Actor
from appliance.services.history_entries import Applied, Began, Entry, Sift, Walk
from appliance.services.history_log import BEGINNING, LATEST, Chronicle, Position
from appliance.services.room import Room
from appliance.services.room_document import load
from appliance.services.rooms import Rooms

# Writes whose histories are kept at hand, some 500 bytes each: those of the drafts that people look at.
KEPT = 100_000

# What a page looks through at most: whoever asks for what is rare gets short pages.
SEEN = 1000

# Revisions whose authors and times are kept at hand.
REVISIONS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class _Place:
    """How far somebody has read: before `position` in the document `epoch`, and below revision `below`."""

    epoch: str
    position: Position
    below: int


@dataclass(slots=True)
class History:
    """Reads only; what it keeps can be made again.

    `alone` guards what is kept. It is not the rooms' turn: nobody who edits waits for a reader of old documents.
    """

    rooms: Rooms
    drafts: Drafts
    docs: ConfigDocs
    revisions: Revisions
    alone: AbstractContextManager[object]
    _kept: OrderedDict[str, Chronicle] = field(default_factory=OrderedDict)
    _applied: OrderedDict[int, Applied] = field(default_factory=OrderedDict)

    def log(
        self,
        actor: Actor,
        draft: str,
        *,
        before: str | None,
        limit: int,
        pipeline: str | None = None,
        member: str | None = None,
    ) -> Page[Entry]:
        """What happened to a draft, newest first; of one pipeline, or by one member, if asked for.

        A page ends with a document at the latest, so it may be short, or empty, with more to come.
        Raises Forbidden, NotFound, Invalid.
        """
        actor.require(Action.READ)
        room = self.rooms.named(draft)
        epochs = self.drafts.epochs(draft)
        place = self._place(epochs, before)
        index = next((index for index, one in enumerate(epochs) if one.epoch == place.epoch), None)
        if index is None:
            raise Invalid("before: must be the `next` of an earlier page of this draft")
        return self._page(room, epochs[index:], place, Sift(pipeline, member), limit)

    def _page(self, room: Room, epochs: Sequence[Epoch], place: _Place, sift: Sift, limit: int) -> Page[Entry]:
        found: list[Entry] = []
        reached, is_open = place, epochs[0].epoch == room.id.epoch
        with self.alone:
            chronicle = self._followed(room, epochs[0]) if is_open else self._ended(epochs[0])
            for seen, (reached, entry) in enumerate(self._entries(chronicle, epochs, place, sift), 1):
                if entry is not None:
                    found.append(entry)
                if len(found) == limit or seen == SEEN:
                    return Page(found, _key(reached))
        return Page(found, _key(_Place(epochs[1].epoch, LATEST, reached.below)) if len(epochs) > 1 else None)

    def _entries(
        self, chronicle: Chronicle, epochs: Sequence[Epoch], place: _Place, sift: Sift
    ) -> Iterator[tuple[_Place, Entry | None]]:
        """Each with the place to go on after it; without it, if it is not wanted."""
        epoch, is_first, below = epochs[0], len(epochs) == 1, place.below
        for position, one in Walk(chronicle, self._in(epoch, below), place.position):
            if isinstance(one, Applied):
                below = one.number
                yield _Place(epoch.epoch, position, below), one if sift.wants(one) else None
            else:
                yield _Place(epoch.epoch, position, below), sift.edited(one)
        if place.position > BEGINNING:
            began = Began(epoch)
            yield _Place(epoch.epoch, BEGINNING, below), began if sift.wants(began) else None
        for one in self._below(below) if is_first and epoch.draft == MAIN else ():
            yield _Place(epoch.epoch, BEGINNING, one.number), one if sift.wants(one) else None

    def _in(self, epoch: Epoch, below: int) -> Iterator[Applied]:
        """The revisions of the time of a document. Whatever goes live is in the main draft, another has its own."""
        for one in self._below(below):
            if one.epoch != epoch.epoch and one.at < epoch.began_at:
                return
            if epoch.draft in (MAIN, one.draft):
                yield one

    def _below(self, number: int) -> Iterator[Applied]:
        return map(self._revision, range(number - 1, 0, -1))

    def _revision(self, number: int) -> Applied:
        known = self._applied.get(number)
        if known is None:
            revision = self.revisions.get(number)
            writes = bool(revision.uploads) or revision.reverts is not None or revision.draft != MAIN
            known = Applied(
                number=number,
                author=revision.applied_by,
                at=revision.applied_at,
                draft=revision.draft,
                epoch=revision.epoch,
                reverts=revision.reverts,
                writes=writes,
            )
            self._applied[number] = known
            while len(self._applied) > REVISIONS_KEPT:
                self._applied.popitem(last=False)
        return known

    def _place(self, epochs: Sequence[Epoch], before: str | None) -> _Place:
        """Raises Invalid."""
        newest = (self.revisions.head_number() or 0) + 1
        if before is None:
            return _Place(epochs[0].epoch, LATEST, newest)
        epoch, micros, rank, number, peer, counter, below = decode_key(before, str, int, int, int, str, int, int)
        try:
            position = Position(int(micros), int(rank), int(number), int(str(peer), 16), int(counter))
        except ValueError:
            raise Invalid("before: must be the `next` of an earlier page") from None
        return _Place(str(epoch), position, min(int(below), newest))

    def _followed(self, room: Room, epoch: Epoch) -> Chronicle:
        """The history of an open document as it is now."""
        known = self._kept.get(epoch.epoch)
        heads = room.heads()
        if known is None or known.heads is None or not room.holds(known.heads):
            known = Chronicle(epoch)
        if known.heads != heads:
            known.take(room.writes(since=known.heads, until=heads), room.author_of, heads=heads)
        self._keep(known)
        return known

    def _ended(self, epoch: Epoch) -> Chronicle:
        """The history of a document that nobody edits any more; the document is let go at once."""
        known = self._kept.get(epoch.epoch)
        if known is None or not known.is_whole:
            # One that was followed while people edited lacks what they did after the last look.
            stored = load(self.drafts, self.docs, epoch.epoch)
            known = Chronicle(epoch, is_whole=True)
            known.take(stored.doc.writes(since=None), stored.authors.who, heads=stored.doc.heads())
        self._keep(known)
        return known

    def _keep(self, chronicle: Chronicle) -> None:
        self._kept[chronicle.epoch.epoch] = chronicle
        self._kept.move_to_end(chronicle.epoch.epoch)
        while self._kept and sum(len(one.writes) for one in self._kept.values()) > KEPT:
            self._kept.popitem(last=False)


def _key(place: _Place) -> str:
    position = place.position
    return encode_key(
        place.epoch,
        position.micros,
        position.rank,
        position.number,
        f"{position.peer:x}",
        position.counter,
        place.below,
    )
