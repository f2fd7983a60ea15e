"""Whatever is written is read back, whatever is read was bounded, and updates travel in few messages."""

from __future__ import annotations

from itertools import count
from time import process_time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.core.errors import Invalid, TooLarge
from appliance.core.limits import SYNC_FRAGMENT_BYTES, SYNC_MESSAGE_BYTES
from appliance.core.sync.decode import BadFrame, UnsupportedRoom, decode, refuse_unsupported
from appliance.core.sync.encode import encode, frames_of, room_key
from appliance.core.sync.fragments import Fragments
from appliance.core.sync.frames import (
    NUMBER_MOST,
    Ack,
    DocUpdate,
    Fragment,
    FragmentHeader,
    Frame,
    Join,
    JoinError,
    JoinFault,
    JoinOk,
    Kind,
    Leave,
    Room,
    RoomError,
    RoomFault,
    Status,
)

ROOM = Room(Kind.DOC, "config:main:0123456789ab")
BATCH = b"\0\1\2\3\4\5\6\7"

names = st.text(max_size=128).filter(lambda name: len(name.encode()) <= 128)
rooms = st.builds(Room, st.sampled_from(Kind), names)
blobs = st.binary(max_size=300)
batches = st.binary(min_size=8, max_size=8)
numbers = st.integers(0, NUMBER_MOST)
join_errors = st.one_of(
    st.builds(JoinError, rooms, st.sampled_from([JoinFault.UNKNOWN, JoinFault.AUTH_FAILED]), st.text()),
    st.builds(JoinError, rooms, st.just(JoinFault.VERSION_UNKNOWN), st.text(), version=blobs),
    st.builds(JoinError, rooms, st.just(JoinFault.APP), st.text(), app_code=st.text()),
)
frames: st.SearchStrategy[Frame] = st.one_of(
    st.builds(Join, rooms, blobs, blobs),
    st.builds(JoinOk, rooms, st.booleans(), blobs, blobs),
    join_errors,
    st.builds(DocUpdate, rooms, batches, st.lists(blobs)),
    st.builds(FragmentHeader, rooms, batches, numbers, numbers),
    st.builds(Fragment, rooms, batches, numbers, blobs),
    st.builds(RoomError, rooms, st.sampled_from(RoomFault), st.text()),
    st.builds(Leave, rooms),
    st.builds(Ack, rooms, batches, st.sampled_from(Status)),
)
# Begins like a message, so that the bytes after the room are looked at, too.
nearly = st.builds(
    lambda magic, kind, rest: magic + b"\1r" + bytes((kind,)) + rest,
    st.sampled_from([b"%LOR", b"%EPH", b"%EPS", b"%YJS", b"%XXX"]),
    st.integers(0, 10),
    st.binary(),
)


def read(data: bytes) -> Frame | None:
    """The frame, or None if it was refused in one of the two ways."""
    try:
        return decode(data)
    except (BadFrame, UnsupportedRoom):
        return None


@given(frames)
def test_a_frame_comes_back_as_it_went(frame: Frame) -> None:
    assert decode(encode(frame)) == frame


@given(st.one_of(st.binary(), nearly))
@example(b"%LOR\1r\3" + b"\xff" * 100)
def test_whatever_comes_is_a_frame_or_is_refused(data: bytes) -> None:
    frame = read(data)

    assert frame is None or decode(encode(frame)) == frame


@given(frames, st.data())
def test_a_damaged_message_is_a_frame_or_is_refused(frame: Frame, data: st.DataObject) -> None:
    message = bytearray(encode(frame))
    message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))

    damaged = read(bytes(message))

    assert damaged is None or decode(encode(damaged)) == damaged


@given(st.one_of(st.binary(), nearly))
def test_an_answer_is_made_only_for_a_join_that_cannot_be(data: bytes) -> None:
    answer = refuse_unsupported(data)

    assert answer is None or answer[:7] == data[:6] + b"\2"


def test_a_count_is_compared_with_what_is_left_for_updates() -> None:
    with pytest.raises(BadFrame, match="DocUpdate: 3 updates do not fit in what is left of the message"):
        decode(b"%LOR\1r\3\3" + b"\0\0" + BATCH)


@pytest.mark.parametrize("promise", [b"\xff\xff\xff\xff\x0f", b"\x80\x80\x10", b"\xf0\xff\x0f"])
def test_a_promise_of_many_updates_costs_nothing(promise: bytes) -> None:
    started = process_time()

    with pytest.raises(BadFrame):
        decode(b"%LOR\1r\3" + promise + bytes(SYNC_MESSAGE_BYTES - 100)[: 200 * 1024])
    assert process_time() - started < 1


