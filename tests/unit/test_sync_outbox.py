"""An outbox whose server starts a send when it is called, as the real one does, and ends it when the client reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from litestar.types import WebSocketSendEvent

from appliance.core.sync.frames import Kind, Room
from appliance.entrypoints.ws.outbox import Outbox, packed

ROOM = Room(Kind.DOC, "config:main:0123456789ab")
LIMIT = 1_000


@dataclass
class Wire:
    """What the server was given, and the sends that the client has not read yet."""

    time: float = 0.0
    frames: list[bytes] = field(default_factory=list)
    unread: list[asyncio.Future[None]] = field(default_factory=list)
    asked: list[Room] = field(default_factory=list)

    def send(self, event: WebSocketSendEvent) -> asyncio.Future[None]:
        self.frames.append(event["bytes"] or b"")
        self.unread.append(asyncio.get_running_loop().create_future())
        return self.unread[-1]

    def read(self) -> None:
        for one in self.unread:
            one.set_result(None)
        self.unread = []


def served(scene: Callable[[Wire, Outbox], Coroutine[None, None, None]]) -> None:
    async def play() -> None:
        wire = Wire()
        outbox = Outbox(LIMIT, lambda: wire.time, wire.asked.append)
        writing = asyncio.create_task(outbox.write(wire.send, starts=True))
        await settle()
        try:
            await scene(wire, outbox)
        finally:
            writing.cancel()
            with suppress(asyncio.CancelledError):
                await writing

    asyncio.run(play())


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_loose_parcels_are_on_their_way_at_once() -> None:
    async def scene(wire: Wire, outbox: Outbox) -> None:
        outbox.answer(packed([b"ack"], loose=True))
        assert outbox.tell(packed([b"news"], loose=True), ROOM)
        assert wire.frames == [b"ack", b"news"]

    served(scene)


def test_what_must_keep_its_order_waits_for_what_is_under_way() -> None:
    async def scene(wire: Wire, outbox: Outbox) -> None:
        outbox.answer(packed([b"ack"], loose=True))
        outbox.answer(packed([b"header", b"fragment"]))
        outbox.answer(packed([b"later"], loose=True))
        await settle()
        assert wire.frames == [b"ack"]
        for expected in ([b"header"], [b"fragment"], [b"later"]):
            wire.read()
            await settle()
            assert wire.frames[-1:] == expected

    served(scene)


def test_a_client_that_takes_nothing_is_known_since_when() -> None:
    async def scene(wire: Wire, outbox: Outbox) -> None:
        assert outbox.sending_since is None
        wire.time = 5.0
        outbox.answer(packed([b"ack"], loose=True))
        wire.time = 9.0
        outbox.answer(packed([b"ack"], loose=True))
        assert outbox.sending_since == 5.0
        wire.read()
        assert outbox.sending_since is None

    served(scene)


def test_news_are_dropped_once_the_client_is_too_far_behind_and_made_up_for_when_it_reads() -> None:
    async def scene(wire: Wire, outbox: Outbox) -> None:
        told = [outbox.tell(packed([bytes(300)], loose=True), ROOM) for _ in range(5)]
        assert told == [True, True, True, False, False]
        for _ in range(3):
            wire.read()
            await settle()
        assert wire.asked == [ROOM]
        assert outbox.size == 0

    served(scene)


@pytest.mark.parametrize("size", [100, 400])
def test_what_was_read_leaves_room_for_more(size: int) -> None:
    async def scene(wire: Wire, outbox: Outbox) -> None:
        for _ in range(20):
            assert outbox.tell(packed([bytes(size)], loose=True), ROOM)
            wire.read()
            await settle()
        assert wire.asked == []

    served(scene)
