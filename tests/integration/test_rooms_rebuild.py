"""A document is rebuilt from what it says; removals that meet edits are not swept away with its history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.core.draft import MAIN, RoomId, RoomMoved, Unresolved
from appliance.core.draft_tree import manifest_of
from appliance.core.errors import Forbidden
from appliance.core.limits import DRAFT_PEERS
from appliance.services.room import Delivery, Ended, Event
from appliance.services.room_document import RoomLimits
from tests.support.rooms import ALICE, BOB, ORDERS, OSCAR, Client, Drafting, are_accepted, fields


@pytest.fixture
def drafting(tmp_path: Path) -> Iterator[Drafting]:
    started = Drafting(tmp_path)
    started.applied()
    yield started
    started.end()


def test_a_rebuilt_document_says_the_same_in_a_new_room(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    alice = Client().join(room)
    room.accept([alice.set("schedule", "every 1h"), alice.set("retries", 3)])
    heard: list[Event] = []
    room.watch(heard.append)

    draft = drafting.rooms.rebuild(OSCAR, MAIN, "asked for")

    new = drafting.rooms.named(MAIN)
    assert heard == [Ended(draft.room)]
    assert (new.id, draft.applied) == (draft.room, 1)
    assert new.tree() == room.docs.load(*_stored(drafting, room.id)).tree()
    assert fields(new.tree(draft.applied_heads))["schedule"] == "every 15m"
    assert manifest_of(new.tree(draft.applied_heads)) == drafting.rooms.manifests.get(1)
    assert drafting.start().named(MAIN).tree() == new.tree()


def _stored(drafting: Drafting, room: RoomId) -> tuple[bytes, list[bytes]]:
    content = drafting.drafts.content(room.epoch)
    return content.snapshot, [update.data for update in content.updates]


def test_a_client_of_the_old_document_cannot_fill_the_new_one(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    alice = Client().join(room)
    draft = drafting.rooms.rebuild(OSCAR, MAIN, "asked for")

    with pytest.raises(RoomMoved, match=str(draft.room)):
        room.accept([alice.set("old", 1)])
    with pytest.raises(RoomMoved, match=str(draft.room)):
        room.join(b"")
    for rooms in (drafting.rooms, drafting.start()):
        with pytest.raises(RoomMoved, match=str(draft.room)):
            rooms.find(room.id)


def test_only_an_operator_rebuilds(drafting: Drafting) -> None:
    with pytest.raises(Forbidden):
        drafting.rooms.rebuild(ALICE, MAIN, "asked for")


def test_a_document_of_too_many_peers_is_rebuilt_with_what_it_says(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    alice = Client().join(room)
    for number in range(DRAFT_PEERS // 50):
        assert are_accepted(room.accept([_by_another_peer(alice, number * 50 + index) for index in range(50)]))
    said = room.tree()

    drafting.rooms.tidy()

    # The live configuration was one peer.
    assert drafting.rooms.named(MAIN) is not room
    assert room.ended == Ended(drafting.rooms.named(MAIN).id)
    assert drafting.rooms.named(MAIN).tree() == said
    assert drafting.rooms.named(MAIN).peers() < 5
    assert drafting.drafts.epochs(MAIN)[0].reason == "peers"
    assert drafting.drafts.epochs(MAIN)[0].began_by == "system"


def _by_another_peer(client: Client, number: int) -> Delivery:
    """As from one more browser tab."""
    client.doc.peer_id = client.doc.peer_id + 1
    return client.set(f"field-{number % 20}", number)


def test_a_pipeline_that_was_removed_while_another_edited_it_stays_in_sight(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    alice, bob = Client(ALICE).join(room), Client(BOB).join(room)
    seen = room.heads()
    room.accept([alice.set("removed", seen)])
    assert room.removed_but_edited() == {}

    room.accept([bob.set("schedule", "every 1h")])

    assert room.removed_but_edited() == {"orders": seen}
    assert room.removed_but_edited(room.draft().applied_heads) == {}
    with pytest.raises(Unresolved, match="orders"):
        drafting.rooms.rebuild(OSCAR, MAIN, "asked for")
    with pytest.raises(Unresolved, match="orders"):
        drafting.rooms.create(BOB, "beside", room.heads())


def test_a_removal_that_saw_the_edit_is_settled_and_a_rebuild_buries_it(drafting: Drafting) -> None:
    drafting.applied(ORDERS + ORDERS[ORDERS.index("[[pipeline]]") :].replace('id = "orders"', 'id = "kept"'))
    room = drafting.rooms.named(MAIN)
    alice, bob = Client(ALICE).join(room), Client(BOB).join(room)
    room.accept([alice.set("removed", room.heads()), bob.set("schedule", "every 1h")])
    assert room.removed_but_edited() != {}
    alice.join(room)
    room.accept([alice.set("removed", room.heads())])
    assert room.removed_but_edited() == {}

    draft = drafting.rooms.rebuild(OSCAR, MAIN, "asked for")

    new = drafting.rooms.named(MAIN)
    assert new.removed_but_edited() == {}
    assert [pipeline.id for pipeline in manifest_of(new.tree()).pipelines] == ["kept"]
    assert [pipeline.id for pipeline in manifest_of(new.tree(draft.applied_heads)).pipelines] == ["kept", "orders"]


def test_a_removal_by_somebody_who_saw_what_nobody_knows_is_not_settled(drafting: Drafting) -> None:
    room = drafting.rooms.named(MAIN)
    alice = Client().join(room)
    room.accept([alice.set("removed", "made up")])

    assert room.removed_but_edited() == {"orders": "made up"}


def test_a_document_with_an_unsettled_removal_is_not_rebuilt_by_itself(tmp_path: Path) -> None:
    drafting = Drafting(tmp_path, limits=RoomLimits(peers=2))
    drafting.applied()
    room = drafting.rooms.named(MAIN)
    for number in range(5):
        room.accept([Client().join(room).set("removed", f"made up {number}")])

    drafting.rooms.tidy()
    assert room.peers() == 6
    assert drafting.rooms.named(MAIN) is room
    room.accept([Client().join(room).set("removed", None)])
    drafting.rooms.tidy()

    assert drafting.rooms.named(MAIN) is not room
    drafting.end()


def test_a_document_in_which_an_edit_waits_is_not_rebuilt_by_itself(tmp_path: Path) -> None:
    drafting = Drafting(tmp_path, limits=RoomLimits(peers=2))
    room = drafting.rooms.named(MAIN)
    alice = Client().join(room)
    first, second = alice.set("first", 1), alice.set("second", 2)
    for number in range(3):
        room.accept([Client().join(room).set("other", number)])
    room.accept([second])

    drafting.rooms.tidy()
    assert drafting.rooms.named(MAIN) is room
    room.accept([first])
    drafting.rooms.tidy()

    assert drafting.rooms.named(MAIN) is not room
    assert fields(drafting.rooms.named(MAIN).tree()) == {"first": 1, "second": 2, "other": 2}
    drafting.end()
