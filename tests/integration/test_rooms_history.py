"""What a room knows of the past: folded logs, authors, moments, and branches that come in later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loro import VersionVector

from appliance.core.draft import MAIN, Update
from appliance.core.errors import Invalid
from appliance.core.limits import SYNC_UPDATE_OPERATIONS
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


def test_what_waits_heals_for_everybody_also_after_a_fold(small: Drafting) -> None:
    room = small.rooms.named(MAIN)
    alice = Client(ALICE).join(room)
    first, *others = [alice.set(f"field{number}", number) for number in range(5)]
    room.accept(others)
    room.tidy()
    late = Client(BOB).follow(room)

    room.accept([first])

    assert late.tree() == room.tree()
    assert len(fields(late.tree())) == 5


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


def test_a_branch_of_more_than_a_client_may_send_is_merged_all_the_same(drafting: Drafting) -> None:
    drafting.applied()
    room = drafting.rooms.named(MAIN)
    alice = Client().follow(room)
    notes = "x" * (SYNC_UPDATE_OPERATIONS + 1)
    tree = room.tree()
    edited = room.write({**tree, "pipelines": {"orders": {**fields(tree), "notes": notes}}}, at=room.heads())

    room.merge(edited, actor=BOB, commit=lambda update: drafting.drafts.append(room.id.epoch, [update]))

    [new] = edited.ranges
    assert drafting.drafts.content(room.id.epoch).updates == []
    for one in (room, drafting.start().named(MAIN)):
        span = one.author_of(new.peer, new.end - 1)
        assert fields(one.tree())["notes"] == fields(alice.tree())["notes"] == notes
        assert span is not None
        assert span.author == "bob"
        assert are_accepted(one.accept([]))


def test_such_a_branch_is_loaded_also_if_the_process_died_before_it_was_folded(drafting: Drafting) -> None:
    drafting.applied()
    room = drafting.rooms.named(MAIN)
    tree, notes = room.tree(), "x" * (SYNC_UPDATE_OPERATIONS + 1)
    edited = room.write({**tree, "pipelines": {"orders": {**fields(tree), "notes": notes}}}, at=room.heads())
    update = Update(1, edited.update, "bob", "bob-token", drafting.clock.now())
    drafting.drafts.append(room.id.epoch, [update])

    room = drafting.start().named(MAIN)

    [new] = edited.ranges
    span = room.author_of(new.peer, new.end - 1)
    assert fields(room.tree())["notes"] == notes
    assert span is not None
    assert span.author == "bob"
    assert room.heads_at(drafting.clock.now()) == room.heads() == edited.heads
