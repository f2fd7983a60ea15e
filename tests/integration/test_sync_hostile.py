"""Messages that no honest client sends: an answer or a close code, and the document stays as it was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loro import ExportMode

from appliance.core.limits import SYNC_MESSAGE_BYTES, SYNC_UPDATE_BYTES
from appliance.core.sync.encode import encode
from appliance.core.sync.frames import Ack, DocUpdate, Fragment, FragmentHeader, JoinError, JoinFault, Status
from tests.support.sync_client import Editor, fresh, new_doc, pipeline_map
from tests.support.sync_serving import Syncing, syncing
from tests.support.sync_socket import Closed, SyncSocket


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Syncing]:
    with syncing(tmp_path) as served:
        yield served


@pytest.fixture(scope="module")
def long_served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Syncing]:
    with syncing(tmp_path_factory.mktemp("sync")) as served:
        yield served


def still_works(editor: Editor) -> None:
    editor.saved(editor.set("works", os.urandom(4).hex()))


def send_often(socket: SyncSocket, data: bytes) -> None:
    for _ in range(20):
        socket.send(data)


MALFORMED = {
    "nothing of a frame": b"x",
    "another magic": b"%XYZ\x04room\x03",
    "no type": b"%LOR\x04room",
    "an unknown type": b"%LOR\x04room\x63",
    "a room that is cut": b"%LOR\x7fro",
    "a room that is no text": b"%LOR\x02\xff\xfe\x07",
    "a room name over 128 bytes": b"%LOR\x81\x01" + b"r" * 129 + b"\x07",
    "a join that is cut": b"%LOR\x04room\x00\x05ab",
    "a number without an end": b"%LOR\x04room\x03\xff\xff\xff\xff\xff\xff",
    "more updates than there are bytes": b"%LOR\x04room\x03\xff\xff\xff\xff\x0f",
    "bytes after the end": b"%LOR\x04room\x07rest",
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_frame_closes_with_4400(long_served: Syncing, kind: str) -> None:
    bob = long_served.joined()

    bob.socket.send(MALFORMED[kind])

    assert bob.wait_closed() == Closed(4400, "malformed frame")


@given(data=st.binary(min_size=1, max_size=200))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_whatever_end_in_anything_but_an_answer_or_4400(long_served: Syncing, data: bytes) -> None:
    socket = long_served.socket()

    socket.send(data)
    socket.send("ping")
    answer = socket.receive()
    socket.close()

    assert isinstance(answer, bytes | str) or answer == Closed(4400, "malformed frame")


@given(cut=st.integers(min_value=0, max_value=10_000), flip=st.integers(min_value=0, max_value=2**32))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_update_with_a_bit_turned_is_refused_and_the_connection_stays(
    long_served: Syncing, cut: int, flip: int
) -> None:
    bob = long_served.joined()
    doc = new_doc()
    pipeline_map(doc).insert("a", "b")
    doc.commit()
    update = bytearray(doc.export(ExportMode.Updates(new_doc().oplog_vv)))
    update[flip % len(update)] ^= 1 << cut % 8

    status = bob.settled(bob.send(bytes(update)))

    # The bytes before the checksum are not looked at by the library.
    assert status is Status.INVALID or (flip % len(update)) in range(4, 16)
    still_works(bob)
    bob.socket.close()


def test_a_message_over_the_limit_closes_with_4413(served: Syncing) -> None:
    bob = served.joined()

    bob.socket.send(bytes(SYNC_MESSAGE_BYTES + 1))

    assert bob.wait_closed() == Closed(4413, "frame too large")


def test_a_text_over_the_limit_closes_with_4413_whoever_sends_it(served: Syncing) -> None:
    socket = served.socket()

    socket.send("x" * (SYNC_MESSAGE_BYTES + 1))

    assert socket.receive() == Closed(4413, "frame too large")
    socket.close()


def test_a_message_beyond_all_bounds_is_not_kept_in_memory(served: Syncing) -> None:
    socket = served.socket()

    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        send_often(socket, bytes(20_000_000))

    socket.close()
    still_works(served.joined())


def test_a_snapshot_is_no_update(served: Syncing) -> None:
    bob, doc = served.joined(), new_doc()
    pipeline_map(doc).insert("a", "b")
    doc.commit()

    for mode in (ExportMode.Snapshot(), ExportMode.ShallowSnapshot(doc.oplog_frontiers)):
        assert bob.settled(bob.send(doc.export(mode))) is Status.INVALID

    still_works(bob)
    bob.until(lambda: bob.tree()["pipelines"].keys() == {"orders"})
    assert served.api.harness.control.rooms.named("main").tree() == bob.tree()


def test_one_bad_update_refuses_its_delivery_alone(served: Syncing) -> None:
    bob, alice = served.joined("bob"), served.joined("alice")

    good, bad = alice.set("schedule", "every 5m"), bob.send(b"garbage")

    alice.saved(good)
    assert bob.settled(bad) is Status.INVALID
    bob.until(lambda: bob.field("schedule") == "every 5m")


def test_fragments_that_lie_are_refused(served: Syncing) -> None:
    bob = served.joined()

    def begin(count: int, size: int) -> bytes:
        batch = fresh()
        bob.say(FragmentHeader(bob.document, batch, count, size))
        return batch

    assert bob.settled(begin(1000, SYNC_UPDATE_BYTES + 1)) is Status.TOO_LARGE
    assert bob.settled(begin(0, 100)) is Status.INVALID
    assert bob.settled(begin(2**31, 2**31)) is Status.TOO_LARGE
    twice = begin(2, 8)
    bob.say(Fragment(bob.document, twice, 0, b"abcd"))
    bob.say(Fragment(bob.document, twice, 0, b"abcd"))
    assert bob.settled(twice) is Status.INVALID
    beyond = begin(2, 8)
    bob.say(Fragment(bob.document, beyond, 2, b"abcd"))
    assert bob.settled(beyond) is Status.INVALID
    still_works(bob)


def test_fragments_that_never_end_are_given_up(served: Syncing) -> None:
    bob = served.joined()
    batch = fresh()
    bob.say(FragmentHeader(bob.document, batch, 2, 8))
    bob.say(Fragment(bob.document, batch, 0, b"abcd"))

    bob.until(lambda: batch in bob.acks, 14)

    assert bob.acks[batch] is Status.FRAGMENT_TIMEOUT
    still_works(bob)


def test_frames_that_only_a_server_sends_are_ignored(served: Syncing) -> None:
    bob = served.joined()

    bob.say(Ack(bob.document, fresh(), Status.INVALID))
    bob.say(JoinError(bob.document, JoinFault.APP, "let go", app_code="x"))
    bob.say(DocUpdate(bob.document, fresh(), []))
    bob.socket.send(b"")

    still_works(bob)


def test_a_flood_of_empty_deliveries_is_answered(served: Syncing) -> None:
    bob = served.joined()
    batches = [fresh() for _ in range(200)]

    for batch in batches:
        bob.socket.send(encode(DocUpdate(bob.document, batch, [])))

    bob.until(lambda: bob.acks.keys() >= {*batches})
    assert {bob.acks[batch] for batch in batches} == {Status.OK}
