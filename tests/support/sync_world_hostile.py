"""What a server must refuse, each made by a peer of its own, so that a trace of it would be known anywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from loro import ExportMode, LoroDoc

from appliance.core.limits import SYNC_MESSAGE_BYTES, SYNC_UPDATE_OPERATIONS
from appliance.core.sync.encode import encode, number
from appliance.core.sync.frames import BATCH_BYTES, Ack, DocUpdate, Fragment, FragmentHeader, Kind, Room, Status
from tests.support.sync_client import fresh, new_doc, pipeline_map
from tests.support.sync_socket import SyncSocket
from tests.support.sync_world_people import Person

KINDS = (
    "garbage",
    "snapshot",
    "truncated",
    "too much",
    "other room",
    "not joined",
    "oversized",
    "half of the fragments",
)

_REFUSED = "REFUSED"


@dataclass(frozen=True)
class Refused:
    """One such delivery. `person` is joined; a viewer's good updates are refused, too."""

    person: Person
    peer: int

    def send(self, kind: str) -> bool:
        """Send it, and see that it is refused. False: the server closes the connection."""
        match kind:
            case "garbage":
                self._expect(b"garbage", Status.INVALID)
            case "snapshot":
                self._expect(self._doc().export(ExportMode.Snapshot()), Status.INVALID)
            case "truncated":
                self._expect(self._update()[:-3], Status.INVALID)
            case "too much":
                self._expect(self._update(_write_novel), Status.TOO_LARGE)
            case "other room":
                place = Room(Kind.DOC, self.person.room.rpartition(":")[0] + ":000000000000")
                self._expect(self._update(), Status.DENIED, place=place)
            case "not joined":
                self._knock()
            case "oversized":
                self.person.socket.send(_frame(self.person.document, self._update(_write_at_length)))
                return False
            case _:
                self._begin_and_leave()
        return True

    def _expect(self, update: bytes, status: Status, *, place: Room | None = None) -> None:
        batch = fresh()
        expected = status if self.person.member.writes else Status.DENIED
        self.person.say(DocUpdate(place or self.person.document, batch, [update]))
        assert self.person.settled(batch) is expected

    def _doc(self, change: Callable[[LoroDoc], object] | None = None) -> LoroDoc:
        """Somebody who saw what the person sees, and wrote something more."""
        doc = new_doc()
        doc.import_(self.person.doc.export(ExportMode.Snapshot()))
        doc.peer_id = self.peer
        (change or _write_word)(doc)
        doc.commit()
        return doc

    def _update(self, change: Callable[[LoroDoc], object] | None = None) -> bytes:
        return self._doc(change).export(ExportMode.Updates(self.person.doc.oplog_vv))

    def _knock(self) -> None:
        """Send before being let in."""
        socket = SyncSocket(self.person.port)
        batch = fresh()
        socket.send(encode(DocUpdate(self.person.document, batch, [self._update()])))
        assert socket.receive() == encode(Ack(self.person.document, batch, Status.DENIED))
        socket.close()

    def _begin_and_leave(self) -> None:
        """Announce more than comes."""
        update, batch = self._update(), fresh()
        self.person.say(FragmentHeader(self.person.document, batch, 2, len(update)))
        self.person.say(Fragment(self.person.document, batch, 0, update[:-1]))


def _frame(place: Room, update: bytes) -> bytes:
    """Such as we would not pack."""
    head = encode(DocUpdate(place, fresh(), []))[: -BATCH_BYTES - 1]
    return head + number(1) + number(len(update)) + update + fresh()


def _write_word(doc: LoroDoc) -> None:
    pipeline_map(doc).insert(_REFUSED, 1)


def _write_novel(doc: LoroDoc) -> None:
    pipeline_map(doc).ensure_mergeable_text("notes").insert(0, "x" * (SYNC_UPDATE_OPERATIONS + 1))


def _write_at_length(doc: LoroDoc) -> None:
    pipeline_map(doc).insert(_REFUSED, "x" * SYNC_MESSAGE_BYTES)
