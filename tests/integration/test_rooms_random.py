"""Any order of edits, late and double deliveries, folding and restarts ends with everybody having the same."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from loro import VersionVector

from appliance.core.draft import MAIN
from appliance.core.team import Actor, Role
from appliance.services.room import Delivery
from appliance.services.room_document import RoomLimits
from tests.support.rooms import Client, Drafting, are_accepted, fields

PEOPLE = 3

_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("edit"), st.integers(0, PEOPLE - 1)),
        st.tuples(st.just("deliver"), st.lists(st.integers(0, 9), max_size=4)),
        st.tuples(st.just("again"), st.integers(0, 9)),
        st.tuples(st.sampled_from(["tidy", "restart", "wait"]), st.just(0)),
        st.tuples(st.just("join"), st.integers(0, PEOPLE - 1)),
    ),
    max_size=40,
)


class Play:
    """What is on its way may overtake, and arrive twice."""

    def __init__(self, folder: Path) -> None:
        self.drafting = Drafting(folder, limits=RoomLimits(log_updates=2))
        self.people = [Client(Actor(f"member-{one}", Role.EDITOR, f"token-{one}")) for one in range(PEOPLE)]
        self.under_way: list[Delivery] = []
        self.arrived: list[Delivery] = []
        self.edits = 0

    def step(self, name: str, what: int | list[int]) -> None:
        room = self.drafting.rooms.named(MAIN)
        match name, what:
            case "edit", int(one):
                self.edits += 1
                self.under_way.append(self.people[one].set(f"field-{one}", self.edits))
            case "deliver", list(indexes):
                self._deliver([self.under_way.pop(one % len(self.under_way)) for one in indexes if self.under_way])
            case "again", int(one) if self.arrived:
                self._deliver([self.arrived[one % len(self.arrived)]])
            case "join", int(one):
                self.people[one].join(room)
            case "tidy", _:
                self.drafting.rooms.tidy()
            case "restart", _:
                self.drafting.start()
            case "wait", _:
                self.drafting.after(2)

    def _deliver(self, deliveries: Sequence[Delivery]) -> None:
        assert are_accepted(self.drafting.rooms.named(MAIN).accept(deliveries))
        self.arrived += deliveries

    def meet(self) -> None:
        """Everybody joins, and joins again to see what the others brought."""
        for person in self.people * 2:
            person.acked = VersionVector()  # type: ignore[no-untyped-call]
            person.join(self.drafting.rooms.named(MAIN))


@settings(max_examples=40)
@given(_STEPS)
def test_everybody_ends_with_the_same_and_every_edit_with_its_author(steps: list[tuple[str, int | list[int]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        play = Play(Path(folder))
        for name, what in steps:
            play.step(name, what)
        play.meet()

        room = play.drafting.rooms.named(MAIN)
        trees = [person.tree() for person in play.people]
        restarted = play.drafting.start().named(MAIN)

        assert all(fields(tree) == fields(room.tree()) == fields(restarted.tree()) for tree in trees)
        assert not restarted.waits()
        for write in restarted.writes(since=None):
            for one in (room, restarted):
                span = one.author_of(write.peer, write.counter)
                assert span is not None
                assert span.author == write.path[-1].replace("field", "member")
        play.drafting.end()
