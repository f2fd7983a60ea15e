"""Fragments become the blob that was cut, in any order, and nobody can make us hold more than we said."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.limits import SYNC_FRAGMENTS_SECONDS, SYNC_ROOMS_PER_CONNECTION, SYNC_UPDATE_BYTES
from appliance.core.sync.fragments import MOST_FRAGMENTS, BadFragment, Fragments
from appliance.core.sync.frames import Fragment, FragmentHeader, Kind, Room, Status

DOC = Room(Kind.DOC, "config:main:0123456789ab")
PRESENCE = Room(Kind.PRESENCE, "config:main:0123456789ab")
BATCH = b"batch--1"
OTHER = b"batch--2"


def opened(*, count: int, size: int) -> Fragments:
    fragments = Fragments()
    fragments.begin(FragmentHeader(DOC, BATCH, count, size), 0.0)
    return fragments


def refused(fragments: Fragments, header: FragmentHeader) -> Status:
    with pytest.raises(BadFragment) as fault:
        fragments.begin(header, 0.0)
    return fault.value.status


def piece(index: int, data: bytes, *, batch: bytes = BATCH, room: Room = DOC) -> Fragment:
    return Fragment(room, batch, index, data)


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_fragments_in_any_order_become_the_blob(pieces: list[bytes], order: Random) -> None:
    fragments = opened(count=len(pieces), size=sum(map(len, pieces)))
    arriving = [piece(index, data) for index, data in enumerate(pieces)]
    order.shuffle(arriving)

    assert [fragments.add(fragment) for fragment in arriving] == [None] * (len(pieces) - 1) + [b"".join(pieces)]


@given(st.data())
def test_blobs_on_the_way_at_once_do_not_mix(data: st.DataObject) -> None:
    fragments = Fragments()
    places = [(DOC, BATCH), (DOC, OTHER), (PRESENCE, BATCH)]
    arriving = []
    for room, batch in places:
        fragments.begin(FragmentHeader(room, batch, 3, 30), 0.0)
        arriving += [piece(index, room.kind.value + batch[-6:], batch=batch, room=room) for index in range(3)]
    blobs = [(fragment, fragments.add(fragment)) for fragment in data.draw(st.permutations(arriving))]

    assert {(fragment.room, fragment.batch): blob for fragment, blob in blobs if blob} == {
        (room, batch): (room.kind.value + batch[-6:]) * 3 for room, batch in places
    }


def test_a_blob_of_the_largest_size_arrives() -> None:
    fragments = opened(count=MOST_FRAGMENTS, size=SYNC_UPDATE_BYTES)
    data = bytes(SYNC_UPDATE_BYTES // MOST_FRAGMENTS)

    blobs = [fragments.add(piece(index, data)) for index in range(MOST_FRAGMENTS)]

    assert blobs[-1] == bytes(SYNC_UPDATE_BYTES)


@pytest.mark.parametrize(
    ("count", "size", "status"),
    [
        (1, SYNC_UPDATE_BYTES + 1, Status.TOO_LARGE),
        (17, 2**32 - 1, Status.TOO_LARGE),
        (0, 0, Status.INVALID),
        (0, 1, Status.INVALID),
        (1, 0, Status.INVALID),
        (3, 2, Status.INVALID),
        (2**32 - 1, 100, Status.INVALID),
        (MOST_FRAGMENTS + 1, SYNC_UPDATE_BYTES, Status.INVALID),
        (15, SYNC_UPDATE_BYTES, Status.INVALID),
    ],
)
def test_a_header_that_promises_what_cannot_be_is_refused(count: int, size: int, status: Status) -> None:
    fragments = Fragments()

    assert refused(fragments, FragmentHeader(DOC, BATCH, count, size)) is status
    assert fragments.add(piece(0, b"x")) is None
    assert fragments.expire(1e9) == []


def test_the_bytes_promised_at_once_are_bounded() -> None:
    fragments = opened(count=20, size=SYNC_UPDATE_BYTES - 1)
    fragments.begin(FragmentHeader(PRESENCE, BATCH, 1, 1), 0.0)

    assert refused(fragments, FragmentHeader(DOC, OTHER, 1, 1)) is Status.RATE_LIMITED
    assert fragments.add(piece(0, b"x", room=PRESENCE)) == b"x"
    fragments.begin(FragmentHeader(DOC, OTHER, 1, 1), 0.0)
    assert fragments.add(piece(0, b"y", batch=OTHER)) == b"y"


def test_the_blobs_on_the_way_at_once_are_bounded() -> None:
    fragments = Fragments()
    for number in range(SYNC_ROOMS_PER_CONNECTION):
        fragments.begin(FragmentHeader(DOC, number.to_bytes(8, "big"), 2, 2), 0.0)

    assert refused(fragments, FragmentHeader(DOC, BATCH, 2, 2)) is Status.RATE_LIMITED


@pytest.mark.parametrize(
    ("before", "fault", "says"),
    [
        ([], piece(3, b"x"), "fragment 3: there are 3, the first is 0"),
        ([], piece(2**32 - 1, b"x"), "fragment 4294967295: there are 3"),
        ([piece(1, b"x")], piece(1, b"x"), "fragment 1: it came before"),
        ([piece(1, b"x")], piece(1, b"y"), "fragment 1: it came before"),
        ([], piece(0, b""), "fragment 0: it is empty"),
        ([], piece(0, b"12345"), "more than the 4 bytes announced"),
        ([piece(0, b"12"), piece(2, b"34")], piece(1, b"5"), "more than the 4 bytes announced"),
        ([piece(0, b"1"), piece(2, b"3")], piece(1, b"2"), "the fragments have 3 bytes, 4 were announced"),
    ],
)
def test_a_wrong_fragment_ends_its_batch_once(before: list[Fragment], fault: Fragment, says: str) -> None:
    fragments = opened(count=3, size=4)
    for fragment in before:
        assert fragments.add(fragment) is None

    with pytest.raises(BadFragment, match=says) as ended:
        fragments.add(fault)

    assert ended.value.status is Status.INVALID
    assert fragments.add(fault) is None
    assert fragments.expire(1e9) == []


def test_a_fragment_that_nobody_announced_changes_nothing() -> None:
    fragments = opened(count=2, size=2)

    assert fragments.add(piece(0, b"x", batch=OTHER)) is None
    assert fragments.add(piece(0, b"x", room=PRESENCE)) is None
    assert fragments.add(piece(0, b"1")) is None
    assert fragments.add(piece(1, b"2")) == b"12"


def test_a_header_that_comes_again_begins_again() -> None:
    fragments = opened(count=2, size=2)
    fragments.add(piece(0, b"x"))

    fragments.begin(FragmentHeader(DOC, BATCH, 2, 4), 1.0)

    assert fragments.add(piece(0, b"12")) is None
    assert fragments.add(piece(1, b"34")) == b"1234"


def test_a_wrong_header_gives_up_what_came_for_the_batch_before() -> None:
    fragments = opened(count=2, size=2)

    assert refused(fragments, FragmentHeader(DOC, BATCH, 0, 1)) is Status.INVALID
    assert fragments.expire(1e9) == []


def test_what_does_not_come_in_time_is_given_up_once() -> None:
    fragments = opened(count=2, size=2)
    fragments.begin(FragmentHeader(PRESENCE, OTHER, 2, 2), 5.0)

    assert fragments.expire(SYNC_FRAGMENTS_SECONDS - 0.1) == []
    assert fragments.expire(SYNC_FRAGMENTS_SECONDS) == [(DOC, BATCH)]
    assert fragments.expire(SYNC_FRAGMENTS_SECONDS) == []
    assert fragments.add(piece(0, b"x")) is None
    assert fragments.expire(1e9) == [(PRESENCE, OTHER)]


def test_a_slow_link_gets_its_time_for_every_fragment() -> None:
    fragments = opened(count=3, size=3)

    for index in range(2):
        now = (index + 1) * (SYNC_FRAGMENTS_SECONDS - 1)
        assert fragments.expire(now) == []
        assert fragments.add(piece(index, b"x"), now) is None

    assert fragments.add(piece(2, b"x"), 3 * (SYNC_FRAGMENTS_SECONDS - 1)) == b"xxx"


def test_who_leaves_a_room_leaves_nothing_of_it() -> None:
    fragments = opened(count=2, size=2)
    fragments.begin(FragmentHeader(PRESENCE, BATCH, 2, 2), 0.0)

    fragments.leave(DOC)

    assert fragments.add(piece(0, b"x")) is None
    assert fragments.expire(1e9) == [(PRESENCE, BATCH)]
