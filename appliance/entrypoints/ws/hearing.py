"""What a client says, frame by frame, and what comes of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from appliance.core.limits import SYNC_MESSAGE_BYTES
from appliance.core.sync.decode import BadFrame, UnsupportedRoom, decode, refuse_unsupported
from appliance.core.sync.fragments import BadFragment
from appliance.core.sync.frames import DocUpdate, Fragment, FragmentHeader, Frame, Join, Leave, Room, Status
from appliance.entrypoints.ws import closing
from appliance.entrypoints.ws.connection import Connection, Holder, Seat
from appliance.entrypoints.ws.counts import Outcome
from appliance.entrypoints.ws.hub import Hub
from appliance.entrypoints.ws.outbox import PONG, packed

_log = logging.getLogger("hakiri.sync")


@dataclass(frozen=True, slots=True)
class Hearing:
    """Listens to one connection."""

    hub: Hub
    connection: Connection

    def hear_text(self, text: str) -> None:
        """Anything but a ping is ignored: the protocol has no other text."""
        if len(text) > SYNC_MESSAGE_BYTES:
            self.connection.end(closing.TOO_LARGE)
        elif text == "ping":
            self.connection.outbox.answer(PONG)

    def hear(self, data: bytes, now: float) -> Join | None:
        """Obey one frame; one that is none ends the connection. A join is returned: it takes its time."""
        if len(data) > SYNC_MESSAGE_BYTES:
            self.connection.end(closing.TOO_LARGE)
            return None
        try:
            frame = decode(data)
        except UnsupportedRoom:
            answer = refuse_unsupported(data)
            if answer is not None:
                self.connection.outbox.answer(packed([answer]))
        except BadFrame as error:
            _log.info("closed: %s", error)
            self.connection.end(closing.NONSENSE)
        else:
            # What is not answered before a restart is sent again after it.
            return None if self.hub.is_closing else self._obey(frame, now)
        return None

    def _obey(self, frame: Frame, now: float) -> Join | None:
        if isinstance(frame, DocUpdate):
            self._deliver(frame.room, frame.batch, frame.updates)
        elif isinstance(frame, Join):
            return frame
        elif isinstance(frame, FragmentHeader | Fragment):
            self._gather(frame, now)
        elif isinstance(frame, Leave):
            self.connection.leave(frame.room)
        # An Ack says that the client could not apply something, a JoinError that it let go.
        return None

    def _deliver(self, room: Room, batch: bytes, updates: Sequence[bytes]) -> None:
        allowed = self._allowed(room, batch)
        if allowed is not None:
            seat, holder = allowed
            seat.table.take(self.connection, holder, batch, updates)

    def _gather(self, frame: FragmentHeader | Fragment, now: float) -> None:
        try:
            if isinstance(frame, FragmentHeader):
                if self._allowed(frame.room, frame.batch) is not None:
                    self.connection.fragments.begin(frame, now)
                return
            whole = self.connection.fragments.add(frame, now)
        except BadFragment as error:
            outcome = Outcome.TOO_LARGE if error.status is Status.TOO_LARGE else Outcome.INVALID
            self.hub.counts.deliveries[outcome] += 1
            self.connection.ack(frame.room, frame.batch, error.status)
        else:
            if whole is not None:
                self._deliver(frame.room, frame.batch, [whole])

    def _allowed(self, room: Room, batch: bytes) -> tuple[Seat, Holder] | None:
        """May this client write there? If not, it is told."""
        seat, holder = self.connection.seats.get(room), self.connection.holder
        if seat is not None and holder is not None and seat.writes:
            return seat, holder
        self.hub.counts.deliveries[Outcome.DENIED] += 1
        self.connection.ack(room, batch, Status.DENIED)
        return None
