"""Everybody in the room of one document: what they deliver goes in batches to the room, and then to the others.

The room works on a thread of its own, and an apply on yet another one changes it, too. All that happens in a room
is therefore noted in one list, within the room's turn, and the event loop goes through that list in its order: who
joined before an update was merged gets it, and who joined after has it in what the join brought.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from appliance.core.config_doc import Refusal
from appliance.core.draft import RoomId
from appliance.core.errors import ControlError
from appliance.core.sync.encode import encode, frames_of
from appliance.core.sync.frames import BATCH_BYTES, Ack, Kind, RoomError, RoomFault, Status
from appliance.core.sync.frames import Room as Place
from appliance.entrypoints.ws.connection import Connection, Holder
from appliance.entrypoints.ws.counts import Counts, Outcome
from appliance.entrypoints.ws.outbox import Parcel, packed
from appliance.services.room import Room
from appliance.services.room_events import Delivery, Ended, Event, Merged, Reload, Verdict

_log = logging.getLogger("hakiri.sync")

# Commits of a room start at least so far apart, in seconds: under load each then takes many deliveries at once. A
# room where nothing happens commits at once.
GATHER = 0.005

# The same for each member: three hundred that are told two hundred times a second would take all of a processor.
GATHER_FOR_EACH = 50e-6

# Deliveries merged in one go. The merge holds up everything else in this process.
BATCH = 512

# With so few deliveries at once, nobody is sent back their own.
FEW = 16

_OK = bytes((Status.OK,))
_OUTCOMES = {
    Refusal.MALFORMED: (Status.INVALID, Outcome.INVALID),
    Refusal.NOT_UPDATES: (Status.INVALID, Outcome.INVALID),
    Refusal.TOO_LARGE: (Status.TOO_LARGE, Outcome.TOO_LARGE),
}


class Delivered(NamedTuple):
    """A delivery on its way to the room, and whom to answer."""

    by: Connection
    batch: bytes
    delivery: Delivery
    size: int


@dataclass(frozen=True, slots=True)
class Answered:
    """The room's verdicts on a batch; None if it could not say, and nothing is known to be stored."""

    batch: Sequence[Delivered]
    verdicts: Sequence[Verdict] | None


@dataclass(frozen=True, slots=True)
class Seated:
    """Somebody joined. `welcome` gives them what they lack."""

    welcome: Callable[[], Connection | None]


