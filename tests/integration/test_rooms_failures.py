"""What a room does when its storage fails or its document breaks."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from appliance.adapters.loro_doc import LoroDocs
from appliance.adapters.sql.gateway import Statement
from appliance.core.config_doc import Accepted, ConfigDoc, DocBroken, Refusal
from appliance.core.draft import MAIN, RoomMoved, Update
from appliance.core.errors import Conflict, Unavailable
from appliance.services.room import Ended, Event, Merged, Reload
from tests.support.rooms import ALICE, BOB, OSCAR, Client, Drafting, are_accepted, fields

POISON = b"poison"


@pytest.fixture
def drafting(tmp_path: Path) -> Iterator[Drafting]:
    started = Drafting(tmp_path)
    yield started
    started.end()


def fill_disk(drafting: Drafting) -> None:
    """From now on the catalog's file may not grow by a page."""
    [[[pages]]] = drafting.gateway.batch([Statement("PRAGMA page_count")])
    drafting.gateway.batch([Statement(f"PRAGMA max_page_count = {pages}")])


def free_disk(drafting: Drafting) -> None:
    drafting.gateway.batch([Statement("PRAGMA max_page_count = 1000000")])


class FragileDocs:
    """The real documents, that break half-way through what contains the poison; `broken`: they cannot be loaded."""

    def __init__(self) -> None:
        self.real = LoroDocs()
        self.broken = False
        self.loads = 0

    def empty(self) -> ConfigDoc:
        return self.real.empty()

    def load(self, snapshot: bytes, deliveries: Sequence[bytes]) -> ConfigDoc:
        self.loads += 1
        if self.broken:
            raise DocBroken("it cannot be read")
        return FragileDoc(self.real.load(snapshot, deliveries))


class FragileDoc:
    def __init__(self, real: ConfigDoc) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def accept(self, deliveries: Sequence[bytes]) -> Sequence[Accepted | Refusal]:
        if POISON not in deliveries:
            return self._real.accept(deliveries)
        self._real.accept(deliveries[: deliveries.index(POISON)])
        raise DocBroken("the library panicked")