def test_a_message_full_of_empty_updates_is_read_in_linear_time() -> None:
    updates = [b""] * (SYNC_MESSAGE_BYTES - 20)
    message = encode(DocUpdate(Room(Kind.DOC, ""), BATCH, updates))
    started = process_time()

    assert decode(message) == DocUpdate(Room(Kind.DOC, ""), BATCH, updates)
    assert process_time() - started < 2


def test_the_largest_message_is_read_and_one_byte_more_is_refused() -> None:
    head = len(encode(DocUpdate(ROOM, BATCH, [bytes(SYNC_FRAGMENT_BYTES)]))) - SYNC_FRAGMENT_BYTES
    most = bytes(SYNC_MESSAGE_BYTES - head)
    message = encode(DocUpdate(ROOM, BATCH, [most]))

    assert len(message) == SYNC_MESSAGE_BYTES
    assert decode(message) == DocUpdate(ROOM, BATCH, [most])
    with pytest.raises(BadFrame, match="a message of 262145 bytes: at most 262144 are read"):
        decode(message + b"\0")
    with pytest.raises(TooLarge, match="a message of 262145 bytes: at most 262144 fit"):
        encode(DocUpdate(ROOM, BATCH, [most + b"\0"]))


def test_what_has_no_place_on_the_wire_is_not_written() -> None:
    with pytest.raises(Invalid, match="room: its name has 129 bytes, at most 128 fit"):
        room_key(Room(Kind.DOC, "é" * 64 + "x"))
    with pytest.raises(Invalid, match="batch: has 7 bytes, must have 8"):
        encode(Ack(ROOM, BATCH[1:], Status.OK))
    with pytest.raises(Invalid, match="4294967296: must be from 0 to 4294967295"):
        encode(Fragment(ROOM, BATCH, NUMBER_MOST + 1, b""))
    with pytest.raises(Invalid, match="-1: must be from 0 to 4294967295"):
        encode(FragmentHeader(ROOM, BATCH, -1, 1))


def test_half_a_sign_in_a_message_does_not_keep_it_from_being_said() -> None:
    said = decode(encode(RoomError(ROOM, RoomFault.EVICTED, "draft \ud800")))

    assert said == RoomError(ROOM, RoomFault.EVICTED, "draft ?")


class Batches:
    """Names batches 0, 1, 2, ..."""

    def __init__(self) -> None:
        self.numbers = count()

    def __call__(self) -> bytes:
        return next(self.numbers).to_bytes(8, "big")


def delivered(messages: list[bytes]) -> list[bytes]:
    """What a member of the room gets out of the messages."""
    fragments, updates, batches = Fragments(), list[bytes](), list[bytes]()
    for frame in map(decode, messages):
        match frame:
            case DocUpdate():
                batches.append(frame.batch)
                updates += frame.updates
            case FragmentHeader():
                batches.append(frame.batch)
                fragments.begin(frame, 0.0)
            case Fragment():
                whole = fragments.add(frame)
                updates += [] if whole is None else [whole]
            case other:
                raise AssertionError(other)
    assert len(set(batches)) == len(batches)
    return updates


sizes = st.one_of(
    st.integers(0, 300),
    st.sampled_from([16383, 16384, 100_000, SYNC_FRAGMENT_BYTES // 2, SYNC_FRAGMENT_BYTES // 2 - 3]),
    st.integers(SYNC_FRAGMENT_BYTES - 8, SYNC_FRAGMENT_BYTES + 8),
    st.integers(2 * SYNC_FRAGMENT_BYTES - 1, 2 * SYNC_FRAGMENT_BYTES + 1),
)


@given(st.lists(sizes, max_size=8))
def test_updates_arrive_whole_and_in_order(lengths: list[int]) -> None:
    updates = [bytes((place,)) * length for place, length in enumerate(lengths)]

    messages = frames_of(ROOM, updates, Batches())

    assert delivered(messages) == updates
    assert max(map(len, messages), default=0) < SYNC_FRAGMENT_BYTES + 100


def test_many_small_updates_are_one_message() -> None:
    updates = [bytes(109)] * 2000

    assert len(frames_of(ROOM, updates, Batches())) == 1


def test_as_few_messages_are_sent_as_can_be() -> None:
    third = bytes(SYNC_FRAGMENT_BYTES // 3 - 3)

    assert len(frames_of(ROOM, [third] * 3, Batches())) == 1
    assert len(frames_of(ROOM, [third] * 3 + [b""], Batches())) == 2
    assert len(frames_of(ROOM, [third] * 9, Batches())) == 3
    assert frames_of(ROOM, [], Batches()) == []


def test_only_an_update_that_alone_is_too_large_is_cut() -> None:
    fits, cut = bytes(SYNC_FRAGMENT_BYTES), bytes(SYNC_FRAGMENT_BYTES + 1)

    assert [type(decode(message)) for message in frames_of(ROOM, [fits, cut, fits], Batches())] == [
        DocUpdate, FragmentHeader, Fragment, Fragment, DocUpdate,
    ]  # fmt: skip
