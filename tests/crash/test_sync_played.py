"""What random editing came upon once, or must come upon, played step by step."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from loro import LoroDoc

from appliance.core.draft import MAIN
from appliance.core.draft_tree import manifest_of
from appliance.core.manifest import InvalidManifest, render
from tests.support.sync_client import pipeline_map
from tests.support.sync_world import World, peer_numbers, team, until_so
from tests.support.sync_world_edits import create, note
from tests.support.sync_world_people import Person
from tests.support.sync_world_serve import Busy

pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[World]]:
    """Each one an empty main draft on the same server."""
    server = Busy(tmp_path_factory.mktemp("played") / "data")
    server.start()
    members, peers = team(server), peer_numbers()
    try:
        yield iter(lambda: World(server, members, draft=MAIN, peers=peers), None)
    finally:
        server.stop()


@pytest.fixture
def world(worlds: Iterator[World]) -> Iterator[World]:
    world = next(worlds)
    yield world
    world.heal()
    world.end()


def make_notes(person: Person, count: int, *, hold: bool) -> None:
    for number in range(count):
        person.make(lambda doc: note(doc, "orders", number), hold=hold)  # noqa: B023 - called here and now


def fold(world: World) -> None:
    """Wait until the server has put what there is into a snapshot."""
    epoch = world.room.rpartition(":")[2]
    with world.catalog() as drafts:
        until_so(lambda: drafts.content(epoch).seq and not drafts.content(epoch).updates, "the log is folded")


def test_what_waits_for_an_edit_that_died_with_its_client_outlives_folding_and_a_kill(world: World) -> None:
    ann, ben = world.people[:2]
    make_notes(ann, 6, hold=True)
    for _ in range(5):
        ann.post(ann.held.pop())
    ann.until(lambda: len(ann.ledger.acknowledged) >= 5)
    ann.cut()
    make_notes(ben, 4, hold=False)
    ben.flush()
    fold(world)
    world.kill(whole=True)
    world.die(0)

    world.heal()

    assert ann.ledger.sent[ann.peer] == ann.ledger.made[ann.peer]


def test_of_an_edit_that_was_never_sent_nothing_is_found_again(world: World) -> None:
    ann = world.people[0]
    ann.make(lambda doc: create(doc, "orders", 0), hold=False)
    ann.flush()
    make_notes(ann, 2, hold=True)
    world.die(0)
    world.kill(whole=False)

    world.heal()

    assert "notes" not in world.people[0].tree()["pipelines"]["orders"]


def test_the_order_of_tables_that_two_people_added_at_once_is_the_same_in_a_rebuilt_document(world: World) -> None:
    for person, first in zip(world.writers, (0, 1, 0), strict=True):
        for number in (first, 1 - first):
            person.make(lambda doc: create(doc, "orders", number), hold=False)  # noqa: B023 - called here and now
    world.heal()
    before = world.people[0].tree()
    assert len(before["pipelines"]["orders"]["order"]) > 2

    world.rebuild()
    world.heal()

    assert render(manifest_of(world.people[0].tree())) == render(manifest_of(before))


@pytest.mark.parametrize("place", ["source", "tables", "order", "notes", "comments"])
def test_a_draft_that_is_wrong_is_rebuilt_and_no_less_wrong(world: World, place: str) -> None:
    def break_it(doc: LoroDoc) -> None:
        create(doc, "orders", 0)
        orders = pipeline_map(doc)
        if orders.get(place) is not None:
            orders.delete(place)
        orders.insert(place, 5)

    world.people[0].make(break_it, hold=False)
    world.people[0].flush()
    room = world.room
    assert (problems := problems_of(world.people[0]))

    world.rebuild()
    world.heal()

    assert world.room != room
    assert problems_of(world.people[0]) == problems


def problems_of(person: Person) -> list[str]:
    try:
        manifest_of(person.tree())
    except InvalidManifest as invalid:
        return [str(problem) for problem in invalid.problems]
    return []


def test_of_what_is_acknowledged_when_the_server_is_killed_everything_is_there(world: World) -> None:
    for _ in range(2):
        for index in range(len(world.writers)):
            make_notes(world.come_back(index), 40, hold=False)
        acknowledged, before = world.people[0].ledger.acknowledged, len(world.people[0].ledger.acknowledged)
        until = time.monotonic() + 10
        while len(acknowledged) == before and time.monotonic() < until:
            world.people[0].read(0.001)
        world.kill(whole=True)

        world.check_stored()
        assert len(acknowledged) > before