@dataclass(slots=True, eq=False)
class Meeting:
    """Belongs to the event loop's thread, but for `note`."""

    room: Room
    crew: Executor
    loop: asyncio.AbstractEventLoop
    fresh: Callable[[], bytes]
    counts: Counts
    on_end: Callable[[RoomId, str], None]
    members: set[Connection] = field(default_factory=set)
    stop_watching: Callable[[], None] = lambda: None
    _queue: list[Delivered] = field(default_factory=list)
    _happened: deque[Event | Answered | Seated] = field(default_factory=deque)
    _work: asyncio.Task[None] | None = None
    _worked_at: float = float("-inf")
    _is_accepting: bool = False
    place: Place = field(init=False)
    _ack: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.place = Place(Kind.DOC, str(self.room.id))
        # All that every acknowledgement of the room begins with: there is one for each delivery.
        self._ack = encode(Ack(self.place, bytes(BATCH_BYTES), Status.OK))[: -BATCH_BYTES - 1]

    def take(self, by: Connection, holder: Holder, batch: bytes, updates: Sequence[bytes]) -> None:
        """Queue a delivery; its sender is answered once it is on disk."""
        size = sum(map(len, updates))
        by.expects(size)
        delivery = Delivery(updates, holder.actor.name, holder.actor.token_id, by)
        self._queue.append(Delivered(by, batch, delivery, size))
        if self._work is None:
            self._work = self.loop.create_task(self._commit_all())

    def leave(self, member: Connection) -> None:
        self.members.discard(member)

    async def idle(self) -> None:
        """Wait until everything that was delivered is answered."""
        while self._work is not None:
            await asyncio.wait([self._work])

    def note(self, event: Event | Answered | Seated) -> None:
        """Called by any thread that has the room's turn."""
        self._happened.append(event)
        if not self._is_accepting:
            self.loop.call_soon_threadsafe(self._go_through)

    async def _commit_all(self) -> None:
        try:
            while self._queue:
                wait = self._worked_at + max(GATHER, GATHER_FOR_EACH * len(self.members)) - self.loop.time()
                if wait > 0:
                    await asyncio.sleep(wait)
                self._worked_at = self.loop.time()
                batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
                await self.loop.run_in_executor(self.crew, self._accept, batch)
        finally:
            self._work = None

    def _accept(self, batch: Sequence[Delivered]) -> None:
        """On the room's thread: all that comes of the batch is gone through at once."""
        self._is_accepting = True
        try:
            verdicts = self.room.accept([one.delivery for one in batch])
        except ControlError as error:
            _log.error("%s: %s", self.room.id, error)
            verdicts = None
        except Exception:  # noqa: BLE001 - whatever it was, the clients must be told to send it again
            _log.exception("%s", self.room.id)
            verdicts = None
        finally:
            self._is_accepting = False
        self.note(Answered(batch, verdicts))

    def _go_through(self) -> None:
        news: list[Merged] = []
        while self._happened:
            event = self._happened.popleft()
            if isinstance(event, Merged):
                news.append(event)
            elif isinstance(event, Answered):
                self._answer(event)
            else:
                self._tell(news)
                news = []
                self._turn_to(event)
        self._tell(news)

    def _turn_to(self, event: Reload | Ended | Seated) -> None:
        match event:
            case Seated():
                joined = event.welcome()
                if joined is not None:
                    self.members.add(joined)
            case Reload():
                for member in self.members:
                    member.ask_to_rejoin(self.place, "the document was loaded again")
            case Ended():
                self._end(event)

    def _end(self, ended: Ended) -> None:
        successor = f"room_moved {ended.successor}" if ended.successor else "room_moved"
        for member in list(self.members):
            # The stock client says nothing when it is evicted. Asked to join again it does, and tells what it hears.
            member.answer(RoomError(self.place, RoomFault.REJOIN, successor))
            member.leave(self.place)
        self.on_end(self.room.id, successor)

    def _answer(self, answered: Answered) -> None:
        """Each sender gets all acknowledgements at once."""
        self.counts.commits += 1
        verdicts: Sequence[Verdict | None] = answered.verdicts or [None] * len(answered.batch)
        acks: dict[Connection, list[bytes]] = {}
        for one, verdict in zip(answered.batch, verdicts, strict=True):
            one.by.settled(one.size)
            ended = self._ended(one, verdict)
            if ended is not None:
                acks.setdefault(one.by, []).append(b"".join((self._ack, one.batch, ended)))
        for sender, own in acks.items():
            sender.ack_all(own)

    def _ended(self, one: Delivered, verdict: Verdict | None) -> bytes | None:
        """The status that is acknowledged; None if nothing is."""
        if verdict is None:
            self.counts.deliveries[Outcome.UNSTORED] += 1
            one.by.ask_to_rejoin(self.place, "not stored")
            return None
        if isinstance(verdict, Refusal):
            status, outcome = _OUTCOMES[verdict]
            self.counts.deliveries[outcome] += 1
            return bytes((status,))
        self.counts.deliveries[Outcome.STORED] += 1
        if verdict.waits:
            one.by.ask_to_rejoin(self.place, "an update depends on others that are missing")
        return _OK

    def _tell(self, news: Sequence[Merged]) -> None:
        """Pack once what everybody gets."""
        if not news:
            return
        senders = {cast("Connection", one.source) for one in news if one.source is not None}
        everything = self._packed(one.update for one in news)
        for member in self.members:
            parcel = everything
            if member in senders and len(news) <= FEW:
                parcel = self._packed(one.update for one in news if one.source is not member)
            if not parcel.events:
                continue
            if member.outbox.tell(parcel, self.place):
                self.counts.fanout_frames += len(parcel.events)
            else:
                self.counts.dropped += len(parcel.events)

    def _packed(self, updates: Iterable[bytes]) -> Parcel:
        """One frame alone may be swapped with others; fragments of an update may not."""
        frames = frames_of(self.place, list(updates), self.fresh)
        return packed(frames, loose=len(frames) == 1)
