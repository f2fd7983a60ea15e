"""Everything that is open at this door, and the rounds that look after it."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from appliance.bootstrap import Control
from appliance.core.draft import RoomId
from appliance.core.errors import Unauthorized, Unavailable
from appliance.core.limits import (
    PRESENCE_SECONDS,
    SYNC_CONNECTIONS_PER_TOKEN,
    SYNC_JOIN_SECONDS,
    SYNC_MESSAGES_PER_SECOND,
    SYNC_OUTBOX_BYTES,
)
from appliance.core.sync.fragments import Fragments
from appliance.core.sync.frames import Kind, Room, RoomError, RoomFault, Status
from appliance.entrypoints.ws import closing
from appliance.entrypoints.ws.budget import Budget
from appliance.entrypoints.ws.company import Company
from appliance.entrypoints.ws.connection import Connection, Holder
from appliance.entrypoints.ws.counts import BY_CLIENT, Counts
from appliance.entrypoints.ws.meeting import Meeting
from appliance.entrypoints.ws.outbox import Outbox

_log = logging.getLogger("hakiri.sync")

# How long a stop waits for what came in to be stored, and for editors to take their leave, in seconds.
DRAIN = 3.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a connection may do, and for how long it may do nothing. Times in seconds.

    The stock client says `ping` every 30 s, so one that was not heard of for `silent` is gone; its presence went
    before, since nothing renewed it.
    """

    connections: int = 1_000
    strangers: int = 400
    connections_per_token: int = SYNC_CONNECTIONS_PER_TOKEN
    messages_per_second: float = SYNC_MESSAGES_PER_SECOND
    outbox_bytes: int = SYNC_OUTBOX_BYTES
    join: float = SYNC_JOIN_SECONDS
    silent: float = 75.0
    stuck: float = 30.0
    presence: float = PRESENCE_SECONDS
    look: float = 1.0
    check_tokens: float = 2.0
    expire: float = 5.0


@dataclass(frozen=True, slots=True)
class Here:
    """Somebody in a room."""

    member: str
    room: str
    connected_at: datetime


