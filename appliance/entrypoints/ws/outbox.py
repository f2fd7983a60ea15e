"""What waits to be sent to one connection: bounded, so that one who does not read costs nobody else anything."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast

from litestar.types import WebSocketSendEvent

from appliance.core.sync.frames import Room
from appliance.entrypoints.ws.closing import Closing

Send: TypeAlias = Callable[[WebSocketSendEvent], Awaitable[None]]

# Sends that are under way at the same time on one connection: together they cost a half of one after the other.
BURST = 64


@dataclass(slots=True)
class Parcel:
    """Frames ready to be sent. News to many is packed once, and every outbox holds the same one.

    `is_loose`: the server may swap its frames with those of other loose parcels before and after it. That is so
    for acknowledgements and for whole updates, which a replica puts in order by itself.
    """

    events: Sequence[WebSocketSendEvent]
    size: int
    is_loose: bool


def packed(frames: Sequence[bytes], *, loose: bool = False) -> Parcel:
    return Parcel([_event(frame) for frame in frames], sum(map(len, frames)), loose)


def _event(frame: bytes) -> WebSocketSendEvent:
    return cast("WebSocketSendEvent", {"type": "websocket.send", "bytes": frame})


PONG = Parcel([cast("WebSocketSendEvent", {"type": "websocket.send", "text": "pong"})], 4, is_loose=False)


@dataclass(slots=True)
class Outbox:
    """The frames of one connection, in order, and the one task that sends them.

    News of a room may be thrown away: the client gets them when it joins again, which `on_drained` asks it to,
    once it has read what there is. Answers are kept; whoever gets too many of them is not listened to until
    it reads (`room`).
    """

    limit: int
    now: Callable[[], float]
    on_drained: Callable[[Room], None]
    size: int = 0
    dropped: int = 0
    sending_since: float | None = None
    closing: Closing | None = None
    _waiting: deque[tuple[Parcel, Room | None]] = field(default_factory=deque)
    _behind: dict[Room, Literal["missing", "told"]] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _room: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, parcel: Parcel) -> None:
        """Send this, whatever there is already."""
        self._put(parcel, None)

    def tell(self, parcel: Parcel, room: Room) -> bool:
        """Send news of a room. False if they are dropped."""
        if room in self._behind:
            self.dropped += 1
            return False
        if self.size + parcel.size > self.limit:
            self._fall_behind(room)
            return False
        self._put(parcel, room)
        return True

    def caught_up(self, room: Room) -> None:
        """The client joined the room (again): it has, or gets now, all that was dropped."""
        self._behind.pop(room, None)

    def end(self, closing: Closing) -> None:
        """Send what is waiting, then close. The first reason counts."""
        if self.closing is None:
            self.closing = closing
            self._wake.set()

    @property
    def is_full(self) -> bool:
        return self.size > self.limit

    async def room(self) -> None:
        """Wait until there is room for answers."""
        while self.is_full and self.closing is None:
            self._room.clear()
            await self._room.wait()

    async def write(self, send: Send) -> None:
        """Send until there is nothing left and the connection is to be closed."""
        while True:
            while self._waiting:
                self.sending_since = self.now()
                if self._waiting[0][0].is_loose:
                    await self._send_loose(send)
                else:
                    await self._send_next(send)
                self.sending_since = None
            if self.closing is not None:
                return
            self._wake.clear()
            await self._wake.wait()

    async def _send_next(self, send: Send) -> None:
        parcel, _ = self._waiting.popleft()
        for event in parcel.events:
            self.sending_since = self.now()
            await send(event)
        self._took(parcel)

    async def _send_loose(self, send: Send) -> None:
        """Start several sends, then wait for all of them. The server starts one when it is called."""
        under_way: list[Awaitable[None]] = []
        taken: list[Parcel] = []
        while self._waiting and self._waiting[0][0].is_loose and len(under_way) < BURST:
            parcel, _ = self._waiting.popleft()
            under_way += map(send, parcel.events)
            taken.append(parcel)
        for sent in under_way:
            await sent
        for parcel in taken:
            self._took(parcel)

    def _put(self, parcel: Parcel, room: Room | None) -> None:
        if self.closing is not None:
            return
        self.size += parcel.size
        self._waiting.append((parcel, room))
        self._wake.set()

    def _took(self, parcel: Parcel) -> None:
        self.size -= parcel.size
        if self.size <= self.limit:
            self._room.set()
        if not self._waiting and self._behind:
            for room in [room for room, state in self._behind.items() if state == "missing"]:
                self._behind[room] = "told"
                self.on_drained(room)

    def _fall_behind(self, room: Room) -> None:
        kept = deque(item for item in self._waiting if item[1] != room)
        self.dropped += 1 + len(self._waiting) - len(kept)
        self.size = self.size - sum(parcel.size for parcel, of in self._waiting if of == room)
        self._waiting = kept
        self._behind[room] = "missing"
        self._wake.set()
