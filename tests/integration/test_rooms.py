"""Editing together in a room: what converges, what is refused, what waits, and who it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loro import ExportMode, VersionVector

from appliance.core.config_doc import Accepted, Refusal
from appliance.core.draft import MAIN, Update
from appliance.core.errors import Invalid
from appliance.services.room import Delivery, Event, Merged
from appliance.services.room_document import RoomLimits
from tests.support.rooms import ALICE, BOB, Client, Drafting, are_accepted, fields, pipeline_map


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


def test_what_waits_is_kept_when_the_log_is_folded(small: Drafting) -> None:
    room = small.rooms.named(MAIN)
    alice, bob = Client(ALICE).join(room), Client(BOB).join(room)
    first, second = alice.set("first", 1), alice.set("second", 2)
    room.accept([second, *(bob.set("other", number) for number in range(9))])
    room.tidy()
    assert small.drafts.content(room.id.epoch).updates == []

    room = small.start().named(MAIN)
    assert room.waits()
    room.accept([first])

    assert fields(room.tree()) == {"first": 1, "second": 2, "other": 8}


def test_folding_the_log_is_noticed_by_nobody(small: Drafting) -> None:
    room = small.rooms.named(MAIN)
    alice, bob = Client(ALICE).follow(room), Client(BOB).follow(room)
    away = Client().join(room)
    away.edit(lambda doc: pipeline_map(doc).insert("away", 1))
    for number in range(30):
        assert are_accepted(room.accept([alice.set("a", number), bob.set("b", number)]))
        small.rooms.tidy()

    assert len(small.drafts.content(room.id.epoch).updates) <= 4
    away.acked = VersionVector()  # type: ignore[no-untyped-call]
    away.join(room)
    assert alice.tree() == bob.tree()
    assert fields(small.start().named(MAIN).tree()) == fields(alice.tree()) == {"a": 29, "b": 29, "away": 1}


def test_authors_survive_folding_and_a_restart(small: Drafting) -> None:
    room = small.rooms.named(MAIN)
    alice, bob = Client(ALICE).join(room), Client(BOB).join(room)
    for number in range(5):
        room.accept([alice.set("a", number), bob.set("b", number)])
        small.after(2)
    room.tidy()
    room.accept([alice.set("a", 5)])

    room = small.start().named(MAIN)

    written = {(write.path[-1], room.author_of(write.peer, write.counter)) for write in room.writes(since=None)}
    assert {(field, span.author) for field, span in written if span and field in "ab"} == {("a", "alice"), ("b", "bob")}
    assert all(span is not None for _, span in written)


def test_an_author_is_who_held_the_token_whatever_the_update_says(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    alice, mallory = Client(ALICE).join(room), Client(BOB)
    room.accept([alice.set("mine", 1)])
    peer, counter = alice.doc.peer_id, alice.doc.oplog_vv.get_last(alice.doc.peer_id)
    mallory.doc.peer_id = peer
    mallory.join(room)
    mallory.doc.set_next_commit_message("alice")
    mallory.doc.set_next_commit_origin("alice-token")

    room.accept([mallory.set("forged", 2)])

    assert counter is not None
    mine, forged = room.author_of(peer, counter), room.author_of(peer, counter + 1)
    assert mine is not None
    assert forged is not None
    assert (mine.author, mine.token_id) == ("alice", "alice-token")
    assert (forged.author, forged.token_id) == ("bob", "bob-token")


def test_a_moment_shows_what_the_draft_said_then(drafting: Drafting) -> None:
    drafting.applied()
    room = drafting.rooms.named(MAIN)
    alice, bob = Client(ALICE).follow(room), Client(BOB).follow(room)
    said = {}
    for number in range(5):
        drafting.after(10)
        room.accept([alice.set("a", number), bob.set("b", number)])
        said[drafting.clock.now()] = room.heads(), room.tree()

    for restarted in (room, drafting.start().named(MAIN)):
        for moment, (heads, tree) in said.items():
            assert restarted.heads_at(moment) == heads
            assert restarted.tree(restarted.heads_at(moment)) == tree


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


def test_a_branch_is_merged_when_it_is_stored_and_told_to_all(drafting: Drafting) -> None:
    drafting.applied()
    room = drafting.rooms.named(MAIN)
    alice = Client().follow(room)
    room.accept([alice.set("schedule", "every 1h")])
    tree = {**room.tree(room.draft().applied_heads)}
    edited = room.write({**tree, "settings": {"project": {"name": "renamed"}}}, at=room.draft().applied_heads)
    assert room.tree()["settings"] == {"project": {"name": "test"}}

    def stored(update: Update) -> int:
        drafting.drafts.append(room.id.epoch, [update])
        return update.seq

    number = room.merge(edited, actor=BOB, commit=stored)

    assert number == 2
    assert fields(room.tree())["schedule"] == "every 1h"
    assert alice.tree()["settings"] == room.tree()["settings"] == {"project": {"name": "renamed"}}
    assert drafting.start().named(MAIN).tree() == room.tree()
    [new] = edited.ranges
    span = drafting.rooms.named(MAIN).author_of(new.peer, new.start)
    assert span is not None
    assert span.author == "bob"


def test_a_branch_without_edits_is_not_merged(drafting: Drafting) -> None:
    drafting.applied()
    room = drafting.rooms.named(MAIN)
    edited = room.write(room.tree(), at=room.heads())

    with pytest.raises(Invalid, match="no edits"):
        room.merge(edited, actor=BOB, commit=lambda update: update)


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
