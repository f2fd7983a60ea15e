"""One open socket: who it belongs to, which rooms it is in, and what waits to be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from appliance.core.sync.encode import encode
from appliance.core.sync.fragments import Fragments
from appliance.core.sync.frames import Ack, Frame, Room, RoomError, RoomFault, Status
from appliance.core.team import Actor
from appliance.entrypoints.ws.budget import Budget
from appliance.entrypoints.ws.closing import Closing
from appliance.entrypoints.ws.outbox import Outbox, packed

# A client that is asked to join again does so at once: asked without a pause it would do nothing else.
REJOIN_SECONDS = 1.0

# Updates of one connection that are not on disk yet, in bytes. Over it, the socket is not read.
UNSETTLED_BYTES = 2 << 20


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose connection it is. The token's text is kept to ask again whether it is still good."""

    actor: Actor
    token: str = field(repr=False)


class Table(Protocol):
    """What a connection sits at: the meeting of a document, or the company that is present."""

    def take(self, by: Connection, holder: Holder, batch: bytes, updates: Sequence[bytes]) -> None:
        """Take a delivery, and answer it now or later."""
        ...

    def leave(self, member: Connection) -> None: ...


@dataclass(frozen=True, slots=True)
class Seat:
    """A place in a room."""

    table: Table
    writes: bool
    joined_at: datetime


@dataclass(slots=True, eq=False)
class Connection:
    """All of it belongs to the event loop's thread."""

    outbox: Outbox
    budget: Budget
    fragments: Fragments
    opened_at: float
    heard_at: float
    holder: Holder | None = None
    bad_tokens: int = 0
    is_gone: bool = False
    cancel: Callable[[], object] = lambda: None
    seats: dict[Room, Seat] = field(default_factory=dict)
    unsettled: int = 0
    _settled: asyncio.Event = field(default_factory=asyncio.Event)
    _asked: dict[Room, float] = field(default_factory=dict)

    def answer(self, frame: Frame) -> None:
        self.outbox.answer(packed([encode(frame)]))

    def ack(self, room: Room, batch: bytes, status: Status) -> None:
        self.ack_all([encode(Ack(room, batch, status))])

    def ack_all(self, acks: Sequence[bytes]) -> None:
        self.outbox.answer(packed(acks, loose=True))

    def end(self, closing: Closing) -> None:
        self.outbox.end(closing)

    def abandon(self, closing: Closing) -> None:
        """End it without sending what waits: the client takes nothing."""
        self.outbox.end(closing)
        self.cancel()

    def ask_to_rejoin(self, room: Room, why: str) -> None:
        """Have the client compare versions; once a second at most, so it may come later."""
        loop = asyncio.get_running_loop()
        due, now = self._asked.get(room, float("-inf")) + REJOIN_SECONDS, loop.time()
        if due > now + REJOIN_SECONDS:
            return  # it waits already
        self._asked[room] = max(due, now)
        if due <= now:
            self._ask(room, why)
            return
        loop.call_at(due, self._ask, room, why)

    def _ask(self, room: Room, why: str) -> None:
        if room in self.seats and not self.is_gone:
            self.answer(RoomError(room, RoomFault.REJOIN, why))

    def leave(self, room: Room) -> None:
        seat = self.seats.pop(room, None)
        self._asked.pop(room, None)
        self.fragments.leave(room)
        self.outbox.caught_up(room)
        if seat is not None:
            seat.table.leave(self)

    def leave_all(self) -> None:
        """The socket is gone, or about to be."""
        self.is_gone = True
        for room in list(self.seats):
            self.leave(room)

    def expects(self, size: int) -> None:
        self.unsettled += size

    def settled(self, size: int) -> None:
        self.unsettled -= size
        if self.unsettled <= UNSETTLED_BYTES:
            self._settled.set()

    @property
    def must_wait(self) -> bool:
        """Has this client to read, or the disk to take, some of what there is first?"""
        return self.outbox.is_full or self.unsettled > UNSETTLED_BYTES

    async def turn_to_read(self) -> None:
        """Wait until that is so no longer."""
        await self.outbox.room()
        while self.unsettled > UNSETTLED_BYTES and self.outbox.closing is None:
            self._settled.clear()
            await self._settled.wait()