@dataclass(slots=True, eq=False)
class Hub:
    """Belongs to the event loop's thread. What reads or changes documents runs on `crew`, one thread."""

    control: Control
    limits: Limits = field(default_factory=Limits)
    counts: Counts = field(default_factory=Counts)
    connections: set[Connection] = field(default_factory=set)
    meetings: dict[RoomId, Meeting] = field(default_factory=dict)
    companies: dict[RoomId, Company] = field(default_factory=dict)
    is_closing: bool = False
    crew: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="rooms"))
    _batches: itertools.count[int] = field(default_factory=lambda: itertools.count(secrets.randbits(62)))
    _rounds: list[asyncio.Task[None]] = field(default_factory=list)

    def fresh(self) -> bytes:
        """Names a batch of ours."""
        return next(self._batches).to_bytes(8, "big")

    def open(self) -> Connection:
        """Count a new connection in. It may be told at once to come later."""
        loop = asyncio.get_running_loop()
        self._begin_rounds()
        connection = Connection(
            outbox=Outbox(self.limits.outbox_bytes, loop.time, _nobody),
            budget=Budget(self.limits.messages_per_second),
            fragments=Fragments(),
            opened_at=loop.time(),
            heard_at=loop.time(),
        )
        connection.outbox.on_drained = lambda room: connection.ask_to_rejoin(room, "you read too slowly")
        if self.is_closing:
            connection.end(closing.RESTART)
        elif len(self.connections) >= self.limits.connections:
            connection.end(closing.FULL)
        else:
            self._turn_away_strangers()
        self.connections.add(connection)
        return connection

    def _turn_away_strangers(self) -> None:
        """Whoever showed no token makes room, the longest silent one first, so that nobody can take every place."""
        strangers = [one for one in self.connections if one.holder is None and one.outbox.closing is None]
        if len(strangers) >= self.limits.strangers:
            min(strangers, key=lambda one: one.opened_at).end(closing.FULL)

    def forget(self, connection: Connection) -> None:
        """The connection is over; the others learn who is gone."""
        connection.leave_all()
        self.connections.discard(connection)
        ended = connection.outbox.closing
        self.counts.closed[str(int(ended.code)) if ended else BY_CLIENT] += 1

    def of_token(self, token_id: str) -> int:
        """How many connections showed this token."""
        return sum(one.holder is not None and one.holder.actor.token_id == token_id for one in self.connections)

    def here(self) -> list[Here]:
        """Who is in which document, in the order of rooms and names."""
        found = [
            Here(one.holder.actor.name, place.name, seat.joined_at)
            for one in self.connections
            if one.holder is not None
            for place, seat in one.seats.items()
            if place.kind is Kind.DOC
        ]
        return sorted(found, key=lambda here: (here.room, here.member, here.connected_at))

    def room_ended(self, room_id: RoomId, why: str) -> None:
        """Presence ends with its document."""
        self.meetings.pop(room_id, None)
        company = self.companies.pop(room_id, None)
        for member in list(company.members) if company else ():
            place = Room(Kind.PRESENCE, str(room_id))
            member.answer(RoomError(place, RoomFault.REJOIN, why))
            member.leave(place)

    async def drain(self, seconds: float = DRAIN) -> None:
        """Take nothing more in, store and answer what came, and send everybody away to come back."""
        self.is_closing = True
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        for meeting in list(self.meetings.values()):
            await asyncio.wait([loop.create_task(meeting.idle())], timeout=max(until - loop.time(), 0.0))
        for connection in self.connections:
            connection.end(closing.RESTART)
        while self.connections and loop.time() < until:  # noqa: ASYNC110 - sockets end one by one, in tasks of the server
            await asyncio.sleep(0.005)
        for each in self._rounds:
            each.cancel()
        for meeting in self.meetings.values():
            meeting.stop_watching()
        self.crew.shutdown(wait=False)

    def _begin_rounds(self) -> None:
        if self._rounds:
            return
        limits, loop = self.limits, asyncio.get_running_loop()
        rounds = (
            (self._look, limits.look), (self._expire, limits.expire), (self._check_tokens, limits.check_tokens)
        )  # fmt: skip
        self._rounds += [loop.create_task(_every(seconds, once)) for once, seconds in rounds]

    async def _look(self) -> None:
        """End what is over, in one way or another."""
        now = asyncio.get_running_loop().time()
        for one in list(self.connections):
            stuck_since = one.outbox.sending_since
            if stuck_since is not None and now - stuck_since > self.limits.stuck:
                one.abandon(closing.STUCK)
            elif one.holder is None and now - one.opened_at > self.limits.join:
                one.end(closing.NOT_JOINED)
            elif now - one.heard_at > self.limits.silent:
                one.end(closing.SILENT)
            for place, batch in one.fragments.expire(now):
                one.ack(place, batch, Status.FRAGMENT_TIMEOUT)

    async def _expire(self) -> None:
        for company in self.companies.values():
            company.expire()

    async def _check_tokens(self) -> None:
        """End connections whose token is good no longer."""
        holders = {one.holder.token: one.holder for one in self.connections if one.holder is not None}
        for holder in holders.values():
            ended = await self._ended(holder)
            if ended is not None:
                self._end_all(holder, ended)

    def _end_all(self, holder: Holder, ended: closing.Closing) -> None:
        for one in self.connections:
            if one.holder is not None and one.holder.token == holder.token:
                one.end(ended)

    async def _ended(self, holder: Holder) -> closing.Closing | None:
        """Why connections with this token end, if they do."""
        try:
            actor = await asyncio.to_thread(self.control.teams.authenticate, holder.token)
        except Unauthorized:
            return closing.TOKEN_ENDED
        except Unavailable as error:
            _log.error("tokens of open connections: %s", error)
            return None
        return None if actor == holder.actor else closing.ROLE_CHANGED


def _nobody(_: Room) -> None:
    """Until the connection is made, there is nobody to tell."""


async def _every(seconds: float, once: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await once()
        except Exception:  # noqa: BLE001 - one bad round must not end the rounds that everything waits for
            _log.exception("%s", once)
