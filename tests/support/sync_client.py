"""An editor for tests: a replica of a document, kept in step with the server over the real protocol."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from loro import EphemeralStore, ExportMode, LoroDoc, LoroMap, VersionVector

from appliance.core.sync.decode import decode
from appliance.core.sync.encode import encode, frames_of
from appliance.core.sync.frames import (
    Ack,
    DocUpdate,
    Fragment,
    FragmentHeader,
    Frame,
    Join,
    JoinError,
    JoinOk,
    Kind,
    Leave,
    Room,
    RoomError,
    RoomFault,
    Status,
)
from tests.support.sync_socket import Closed, SyncSocket

SECONDS = 15.0


def fresh() -> bytes:
    return os.urandom(8)


class Editor:
    """Reads only when it is asked to: no threads. `room` is the name both its rooms have."""

    def __init__(self, port: int, token: str, room: str, *, doc: LoroDoc | None = None) -> None:
        self.port, self.token, self.room = port, token, room
        self.document, self.presence = Room(Kind.DOC, room), Room(Kind.PRESENCE, room)
        self.doc = doc or new_doc()
        self.here = EphemeralStore(45_000)
        self.rejoins = 0
        self.connect()

    def connect(self, *, receive_buffer: int | None = None) -> None:
        self.socket = SyncSocket(self.port, receive_buffer=receive_buffer)
        self.acks: dict[bytes, Status] = {}
        self.joined: JoinOk | None = None
        self.refused: JoinError | None = None
        self.evicted: RoomError | None = None
        self.closed: Closed | None = None
        self.heard: list[Frame | str] = []
        self._pieces: dict[bytes, tuple[int, list[bytes]]] = {}

    def join(self, *, version: bytes | None = None) -> JoinOk:
        """Join the document, get what is missing, and send what the server lacks."""
        answer = self.ask(version=version)
        assert isinstance(answer, JoinOk), answer
        return answer

    def ask(self, *, version: bytes | None = None) -> JoinOk | JoinError | Closed:
        """Ask to join the document; what the server says."""
        self.joined = self.refused = None
        own = self.doc.oplog_vv.encode() if version is None else version
        self.say(Join(self.document, self.token.encode(), own))
        self.until(lambda: self.joined or self.refused or self.closed)
        return self.joined or self.refused or self.closed  # type: ignore[return-value]

    def appear(self) -> None:
        """Join the presence."""
        self.say(Join(self.presence, self.token.encode(), b""))
        self.until(lambda: any(isinstance(one, JoinOk) and one.room == self.presence for one in self.heard))

    def tell(self, key: str, value: Any) -> bytes:
        """Say something of oneself; None takes it back."""
        if value is None:
            self.here.delete(key)
        else:
            self.here.set(key, value)
        batch = fresh()
        self.say(DocUpdate(self.presence, batch, [self.here.encode(key)]))
        return batch

    def edit(self, change: Callable[[LoroDoc], object]) -> bytes:
        """Change the replica and send it; return the batch."""
        before = self.doc.oplog_vv
        change(self.doc)
        self.doc.commit()
        return self.send(self.doc.export(ExportMode.Updates(before)))

    def set(self, field: str, value: Any, *, pipeline: str = "orders") -> bytes:
        return self.edit(lambda doc: pipeline_map(doc, pipeline).insert(field, value))

    def send(self, *updates: bytes) -> bytes:
        """Send updates as they are; return the batch of the first frame."""
        batches: list[bytes] = []

        def batch() -> bytes:
            batches.append(fresh())
            return batches[-1]

        for frame in frames_of(self.document, updates, batch):
            self.socket.send(frame)
        return batches[0]

    def say(self, frame: Frame) -> None:
        self.socket.send(encode(frame))

    def leave(self) -> None:
        self.say(Leave(self.document))

    def settled(self, batch: bytes) -> Status:
        """What the server said to a batch."""
        self.until(lambda: batch in self.acks)
        return self.acks[batch]

    def saved(self, batch: bytes) -> None:
        assert self.settled(batch) is Status.OK

    def until(self, is_so: Callable[[], object], seconds: float = SECONDS) -> None:
        """Read until something is so."""
        deadline = time.monotonic() + seconds
        while not is_so():
            left = deadline - time.monotonic()
            assert left > 0, f"not within {seconds} s; heard last: {self.heard[-3:]}"
            assert self.closed is None, f"closed with {self.closed}"
            self.read(left)

    def read(self, seconds: float = 0.05) -> bool:
        """Take in one message, if one comes in time."""
        message = self.socket.receive(seconds)
        if message is None:
            return False
        if isinstance(message, Closed):
            self.closed = message
        elif isinstance(message, str):
            self.heard.append(message)
        else:
            self._take(decode(message))
        return True

    def read_all(self, quiet: float = 0.3) -> None:
        """Take in whatever comes until nothing does for a while."""
        while self.closed is None and self.read(quiet):
            pass

    def wait_closed(self, seconds: float = SECONDS) -> Closed:
        deadline = time.monotonic() + seconds
        while self.closed is None:
            assert time.monotonic() < deadline, "still open"
            self.read(0.2)
        return self.closed

    def tree(self) -> Any:
        return self.doc.get_deep_value()

    def field(self, name: str, *, pipeline: str = "orders") -> Any:
        return self.tree().get("pipelines", {}).get(pipeline, {}).get(name)

    def _take(self, frame: Frame) -> None:
        self.heard.append(frame)
        if isinstance(frame, DocUpdate):
            self._import(frame.room, [*frame.updates])
        elif isinstance(frame, FragmentHeader):
            self._pieces[frame.batch] = (frame.count, [])
        elif isinstance(frame, Fragment):
            self._gather(frame)
        elif isinstance(frame, Ack):
            self.acks[frame.batch] = frame.status
        else:
            self._learn(frame)

    def _gather(self, frame: Fragment) -> None:
        """A document that is joined may be larger than any update that a server takes."""
        count, pieces = self._pieces[frame.batch]
        pieces.append(frame.data)
        if len(pieces) == count:
            del self._pieces[frame.batch]
            self._import(frame.room, [b"".join(pieces)])

    def _learn(self, frame: Frame) -> None:
        match frame:
            case JoinOk() if frame.room == self.document:
                self.joined = frame
                self._offer(VersionVector.decode(frame.version))
            case JoinError():
                self.refused = frame
            case RoomError() if frame.message.startswith("room_moved"):
                self.evicted = frame
            case RoomError() if frame.fault is RoomFault.REJOIN:
                self.rejoins += 1
                self.say(Join(self.document, self.token.encode(), self.doc.oplog_vv.encode()))
            case RoomError():
                self.evicted = frame
            case _:
                pass

    def _offer(self, server: VersionVector) -> None:
        if not server.includes_vv(self.doc.oplog_vv):
            self.send(self.doc.export(ExportMode.Updates(server)))

    def _import(self, room: Room, updates: list[bytes]) -> None:
        if room == self.document:
            self.doc.import_batch(updates)
        else:
            for update in updates:
                self.here.apply(update)


def new_doc() -> LoroDoc:
    return LoroDoc()  # type: ignore[no-untyped-call]


def pipeline_map(doc: LoroDoc, pipeline: str = "orders") -> LoroMap:
    return doc.get_map("pipelines").ensure_mergeable_map(pipeline)
