"""The log of a document is complete and in order, whoever appends and compacts, on every substrate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.adapters.sql.drafts_stored import PIECE_BYTES
from appliance.bootstrap import Substrate
from appliance.core.draft import Content, RoomMoved, Span
from appliance.core.errors import Conflict, NotFound
from appliance.core.limits import SYNC_UPDATE_BYTES
from tests.support.draft_rows import FIRST, SECOND_EPOCH, SPAN, logged, new_epoch, opened, update, updates
from tests.support.rows import NOW, SECOND, at_once, noted

LENGTHS = (0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, SYNC_UPDATE_BYTES)


def _compact(on: Substrate, seq: int) -> None:
    on.drafts.compact(FIRST, seq=seq, snapshot=f"up to {seq}".encode(), waiting=b"", spans=[])


def test_updates_are_kept_as_they_were_delivered_and_in_order(on: Substrate) -> None:
    opened(on)

    on.drafts.append(FIRST, updates(1, 2))
    on.drafts.append(FIRST, [update(3)])

    assert on.drafts.content(FIRST) == Content(b"snapshot", b"", 0, [SPAN], updates(1, 3))


def test_to_append_nothing_does_nothing(on: Substrate) -> None:
    opened(on)

    on.drafts.append(FIRST, [])

    assert logged(on) == []


def test_each_document_counts_from_one(on: Substrate) -> None:
    opened(on)
    opened(on, "another", SECOND_EPOCH)
    on.drafts.append(FIRST, updates(1, 3))

    on.drafts.append(SECOND_EPOCH, [update(1)])

    assert (logged(on), logged(on, SECOND_EPOCH)) == ([1, 2, 3], [1])


@pytest.mark.parametrize("numbers", [[3], [2, 3], [1, 2, 3], [5], [0], [-1], [4, 6], [4, 4], [5, 4], [4, 5, 3]])
def test_numbers_that_are_not_the_next_are_refused_and_nothing_is_kept(on: Substrate, numbers: list[int]) -> None:
    opened(on)
    on.drafts.append(FIRST, updates(1, 3))
    before = on.drafts.content(FIRST)

    with pytest.raises(Conflict, match=r"next update is 4|have gaps"):
        on.drafts.append(FIRST, [update(number, b"other") for number in numbers])

    assert on.drafts.content(FIRST) == before


def test_a_number_that_was_compacted_away_is_still_taken(on: Substrate) -> None:
    opened(on)
    on.drafts.append(FIRST, updates(1, 3))
    _compact(on, 3)

    for number in (1, 3):
        with pytest.raises(Conflict, match="next update is 4"):
            on.drafts.append(FIRST, [update(number)])

    on.drafts.append(FIRST, [update(4)])
    assert logged(on) == [4]


def test_nothing_is_appended_to_what_was_never_a_document(on: Substrate) -> None:
    with pytest.raises(RoomMoved, match=f"no document {FIRST}"):
        on.drafts.append(FIRST, [update(1)])


def test_of_eight_that_append_the_same_number_one_wins_whole(on: Substrate) -> None:
    opened(on)

    def append(number: int) -> bool:
        try:
            on.drafts.append(FIRST, [update(seq, author=f"member {number}") for seq in (1, 2, 3)])
        except Conflict:
            return False
        return True

    results = at_once(append)

    assert results.count(True) == 1
    authors = [found.author for found in on.drafts.content(FIRST).updates]
    assert authors == [f"member {results.index(True)}"] * 3


@pytest.mark.parametrize("length", LENGTHS)
def test_updates_and_snapshots_of_any_length_come_back_whole(on: Substrate, length: int) -> None:
    long = bytes(range(251)) * (length // 251 + 1)
    long = long[:length]
    opened(on)
    on.drafts.append(FIRST, [update(1, long), update(2, b"short"), update(3, long[::-1])])

    on.drafts.compact(FIRST, seq=1, snapshot=long, waiting=long[::-1], spans=[SPAN])

    content = on.drafts.content(FIRST)
    assert content == Content(
        long, long[::-1], 1, [SPAN], [update(2, b"short"), update(3, long[::-1])]
    )  # fmt: skip


def test_a_compaction_replaces_the_log_up_to_its_number(on: Substrate) -> None:
    opened(on)
    on.drafts.append(FIRST, updates(1, 5))

    on.drafts.compact(FIRST, seq=3, snapshot=b"new", waiting=b"waits", spans=[replace(SPAN, end=9), SPAN])

    content = on.drafts.content(FIRST)
    assert content == Content(b"new", b"waits", 3, [replace(SPAN, end=9), SPAN], updates(4, 5))
    _compact(on, 5)
    assert on.drafts.content(FIRST) == Content(b"up to 5", b"", 5, [], [])


@pytest.mark.parametrize("seq", [0, 1, 2, 3])
def test_a_compaction_that_is_not_newer_than_the_newest_does_nothing(on: Substrate, seq: int) -> None:
    opened(on)
    on.drafts.append(FIRST, updates(1, 4))
    _compact(on, 3)
    before = on.drafts.content(FIRST)

    on.drafts.compact(FIRST, seq=seq, snapshot=b"older", waiting=b"older", spans=[SPAN])

    assert on.drafts.content(FIRST) == before


def test_a_compaction_of_updates_that_did_not_arrive_is_refused(on: Substrate) -> None:
    opened(on)
    on.drafts.append(FIRST, updates(1, 2))
    before = on.drafts.content(FIRST)

    with pytest.raises(Conflict, match=f"{FIRST} has no update 3"):
        _compact(on, 3)
    with pytest.raises(NotFound, match=SECOND_EPOCH):
        on.drafts.compact(SECOND_EPOCH, seq=0, snapshot=b"", waiting=b"", spans=[])

    assert on.drafts.content(FIRST) == before


def test_a_document_that_ended_can_still_be_compacted(on: Substrate) -> None:
    opened(on)
    on.drafts.append(FIRST, updates(1, 2))
    on.drafts.rebuild(new_epoch(epoch=SECOND_EPOCH), noted(), instead_of=FIRST)

    _compact(on, 2)

    assert on.drafts.content(FIRST) == Content(b"up to 2", b"", 2, [], [])
    assert on.drafts.content(SECOND_EPOCH).snapshot == b"snapshot"


def test_compactions_lose_nothing_that_is_appended_meanwhile(on: Substrate) -> None:
    opened(on)
    on.drafts.append(FIRST, [update(1)])

    def act(thread: int) -> None:
        for number in range(40):
            if thread == 0:
                on.drafts.append(FIRST, updates(2 + 3 * number, 4 + 3 * number))
            else:
                content = on.drafts.content(FIRST)
                numbers = [found.seq for found in content.updates]
                assert numbers == list(range(content.seq + 1, content.seq + 1 + len(numbers)))
                assert content.snapshot == (f"up to {content.seq}".encode() if content.seq else b"snapshot")
                if numbers:
                    _compact(on, numbers[len(numbers) // 2])

    at_once(act)

    content = on.drafts.content(FIRST)
    assert content.updates == updates(content.seq + 1, 121)


def test_tens_of_thousands_of_spans_are_kept_in_order_with_all_their_bits(on: Substrate) -> None:
    spans = [
        Span((1 << 64) - 1 - number, number, number + 5, f"member {number % 7}", f"token {number % 9}",
             NOW + number * SECOND, NOW + (number + 1) * SECOND)
        for number in range(20_000)
    ]  # fmt: skip
    opened(on)
    on.drafts.append(FIRST, [update(1)])

    on.drafts.compact(FIRST, seq=1, snapshot=b"", waiting=b"", spans=spans)

    assert on.drafts.content(FIRST).spans == spans
