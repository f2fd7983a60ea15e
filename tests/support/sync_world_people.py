"""People who edit one draft over the real protocol, and what the server acknowledged to each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from loro import ExportMode, LoroDoc, VersionVector

from appliance.core.sync.frames import Ack, Frame, JoinError, JoinOk, Status
from tests.support.sync_client import Editor, new_doc
from tests.support.sync_socket import Closed

# By peer: the first counter, and the one after the last.
Spans: TypeAlias = Mapping[int, tuple[int, int]]


@dataclass(frozen=True)
class Member:
    """Somebody with a token."""

    name: str
    token: str
    writes: bool = True


@dataclass
class Ledger:
    """What was acknowledged in one document, and by whom it was delivered. `sent` is how far each peer ever sent."""

    acknowledged: list[tuple[str, Spans]] = field(default_factory=list)
    sent: dict[int, int] = field(default_factory=dict)
    made: dict[int, int] = field(default_factory=dict)


class Person(Editor):
    """A member at a replica of their own, on a line that can be cut.

    `held` are edits that were made and not sent, `gone` those that were sent by themselves, to be sent again.
    """

    def __init__(self, port: int, member: Member, room: str, ledger: Ledger, *, peer: int) -> None:
        doc = new_doc()
        doc.peer_id = peer
        self.member, self.ledger, self.peer = member, ledger, peer
        self.held: list[bytes] = []
        self.gone: list[bytes] = []
        self.sent: dict[bytes, Spans] = {}
        self.refusals: list[Status] = []
        super().__init__(port, member.token, room, doc=doc)

    @property
    def is_online(self) -> bool:
        return self.closed is None

    def connect(self, *, receive_buffer: int | None = None) -> None:
        self.sent = {}
        super().connect(receive_buffer=receive_buffer)

    def come(self) -> bool:
        """Join, with all that was made meanwhile. False if the draft is elsewhere."""
        answer = self.ask()
        if isinstance(answer, JoinError):
            assert answer.app_code == "room_moved", answer
            return False
        assert isinstance(answer, JoinOk), answer
        server = VersionVector.decode(answer.version)
        self.until(lambda: self.doc.oplog_vv.includes_vv(server))
        self.gone += self.held
        self.held = []
        return True

    def cut(self) -> None:
        """The line is dead: nobody reads what was under way."""
        self.socket.vanish()
        self.closed = Closed(1006, "cut")

    def make(self, change: Callable[[LoroDoc], object], *, hold: bool) -> None:
        """Edit; send it now, or perhaps later. Offline, the replica keeps it until the next join."""
        before = self.doc.oplog_vv
        change(self.doc)
        self.doc.commit()
        if self.doc.oplog_vv == before:
            return
        update = self.doc.export(ExportMode.Updates(before))
        self.ledger.made[self.peer] = spans_of(update)[self.peer][1]
        if not self.is_online:
            return
        if hold:
            self.held.append(update)
        else:
            self.post(update)

    def post(self, update: bytes) -> None:
        """Send, if there is anybody to send to."""
        self.gone.append(update)
        try:
            self.send(update)
        except OSError:
            self.drain()

    def send(self, *updates: bytes) -> bytes:
        batch = super().send(*updates)
        [update] = updates
        self.sent[batch] = spans_of(update)
        for peer, (_, end) in self.sent[batch].items():
            self.ledger.sent[peer] = max(end, self.ledger.sent.get(peer, 0))
        return batch

    def flush(self) -> None:
        """Send all that is held, and wait until the server has said something to everything."""
        for update in self.held:
            self.post(update)
        self.held = []
        if self.is_online:
            self.until(lambda: not self.sent or self.evicted)

    def drain(self, seconds: float = 5.0) -> None:
        """The server is gone: take what it said last."""
        self.until_closed(seconds)
        self.socket.close()

    def until_closed(self, seconds: float) -> None:
        while self.closed is None:
            try:
                assert self.read(seconds), "the server is gone, and the connection is not"
            except OSError:
                self.closed = Closed(1006, "broken")

    def _take(self, frame: Frame) -> None:
        super()._take(frame)
        if isinstance(frame, Ack) and frame.batch in self.sent:
            spans = self.sent.pop(frame.batch)
            if frame.status is Status.OK:
                self.ledger.acknowledged.append((self.member.name, spans))
            elif self.evicted is None:
                self.refusals.append(frame.status)


def spans_of(update: bytes) -> Spans:
    meta = LoroDoc.decode_import_blob_meta(update, True)
    return meta.partial_end_vv.sub_vec(meta.partial_start_vv).inner()


def online(people: Sequence[Person]) -> Sequence[Person]:
    return [person for person in people if person.is_online]
