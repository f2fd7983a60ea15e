"""Kill the process before and after every call of the store: what was acknowledged stays, what was refused never is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from appliance.core.config_doc import Accepted
from appliance.core.draft import MAIN, Drafts
from appliance.services.room import Delivery, Room, Verdict
from appliance.services.room_document import RoomLimits
from appliance.services.rooms import Rooms
from tests.support.crash import Fuse, Killed
from tests.support.rooms import ALICE, BOB, OSCAR, Client, Drafting, fields

LIMITS = RoomLimits(log_updates=3)
CALLS = 40


class FusedDrafts:
    """The store, each call of which goes through the fuse."""

    def __init__(self, real: Drafts, fuse: Fuse) -> None:
        self._real = real
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._real, name)
        return lambda *args, **kwargs: self._fuse.call(name, method, *args, **kwargs)


@dataclass(slots=True)
class Story:
    """Two people edit, somebody sends rubbish, the log is folded, the document rebuilt, a draft comes and goes."""

    rooms: Rooms
    acked: dict[str, object] = field(default_factory=dict)

    def told(self) -> None:
        self.edits(self.rooms.named(MAIN), "before")
        self.rooms.tidy()
        self.rooms.rebuild(OSCAR, MAIN, "story")
        self.edits(self.rooms.named(MAIN), "after")
        self.rooms.create(ALICE, "beside")
        self.rooms.discard(ALICE, "beside")

    def edits(self, room: Room, name: str) -> None:
        alice, bob = Client(ALICE).join(room), Client(BOB).join(room)
        for number in range(3):
            keys = [f"{name}-{who}-{number}" for who in ("alice", "bob")]
            refused = Delivery([Client().set("refused", 1).updates[0][:-1]], "alice", "alice-token")
            deliveries = [alice.set(keys[0], number), refused, bob.set(keys[1], number)]
            one, rubbish, other = room.accept(deliveries)
            assert not isinstance(rubbish, Accepted)
            self.note(keys, [one, other], number)

    def note(self, keys: list[str], verdicts: list[Verdict], number: int) -> None:
        self.acked |= {
            key: number for key, verdict in zip(keys, verdicts, strict=True) if isinstance(verdict, Accepted)
        }


@pytest.fixture
def drafting(tmp_path: Path) -> Iterator[Drafting]:
    started = Drafting(tmp_path, limits=LIMITS)
    yield started
    started.end()


def _through(fuse: Fuse, drafting: Drafting) -> Rooms:
    return drafting.start(lambda drafts: cast("Drafts", FusedDrafts(drafts, fuse)))


def test_the_story_has_fewer_calls_than_are_tried(drafting: Drafting) -> None:
    fuse = Fuse()
    story = Story(_through(fuse, drafting))
    story.told()

    assert len(story.acked) == 12
    assert {"create", "append", "compact", "rebuild", "discard", "content", "get"} <= set(fuse.names)
    assert fuse.calls < CALLS


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, CALLS))
def test_a_kill_at_any_call_loses_nothing_that_was_acknowledged(drafting: Drafting, at: int, *, after: bool) -> None:
    story = Story(_through(Fuse(at, after=after), drafting))
    with suppress(Killed):
        story.told()

    rooms = drafting.start()
    said = fields(rooms.named(MAIN).tree())

    assert story.acked.items() <= said.items()
    assert "refused" not in said
    assert sum(one.name == MAIN for one in drafting.drafts.list()) == 1
    again = Story(rooms)
    again.edits(rooms.named(MAIN), "again")
    rooms.tidy()
    assert (story.acked | again.acked).items() <= fields(drafting.start().named(MAIN).tree()).items()
