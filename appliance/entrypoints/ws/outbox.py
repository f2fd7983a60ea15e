"""What waits to be sent to one connection: bounded, so that one who does not read costs nobody else anything."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias, cast

from litestar.types import WebSocketSendEvent

from appliance.core.sync.frames import Room
from appliance.entrypoints.ws.closing import Closing

Send: TypeAlias = Callable[[WebSocketSendEvent], Awaitable[None]]

# Sends that are under way at the same time on one connection: together they cost a half of one after the other.
BURST = 64


class Sent(Protocol):
    """A send that the server has started. One that nobody waits for costs a tenth."""

    def done(self) -> bool: ...
    def __await__(self) -> Generator[object, None, None]: ...


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

    While that task has nothing to do, loose parcels are sent without it: their sends are started, and looked at when
    there is a reason to.

    News of a room may be thrown away: the client gets them when it joins again, which `on_drained` asks it to,
    once it has read what there is. Answers are kept; whoever gets too many of them is not listened to until
    it reads (`room`).
    """

    limit: int
    now: Callable[[], float]
    on_drained: Callable[[Room], None]
    size: int = 0
    dropped: int = 0
    closing: Closing | None = None
    _waiting: deque[tuple[Parcel, Room | None]] = field(default_factory=deque)
    _behind: dict[Room, Literal["missing", "told"]] = field(default_factory=dict)
    _start: Callable[[WebSocketSendEvent], Sent] | None = None
    _under_way: deque[tuple[Parcel, Sequence[Sent]]] = field(default_factory=deque)
    _since: float | None = None
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
        if self.size + parcel.size > self.limit and self._settled_size() + parcel.size > self.limit:
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

    @property
    def sending_since(self) -> float | None:
        """Since when the client has taken nothing of what is on its way to it; None if nothing is."""
        self._settled_size()
        return self._since

    async def write(self, send: Send, *, starts: bool = False) -> None:
        """Send until there is nothing left and the connection is to be closed.

        `starts`: a send is under way once `send` was called, waited for or not.
        """
        while True:
            self._start = None
            await self._settle()
            while self._waiting:
                self._since = self.now()
                if self._waiting[0][0].is_loose:
                    await self._send_loose(send)
                else:
                    await self._send_next(send)
                self._since = None
            if self.closing is not None:
                return
            self._wake.clear()
            self._start = cast("Callable[[WebSocketSendEvent], Sent]", send) if starts else None
            await self._wake.wait()

    async def _send_next(self, send: Send) -> None:
        parcel, _ = self._waiting.popleft()
        for event in parcel.events:
            self._since = self.now()
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
        if self._start is not None and parcel.is_loose and self._has_room_under_way():
            self._since = self._since or self.now()
            self._under_way.append((parcel, [self._start(event) for event in parcel.events]))
            return
        self._start = None
        self._waiting.append((parcel, room))
        self._wake.set()

    def _has_room_under_way(self) -> bool:
        """Room enough for what nobody waits for: the bounds are kept by the task."""
        if self.size > self.limit // 2 or len(self._under_way) >= BURST:
            return self._settled_size() <= self.limit // 2 and len(self._under_way) < BURST
        return True

    def _settled_size(self) -> int:
        """What is left, without what has been sent by now."""
        while self._under_way and self._under_way[0][1][-1].done():
            parcel, _ = self._under_way.popleft()
            self._since = self.now() if self._under_way else None
            self._took(parcel)
        return self.size

    async def _settle(self) -> None:
        while self._under_way:
            parcel, sent = self._under_way.popleft()
            for one in sent:
                await one
            self._since = self.now() if self._under_way else None
            self._took(parcel)

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
