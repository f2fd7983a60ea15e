"""Editing together in a room: what converges, what is refused, what waits, and who it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loro import ExportMode

from appliance.core.config_doc import Accepted, Refusal
from appliance.core.draft import MAIN
from appliance.core.errors import Invalid
from appliance.services.room import Delivery, Event, Merged
from appliance.services.room_document import RoomLimits
from tests.support.rooms import ALICE, BOB, Client, Drafting, are_accepted, fields


@pytest.fixture
def drafting(tmp_path: Path) -> Iterator[Drafting]:
    started = Drafting(tmp_path)
    yield started
    started.end()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Drafting]:
    """Folds its log often, and holds little."""
    started = Drafting(tmp_path, limits=RoomLimits(log_updates=3, document_bytes=20_000))
    yield started
    started.end()


def test_two_people_who_edit_at_once_end_with_the_same(drafting: Drafting) -> None:
    drafting.applied()
    room = drafting.rooms.named(MAIN)
    alice, bob = Client(ALICE).follow(room), Client(BOB).follow(room)

    for turn in range(10):
        deliveries = [alice.set(f"a{turn}", turn), bob.set(f"b{turn}", turn), bob.set("schedule", f"every {turn}m")]
        assert are_accepted(room.accept(deliveries))
        assert are_accepted(room.accept([alice.set("schedule", "every 1h")]))

    assert alice.tree() == bob.tree()
    assert fields(room.tree()) == fields(alice.tree())
    assert fields(room.tree())["schedule"] == "every 1h"
    assert {f"{who}{turn}" for who in "ab" for turn in range(10)} < fields(room.tree()).keys()


def test_a_room_is_as_it_was_after_a_restart(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    alice = Client().join(room)
    room.accept([alice.set(f"field{number}", number) for number in range(20)])
    before = room.id, room.heads(), room.tree(), room.author_of(alice.doc.peer_id, 3)

    room = drafting.start().named(MAIN)

    assert (room.id, room.heads(), room.tree(), room.author_of(alice.doc.peer_id, 3)) == before


def test_the_main_draft_begins_as_what_is_live(drafting: Drafting) -> None:
    drafting.applied()

    room = drafting.rooms.named(MAIN)

    assert (room.draft().applied, room.draft().applied_heads) == (1, room.heads())
    assert fields(room.tree())["notes"] == "Every night."
    spans = [room.author_of(peer, 0) for peer in room.counts_at(drafting.clock.now())]
    assert [span.author for span in spans if span] == ["alice"]
    assert [epoch.reason for epoch in drafting.drafts.epochs(MAIN)] == ["begun"]


def test_the_main_draft_begins_empty_where_nothing_is_live(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)

    assert (room.draft().applied, room.draft().applied_heads, room.tree()) == (0, room.heads(), {})
    assert room.holds(room.heads())


def test_a_malformed_update_is_refused_alone(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    alice, bob, mallory = Client(ALICE).join(room), Client(BOB).join(room), Client().join(room)
    broken = bytearray(mallory.set("refused", 1).updates[0])
    broken[-1] ^= 0xFF
    bad = [mallory.delivery(bytes(broken)), mallory.delivery(b"nonsense"), mallory.delivery(b"")]

    verdicts = room.accept([alice.set("one", 1), *bad, bob.set("two", 2)])

    assert [verdicts[1], verdicts[2], verdicts[3]] == [Refusal.MALFORMED] * 3
    assert are_accepted([verdicts[0], verdicts[4]])
    assert fields(room.tree()) == {"one": 1, "two": 2}
    assert fields(drafting.start().named(MAIN).tree()) == {"one": 1, "two": 2}


def test_a_snapshot_is_refused(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    alice = Client().join(room)
    alice.set("refused", 1)

    assert room.accept([alice.delivery(alice.doc.export(ExportMode.Snapshot()))]) == [Refusal.NOT_UPDATES]
    assert room.tree() == {}


def test_a_delivery_with_one_bad_update_is_refused_and_its_good_ones_stay(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    alice = Client().join(room)
    good = alice.set("good", 1).updates[0]

    assert room.accept([alice.delivery(good, b"nonsense")]) == [Refusal.MALFORMED]
    assert fields(drafting.start().named(MAIN).tree()) == {"good": 1}


def test_what_was_delivered_before_is_accepted_and_not_stored_again(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    heard: list[Event] = []
    alice = Client().join(room)
    delivery = alice.set("one", 1)
    room.accept([delivery])
    room.watch(heard.append)

    assert room.accept([delivery]) == [Accepted((), waits=False)]
    assert heard == []
    assert len(drafting.drafts.content(room.id.epoch).updates) == 1


def test_an_update_that_waits_is_kept_and_heals_for_everybody(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    alice = Client(ALICE).join(room)
    first, second = alice.set("first", 1), alice.set("second", 2)
    [verdict] = room.accept([second])
    assert isinstance(verdict, Accepted)
    assert verdict.waits
    room = drafting.start().named(MAIN)
    late = Client(BOB).follow(room)
    assert late.tree() == {}

    [verdict] = room.accept([first])

    assert isinstance(verdict, Accepted)
    assert not verdict.waits
    assert fields(room.tree()) == fields(late.tree()) == {"first": 1, "second": 2}
    assert not room.waits()


def test_a_full_document_takes_no_more_and_is_still_read(small: Drafting) -> None:
    room = small.rooms.named(MAIN)
    alice, bob = Client(ALICE).join(room), Client(BOB).join(room)
    room.accept([alice.set("some", "x" * 15_000)])

    verdicts = room.accept([bob.set("refused", "y" * 15_000), bob.set("waits", 1)])

    assert verdicts[0] == Refusal.TOO_LARGE
    assert isinstance(verdicts[1], Accepted)
    assert verdicts[1].waits
    assert fields(small.start().named(MAIN).tree()) == {"some": "x" * 15_000}


def test_a_log_is_folded_before_a_document_counts_as_full(small: Drafting) -> None:
    room = small.rooms.named(MAIN)
    alice = Client().join(room)

    for number in range(250):
        assert are_accepted(room.accept([alice.set("field", number)]))

    assert fields(room.tree()) == {"field": 249}


def test_whoever_stops_watching_hears_no_more(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    heard: list[Event] = []
    alice = Client().join(room)
    stop = room.watch(heard.append)
    one = alice.set("one", 1)
    room.accept([one])
    stop()
    stop()
    room.accept([alice.set("two", 2)])

    assert heard == [Merged(one.updates[0], alice)]


def test_a_version_that_cannot_be_read_joins_nothing(drafting: Drafting) -> None:
    with pytest.raises(Invalid):
        drafting.rooms.named(MAIN).join(b"\xff\xff\xff")


def test_a_delivery_of_nothing_is_accepted(drafting: Drafting) -> None:
    assert drafting.rooms.named(MAIN).accept([Delivery((), "alice", "alice-token")]) == [Accepted((), waits=False)]
