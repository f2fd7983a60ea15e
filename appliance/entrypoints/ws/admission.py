"""Who is let into a room, and what they get first."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from appliance.core.config_doc import DocBroken
from appliance.core.draft import RoomId
from appliance.core.errors import Invalid, NotFound, Unauthorized, Unavailable
from appliance.core.limits import SYNC_ROOMS_PER_CONNECTION
from appliance.core.sync.encode import encode, frames_of
from appliance.core.sync.frames import Join, JoinError, JoinFault, JoinOk, Kind
from appliance.core.team import Action, may
from appliance.entrypoints.ws import closing
from appliance.entrypoints.ws.company import Company
from appliance.entrypoints.ws.connection import Connection, Holder, Seat, Table
from appliance.entrypoints.ws.hub import Hub
from appliance.entrypoints.ws.meeting import Meeting, Seated
from appliance.entrypoints.ws.outbox import packed
from appliance.services.room_events import Joined

_log = logging.getLogger("hakiri.sync")

# A token is longer than what people mistype, and shorter than this, in bytes.
TOKEN_BYTES = 256
BAD_TOKENS = 3


@dataclass(frozen=True, slots=True)
class Admission:
    """One connection asks to be let into a room."""

    hub: Hub
    connection: Connection

    async def join(self, asked: Join) -> None:
        """Seat the client, or tell it why not."""
        try:
            holder = await self._holder(asked)
        except Unauthorized as error:
            self._refuse(asked, JoinFault.AUTH_FAILED, str(error))
            self.connection.bad_tokens += 1
            if self.connection.bad_tokens >= BAD_TOKENS:
                self.connection.end(closing.BAD_TOKEN)
            return
        except Unavailable:
            # The stock client takes a refusal for the last word; a closed connection it opens again.
            self.connection.end(closing.UNAVAILABLE)
            return
        if self._is_one_too_many(holder):
            self.connection.end(closing.TOO_MANY)
            return
        self.connection.holder = holder
        await self._seat(asked, holder)

    async def _holder(self, asked: Join) -> Holder:
        """Raises Unauthorized, Unavailable."""
        if not 0 < len(asked.auth) <= TOKEN_BYTES or not asked.auth.isascii():
            raise Unauthorized("send a token as the payload of the join")
        token = asked.auth.decode("ascii")
        actor = await asyncio.to_thread(self.hub.control.teams.authenticate, token)
        holder = self.connection.holder
        if holder is not None and holder.token != token:
            raise Unauthorized("this connection belongs to another token; open one for each")
        return holder or Holder(actor, token)

    def _is_one_too_many(self, holder: Holder) -> bool:
        if self.connection.holder is not None:
            return False
        return self.hub.of_token(holder.actor.token_id) >= self.hub.limits.connections_per_token

    async def _seat(self, asked: Join, holder: Holder) -> None:
        room_id = RoomId.parse(asked.room.name)
        if room_id is None:
            self._refuse(asked, JoinFault.APP, "a room's name is config:<draft>:<epoch>", app_code="not_found")
            return
        if asked.room not in self.connection.seats and len(self.connection.seats) >= SYNC_ROOMS_PER_CONNECTION:
            self._refuse(asked, JoinFault.APP, f"at most {SYNC_ROOMS_PER_CONNECTION} rooms", app_code="too_many_rooms")
            return
        seat = self._seat_in_document if asked.room.kind is Kind.DOC else self._seat_in_company
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self.hub.crew, seat, loop, asked, room_id, holder)
        except NotFound as error:
            self._refuse(asked, JoinFault.APP, str(error), app_code=error.code)
        except (Unavailable, DocBroken) as error:
            _log.error("%s: %s", room_id, error)
            self.connection.end(closing.UNAVAILABLE)

    def _seat_in_document(self, loop: asyncio.AbstractEventLoop, asked: Join, room_id: RoomId, holder: Holder) -> None:
        """On the rooms' thread. Nothing is merged between what the client gets now and what it gets as news."""
        rooms = self.hub.control.rooms
        with rooms.turn:
            meeting = self._meeting(loop, room_id)
            try:
                joined = meeting.room.join(asked.version)
            except Invalid as error:
                own = meeting.room.join(b"").version
                loop.call_soon_threadsafe(self._refuse_version, asked, str(error), own)
                return
            meeting.note(Seated(lambda: self._welcome(asked, holder, meeting, joined)))

    def _meeting(self, loop: asyncio.AbstractEventLoop, room_id: RoomId) -> Meeting:
        """Within the turn. Raises RoomMoved, NotFound, Unavailable."""
        room = self.hub.control.rooms.find(room_id)
        known = self.hub.meetings.get(room_id)
        if known is not None and known.room is room:
            return known
        hub = self.hub
        made = Meeting(room, hub.crew, loop, hub.fresh, hub.counts, hub.room_ended)
        made.stop_watching = room.watch(made.note)
        hub.meetings[room_id] = made
        return made

    def _welcome(self, asked: Join, holder: Holder, meeting: Meeting, joined: Joined) -> Connection | None:
        if self.connection.is_gone:
            return None
        writes = may(holder.actor.role, Action.EDIT)
        self._sit(asked, meeting, writes=writes)
        frames = [encode(JoinOk(asked.room, writes, joined.version))]
        if joined.missing:
            frames += frames_of(asked.room, [joined.missing], self.hub.fresh)
        self.connection.outbox.answer(packed(frames))
        return self.connection

    def _seat_in_company(self, loop: asyncio.AbstractEventLoop, asked: Join, room_id: RoomId, _: Holder) -> None:
        """On the rooms' thread: only where there is a document there is company."""
        with self.hub.control.rooms.turn:
            self._meeting(loop, room_id)
            loop.call_soon_threadsafe(self._enter, asked, room_id)

    def _enter(self, asked: Join, room_id: RoomId) -> None:
        hub = self.hub
        if self.connection.is_gone or room_id not in hub.meetings:
            return
        company = hub.companies.get(room_id)
        if company is None:
            company = Company(room_id, hub.control.presence(hub.limits.presence), hub.fresh)
            hub.companies[room_id] = company
        # Whoever may look may be seen.
        self._sit(asked, company, writes=True)
        self.connection.outbox.answer(packed([encode(JoinOk(asked.room, writes=True, version=b""))]))
        company.enter(self.connection)

    def _sit(self, asked: Join, table: Table, *, writes: bool) -> None:
        self.connection.outbox.caught_up(asked.room)
        self.connection.seats[asked.room] = Seat(table, writes, self.hub.control.on.clock.now())

    def _refuse_version(self, asked: Join, message: str, own: bytes) -> None:
        self.connection.answer(JoinError(asked.room, JoinFault.VERSION_UNKNOWN, message, version=own))

    def _refuse(self, asked: Join, fault: JoinFault, message: str, *, app_code: str = "") -> None:
        self.connection.answer(JoinError(asked.room, fault, message, app_code=app_code))
