"""A room: one document of one draft, and everybody who edits it at the moment.

What people deliver is merged into the one document in memory, then written to the log, and only then acknowledged
and told to the others. If the log cannot take it, the document is dropped and loaded again before anything else
is served, so that nothing is ever seen that is not stored. All rooms share one turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TypeVar

from appliance.core.config_doc import Accepted, ConfigDocs, DocBroken, Edited, PeerRange, Refusal, Rivals, Unseen, Write
from appliance.core.draft import Draft, Drafts, Heads, RoomId, Span, Tree, Update
from appliance.core.errors import ControlError, Invalid, NotFound, Unavailable
from appliance.core.ports import Clock
from appliance.core.team import Actor
from appliance.services.room_document import News, RoomDocument, RoomLimits, load, reload_with, size_of, verdict
from appliance.services.room_events import Delivery, Ended, Event, Joined, Listener, Merged, Reload, Verdict, moved
from appliance.services.room_graves import removed_but_edited

__all__ = ["Delivery", "Ended", "Event", "Joined", "Listener", "Merged", "Reload", "Room", "Verdict", "moved"]

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Room:
    """Every method may raise Unavailable, RoomMoved once the room has ended, DocBroken if what is stored

    cannot be read. Listeners are called within the turn: they take note and return, and do not raise.
    """

    id: RoomId
    drafts: Drafts
    docs: ConfigDocs
    clock: Clock
    turn: AbstractContextManager[object]
    limits: RoomLimits
    ended: Ended | None = None
    _held: RoomDocument | None = None
    _listeners: list[Listener] = field(default_factory=list)

    def join(self, version: bytes) -> Joined:
        """Raises Invalid if the version cannot be read."""
        with self._document() as held:
            return Joined(held.doc.version(), held.doc.missing(version))

    def accept(self, deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
        """Merge, store and tell; one verdict each. What is accepted is durable when this returns.

        If it raises, nothing of the deliveries is known to be stored, and members are asked to join again.
        """
        with self._document() as held:
            before = held.doc.version() if held.waits else None
            try:
                verdicts, news = self._take(held, deliveries)
            except DocBroken:
                self._held = None
            else:
                self._tell_news(held, news, before)
                return verdicts
        if len(deliveries) == 1:
            return [Refusal.MALFORMED]
        return [self.accept([delivery])[0] for delivery in deliveries]

    def heads(self) -> Heads:
        with self._document() as held:
            return held.doc.heads()

    def tree(self, heads: Heads | None = None) -> Tree:
        """Raises UnknownHeads."""
        with self._document() as held:
            return held.doc.tree(heads)

    def holds(self, heads: Heads) -> bool:
        with self._document() as held:
            return held.doc.holds(heads)

    def write(self, tree: Tree, *, at: Heads) -> Edited:
        """Edit a branch, see ConfigDoc; `merge` brings it in. Raises UnknownHeads."""
        with self._document() as held:
            return held.doc.write(tree, at=at)

    def merge(self, edited: Edited, *, actor: Actor, commit: Callable[[Update], T]) -> T:
        """Bring a branch in. `commit` makes the update durable, in one step with whatever else depends on it.

        Only then the document takes it and members hear of it. What `commit` raises passes through. Raises Invalid
        for a branch without edits: there is nothing to make durable.
        """
        if not edited.ranges:
            raise Invalid("there is nothing to merge: the branch has no edits")
        with self._document() as held:
            update = Update(held.seq + 1, edited.update, actor.name, actor.token_id, self.clock.now())
            try:
                result = commit(update)
            except BaseException as error:
                # Refused for a reason, it is not stored; otherwise it may be, or not.
                if not isinstance(error, ControlError) or isinstance(error, Unavailable):
                    self._drop()
                raise
            self._absorb(held, update, edited.ranges)
        return result

    def writes(self, *, since: Heads | None, until: Heads | None = None) -> Sequence[Write]:
        """Raises UnknownHeads."""
        with self._document() as held:
            return held.doc.writes(since=since, until=until)

    def rivals(self, *, since: Heads | None, until: Heads | None = None) -> Sequence[Rivals]:
        """Raises UnknownHeads."""
        with self._document() as held:
            return held.doc.rivals(since=since, until=until)

    def unseen(self, *, since: Heads | None, until: Heads | None = None) -> Sequence[Unseen]:
        """Raises UnknownHeads."""
        with self._document() as held:
            return held.doc.unseen(since=since, until=until)

    def removed_but_edited(self, heads: Heads | None = None) -> Mapping[str, Heads]:
        """Pipelines that somebody removed and somebody else edited, with what the remover saw. Raises UnknownHeads."""
        with self._document() as held:
            return removed_but_edited(held.doc, heads, seen=held.seen)

    def author_of(self, peer: int, counter: int) -> Span | None:
        """Who delivered an operation."""
        with self._document() as held:
            return held.authors.who(peer, counter)

    def counts_at(self, moment: datetime) -> Mapping[int, int]:
        """How many operations of each peer had arrived at a moment."""
        with self._document() as held:
            return held.authors.counts_at(moment)

    def heads_at(self, moment: datetime) -> Heads:
        """What the document was at a moment, to the second."""
        with self._document() as held:
            return held.doc.heads_of(held.authors.counts_at(moment))

    def went_live(self, at: datetime) -> None:
        """A revision, from whatever draft: what is delivered later is told after it."""
        with self._document() as held:
            held.authors.applied(at)

    def draft(self) -> Draft:
        """The draft as it is stored, with the revision that was last applied from it."""
        with self.turn:
            self._check_open()
            return self._stored()

    def peers(self) -> int:
        with self._document() as held:
            return held.doc.peers()

    def waits(self) -> bool:
        """Does anything in the document wait for operations that have not arrived?"""
        with self._document() as held:
            return held.waits and bool(held.doc.snapshot()[1])

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every event from now on, until what is returned is called."""
        with self.turn:
            self._listeners.append(listener)

        def stop() -> None:
            with self.turn:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return stop

    def tidy(self) -> None:
        """Fold the log into a snapshot if it is long. Members notice nothing."""
        with self._document() as held:
            if held.should_fold(self.limits):
                held.fold(self.drafts, self.id.epoch)

    def is_loaded(self) -> bool:
        return self._held is not None

    def end(self, ended: Ended) -> None:
        """Nobody edits here any more; whoever tries is told where to go."""
        with self.turn:
            self.ended, self._held = ended, None
            self._tell(ended)
            self._listeners.clear()

    def doubt(self) -> None:
        """Something may have changed what is stored: look there before anything else is served."""
        with self.turn:
            self._drop()

    @contextmanager
    def _document(self) -> Iterator[RoomDocument]:
        with self.turn:
            self._check_open()
            if self._held is None:
                self._stored()
                self._held = load(self.drafts, self.docs, self.id.epoch)
            try:
                yield self._held
            except DocBroken:
                self._drop()
                raise

    def _check_open(self) -> None:
        if self.ended is not None:
            raise moved(self.id, self.ended.successor)

    def _stored(self) -> Draft:
        """Raises RoomMoved, and ends the room, if the draft is no longer at this document."""
        try:
            draft = self.drafts.get(self.id.draft)
        except NotFound:
            successor = None
        else:
            if draft.room == self.id:
                return draft
            successor = draft.room
        self.end(Ended(successor))
        raise moved(self.id, successor)

    def _take(self, held: RoomDocument, deliveries: Sequence[Delivery]) -> tuple[Sequence[Verdict], Sequence[News]]:
        """Raises DocBroken, and then nothing of this is stored."""
        fits = self._fitting(held, deliveries)
        blobs = [(one, data) for one, fit in zip(deliveries, fits, strict=True) if fit for data in one.updates]
        try:
            answers = held.doc.accept([data for _, data in blobs])
            news = self._store(held, blobs, answers)
        except DocBroken:
            raise
        except BaseException:
            self._drop()
            raise
        rest = iter(answers)
        verdicts = [
            verdict(list(islice(rest, len(one.updates)))) if fit else Refusal.TOO_LARGE
            for one, fit in zip(deliveries, fits, strict=True)
        ]
        return verdicts, news

    def _store(
        self, held: RoomDocument, blobs: Sequence[tuple[Delivery, bytes]], answers: Sequence[Accepted | Refusal]
    ) -> Sequence[News]:
        now = self.clock.now()
        news: list[News] = []
        for (one, data), answer in zip(blobs, answers, strict=True):
            if isinstance(answer, Accepted) and (answer.ranges or answer.waits):
                seq = held.seq + len(news) + 1
                news.append(News(Update(seq, data, one.author, one.token_id, now), answer, one.source))
        if news:
            self.drafts.append(self.id.epoch, [one.update for one in news])
        for gain in news:
            held.note(gain.update, gain.brought)
        return news

    def _fitting(self, held: RoomDocument, deliveries: Sequence[Delivery]) -> Sequence[bool]:
        """Which deliveries the document has room for."""
        sizes = [size_of(one.updates) for one in deliveries]
        if held.bytes + sum(sizes) > self.limits.document_bytes and held.should_fold(self.limits):
            held.fold(self.drafts, self.id.epoch)
        total, fits = held.bytes, []
        for size in sizes:
            fits.append(total + size <= self.limits.document_bytes)
            total += size if fits[-1] else 0
        return fits

    def _absorb(self, held: RoomDocument, update: Update, ranges: Sequence[PeerRange]) -> None:
        """Take what is stored already, even if it is more than a client may send."""
        try:
            [answer] = held.doc.accept([update.data])
            if isinstance(answer, Accepted):
                held.note(update, answer)
            else:
                self._held = reload_with(self.drafts, self.docs, self.id.epoch, update, ranges)
        except ControlError:
            # Whoever asks next loads it: it is stored.
            self._held = None
        self._tell(Merged(update.data, None))

    def _tell_news(self, held: RoomDocument, news: Sequence[News], before: bytes | None) -> None:
        if before is None:
            for gain in news:
                self._tell(Merged(gain.update.data, gain.source))
        elif news and (gained := held.doc.missing(before)):
            # These may have let others in that waited, and that a member who joined since never got.
            self._tell(Merged(gained, None))

    def _drop(self) -> None:
        self._held = None
        self._tell(Reload())

    def _tell(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            listener(event)