def test_what_a_full_disk_did_not_take_is_gone_and_members_are_asked_to_join_again(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    heard: list[Event] = []
    alice, bob = Client(ALICE).join(room), Client(BOB).follow(room)
    room.accept([alice.set("kept", 1)])
    room.watch(heard.append)
    fill_disk(drafting)
    lost = alice.set("lost", "x" * 50_000)

    with pytest.raises(Unavailable, match="full"):
        room.accept([lost])

    assert heard == [Reload()]
    assert fields(room.tree()) == fields(bob.tree()) == {"kept": 1}
    free_disk(drafting)
    alice.join(room)
    assert fields(room.tree()) == fields(bob.tree()) == fields(alice.tree())
    assert fields(drafting.start().named(MAIN).tree()) == {"kept": 1, "lost": "x" * 50_000}


def test_a_room_whose_storage_is_gone_serves_nothing_that_is_not_stored(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    alice = Client().join(room)
    drafting.gateway.batch([Statement("ALTER TABLE draft_update RENAME TO hidden")])

    with pytest.raises(Unavailable):
        room.accept([alice.set("lost", 1)])
    with pytest.raises(Unavailable):
        room.tree()

    drafting.gateway.batch([Statement("ALTER TABLE hidden RENAME TO draft_update")])
    assert room.tree() == {}


def test_a_number_that_somebody_else_took_is_seen_and_what_they_wrote_is_loaded(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    alice, bob = Client(ALICE).join(room), Client(BOB)
    [other] = bob.set("other", 1).updates
    drafting.drafts.append(room.id.epoch, [Update(1, other, "bob", "bob-token", drafting.clock.now())])

    with pytest.raises(Conflict):
        room.accept([alice.set("mine", 1)])

    assert fields(room.tree()) == {"other": 1}
    alice.join(room)
    assert fields(room.tree()) == {"other": 1, "mine": 1}


def test_a_room_whose_draft_went_on_elsewhere_ends(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    heard: list[Event] = []
    room.watch(heard.append)
    alice = Client().join(room)
    # As a catalog that was restored, or changed by a tool, would look.
    [epoch] = drafting.drafts.epochs(MAIN)
    other = Drafting(drafting.path.parent, first_epoch=100)
    moved = other.rooms.rebuild(OSCAR, MAIN, "restored")
    other.end()

    with pytest.raises(RoomMoved):
        room.accept([alice.set("lost", 1)])
    with pytest.raises(RoomMoved, match=str(moved.room)):
        room.heads()

    assert epoch.epoch != moved.epoch
    assert heard == [Reload(), Ended(moved.room)]
    assert drafting.rooms.named(MAIN).tree() == {}


def test_only_the_update_that_breaks_the_document_is_refused(drafting: Drafting) -> None:
    drafting.docs = FragileDocs()
    room = drafting.start().named(MAIN)
    alice, bob = Client(ALICE).follow(room), Client(BOB).follow(room)
    heard: list[Event] = []
    room.watch(heard.append)

    verdicts = room.accept([alice.set("one", 1), alice.delivery(POISON), bob.set("two", 2)])

    assert verdicts[1] == Refusal.MALFORMED
    assert are_accepted([verdicts[0], verdicts[2]])
    assert [type(event) for event in heard] == [Merged, Merged]
    assert fields(room.tree()) == fields(alice.tree()) == fields(bob.tree()) == {"one": 1, "two": 2}
    assert fields(drafting.start().named(MAIN).tree()) == {"one": 1, "two": 2}


def test_a_document_that_breaks_again_is_loaded_once_for_each_question(drafting: Drafting) -> None:
    docs = drafting.docs = FragileDocs()
    room = drafting.start().named(MAIN)
    alice = Client().join(room)
    docs.broken = True
    before = docs.loads

    assert room.accept([alice.delivery(POISON)]) == [Refusal.MALFORMED]
    for _ in range(2):
        with pytest.raises(DocBroken):
            room.accept([alice.set("one", 1), alice.set("two", 2)])
    assert docs.loads == before + 2

    docs.broken = False
    assert room.tree() == {}


def test_a_merge_that_may_be_stored_or_not_is_looked_up(drafting: Drafting) -> None:
    drafting.applied()
    room = drafting.rooms.named(MAIN)
    alice = Client().follow(room)
    heard: list[Event] = []
    room.watch(heard.append)
    edited = room.write({**room.tree(), "settings": {"project": {"name": "renamed"}}}, at=room.heads())

    def stored_but_unanswered(update: Update) -> None:
        drafting.drafts.append(room.id.epoch, [update])
        raise Unavailable("the answer was lost")

    with pytest.raises(Unavailable):
        room.merge(edited, actor=BOB, commit=stored_but_unanswered)

    assert heard == [Reload()]
    assert room.tree()["settings"] == {"project": {"name": "renamed"}}
    assert alice.join(room).tree()["settings"] == {"project": {"name": "renamed"}}


def test_a_merge_that_is_refused_leaves_the_document_as_it_is(drafting: Drafting) -> None:
    drafting.applied()
    room = drafting.rooms.named(MAIN)
    heard: list[Event] = []
    room.watch(heard.append)
    before = room.tree()
    edited = room.write({}, at=room.heads())

    def refused(_: Update) -> None:
        raise Conflict("the head moved on")

    with pytest.raises(Conflict):
        room.merge(edited, actor=BOB, commit=refused)

    assert (heard, room.tree()) == ([], before)


def test_a_rebuild_that_fails_leaves_the_room_open(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    alice = Client().join(room)
    incompressible = random.Random(1).randbytes(50_000).hex()  # noqa: S311 - only to fill pages
    room.accept([alice.set("field", incompressible)])
    heard: list[Event] = []
    room.watch(heard.append)
    fill_disk(drafting)

    with pytest.raises(Unavailable):
        drafting.rooms.rebuild(OSCAR, MAIN, "asked for")

    assert heard == [Reload()]
    free_disk(drafting)
    assert drafting.rooms.find(room.id) is room
    assert are_accepted(room.accept([alice.set("more", 1)]))
