"""Drafts come and go: who may do it, what they say then, and where old clients are sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.adapters.sql.gateway import Statement
from appliance.core.draft import MAIN, Heads, RoomId, RoomMoved, UnknownHeads
from appliance.core.draft_tree import manifest_of, to_tree
from appliance.core.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from appliance.core.limits import DRAFTS
from appliance.services.room import Ended, Event
from appliance.services.room_document import RoomLimits
from tests.support.rooms import ALICE, BOB, CHARLIE, OSCAR, Client, Drafting, fields


@pytest.fixture
def drafting(tmp_path: Path) -> Iterator[Drafting]:
    started = Drafting(tmp_path)
    started.applied()
    yield started
    started.end()


def test_a_new_draft_says_what_is_live_and_nobodys_unapplied_edit(drafting: Drafting) -> None:
    main = drafting.rooms.named(MAIN)
    main.accept([Client().join(main).set("schedule", "every 1h")])

    draft = drafting.rooms.create(BOB, "beside")

    room = drafting.rooms.named("beside")
    live = drafting.rooms.manifests.get(1)
    assert (draft.created_by, draft.applied, draft.applied_heads) == ("bob", 1, room.heads())
    assert room.tree() == to_tree(live)
    assert manifest_of(room.tree()) == live


def test_a_new_draft_may_begin_from_edits_that_are_not_applied(drafting: Drafting) -> None:
    main = drafting.rooms.named(MAIN)
    alice = Client().join(main)
    main.accept([alice.set("schedule", "every 1h")])
    at = main.heads()
    main.accept([alice.set("schedule", "every 2h")])

    draft = drafting.rooms.create(BOB, "beside", at)

    room = drafting.rooms.named("beside")
    assert fields(room.tree())["schedule"] == "every 1h"
    assert fields(room.tree(draft.applied_heads))["schedule"] == "every 15m"
    changed = room.writes(since=draft.applied_heads)
    assert [(write.path, write.value) for write in changed] == [(("pipelines", "orders", "schedule"), "every 1h")]
    span = room.author_of(changed[0].peer, changed[0].counter)
    assert span is not None
    assert span.author == "bob"


def test_a_draft_is_edited_beside_the_main_one(drafting: Drafting) -> None:
    drafting.rooms.create(BOB, "beside")
    main, beside = drafting.rooms.named(MAIN), drafting.rooms.named("beside")

    beside.accept([Client().join(beside).set("schedule", "every 1h")])

    assert fields(main.tree())["schedule"] == "every 15m"
    restarted = drafting.start()
    assert fields(restarted.named("beside").tree())["schedule"] == "every 1h"
    assert restarted.find(beside.id).id == beside.id


@pytest.mark.parametrize("name", ["", "Main", "a b", "x" * 33, "-a", "../main"])
def test_a_draft_with_a_bad_name_is_not_made(drafting: Drafting, name: str) -> None:
    with pytest.raises(Invalid):
        drafting.rooms.create(ALICE, name)


def test_a_draft_is_not_made_twice_nor_from_heads_that_nobody_knows_nor_by_a_viewer(drafting: Drafting) -> None:
    drafting.rooms.create(ALICE, "beside")

    with pytest.raises(Conflict):
        drafting.rooms.create(BOB, "beside")
    with pytest.raises(Conflict):
        drafting.rooms.create(BOB, MAIN)
    with pytest.raises(UnknownHeads):
        drafting.rooms.create(BOB, "other", Heads("nonsense"))
    with pytest.raises(Forbidden):
        drafting.rooms.create(CHARLIE, "other")
    assert [draft.name for draft in drafting.drafts.list()] == ["beside", MAIN]


def test_there_are_not_more_drafts_than_the_limit(drafting: Drafting) -> None:
    drafting.rooms.named(MAIN)
    for number in range(DRAFTS - 1):
        drafting.rooms.create(ALICE, f"draft-{number}")

    with pytest.raises(TooLarge, match="DRAFTS"):
        drafting.rooms.create(ALICE, "one-more")


def test_one_discards_ones_own_drafts_and_an_operator_anybodys(drafting: Drafting) -> None:
    for name in ("one", "two"):
        drafting.rooms.create(ALICE, name)

    with pytest.raises(Forbidden):
        drafting.rooms.discard(BOB, "one")
    with pytest.raises(Forbidden):
        drafting.rooms.discard(CHARLIE, "one")
    drafting.rooms.discard(ALICE, "one")
    drafting.rooms.discard(OSCAR, "two")

    assert [draft.name for draft in drafting.drafts.list()] == [MAIN]
    with pytest.raises(Conflict):
        drafting.rooms.discard(OSCAR, MAIN)
    with pytest.raises(NotFound):
        drafting.rooms.discard(OSCAR, "one")


def test_members_of_a_discarded_draft_are_told_and_nobody_gets_in_again(drafting: Drafting) -> None:
    drafting.rooms.create(ALICE, "beside")
    room = drafting.rooms.named("beside")
    alice = Client().join(room)
    heard: list[Event] = []
    room.watch(heard.append)

    drafting.rooms.discard(ALICE, "beside")

    assert heard == [Ended(None)]
    with pytest.raises(RoomMoved, match="discarded"):
        room.accept([alice.set("lost", 1)])
    for rooms in (drafting.rooms, drafting.start()):
        with pytest.raises(RoomMoved, match="discarded"):
            rooms.find(room.id)
        with pytest.raises(NotFound):
            rooms.named("beside")


def test_a_name_may_be_used_again_and_the_old_clients_stay_out(drafting: Drafting) -> None:
    old = drafting.rooms.create(ALICE, "beside").room
    drafting.rooms.discard(ALICE, "beside")

    new = drafting.rooms.create(BOB, "beside").room

    with pytest.raises(RoomMoved, match=str(new)):
        drafting.rooms.find(old)
    assert drafting.rooms.find(new).id == new


def test_a_room_that_never_was_is_not_found(drafting: Drafting) -> None:
    main = drafting.rooms.named(MAIN)

    with pytest.raises(NotFound) as refused:
        drafting.rooms.find(RoomId("never", "0" * 12))
    assert not isinstance(refused.value, RoomMoved)
    # A document of another installation, or from after the backup that this one was restored from.
    with pytest.raises(RoomMoved, match=str(main.id)):
        drafting.rooms.find(RoomId(MAIN, "f" * 12))


def test_one_room_that_fails_leaves_the_others_tidy(tmp_path: Path) -> None:
    drafting = Drafting(tmp_path, limits=RoomLimits(log_updates=0))
    drafting.rooms.create(ALICE, "beside")
    for name in (MAIN, "beside"):
        room = drafting.rooms.named(name)
        room.accept([Client().join(room).set("field", 1)])
    epoch = drafting.rooms.named(MAIN).id.epoch
    drafting.gateway.batch([Statement("DELETE FROM draft_update WHERE epoch = ?", (epoch,))])

    with pytest.raises(Conflict, match=epoch):
        drafting.rooms.tidy()

    assert drafting.drafts.content(drafting.rooms.named("beside").id.epoch).updates == []
    drafting.end()


def test_rooms_that_were_closed_open_again(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    room.accept([Client().join(room).set("field", 1)])

    drafting.rooms.close()

    assert fields(drafting.rooms.named(MAIN).tree())["field"] == 1


def test_making_rebuilding_and_discarding_is_audited(drafting: Drafting) -> None:
    drafting.rooms.create(ALICE, "beside")
    drafting.rooms.rebuild(OSCAR, "beside", "asked for")
    drafting.rooms.discard(ALICE, "beside")

    rows = drafting.records.audit(before=None, limit=10).items
    assert [(row.actor, row.action, row.subject) for row in rows[:4]] == [
        ("alice", "draft.discard", "beside"),
        ("oscar", "draft.rebuild", "beside"),
        ("alice", "draft.create", "beside"),
        ("system", "draft.create", MAIN),
    ]
