"""Who is here: said by everybody of themselves, and gone with the connection."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.core.limits import PRESENCE_BYTES, PRESENCE_KEYS_PER_CONNECTION
from appliance.core.sync.frames import DocUpdate, Status
from appliance.entrypoints.ws.company import KEY_BYTES, MOST_GONE
from appliance.entrypoints.ws.hub import Limits
from appliance.entrypoints.ws.presence_entries import Entry, write_entries
from appliance.services.teams import SYSTEM
from tests.support.sync_client import Editor, fresh
from tests.support.sync_serving import Syncing, syncing

HERE = {"pipeline": "orders", "field": ["schedule", 1, 1.5, True, None]}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Syncing]:
    with syncing(tmp_path) as served:
        yield served


def present(served: Syncing, name: str) -> Editor:
    editor = served.editor(name)
    editor.appear()
    return editor


def say(editor: Editor, key: str, value: bytes | None = b"\x04\x01x", *, at: float = 0.0) -> bytes:
    """Send one entry as its bytes, whatever the own store would say; `at` is seconds from now."""
    batch = fresh()
    data = write_entries([Entry(key, value)], at=int((time.time() + at) * 1000))
    editor.say(DocUpdate(editor.presence, batch, [data]))
    return batch


def test_what_one_says_the_others_hear_and_late_joiners_too(served: Syncing) -> None:
    bob, viewer = present(served, "bob"), present(served, "charlie")

    bob.saved(bob.tell("bob/1", HERE))
    viewer.saved(viewer.tell("charlie/1", {"pipeline": "lines"}))
    bob.until(lambda: bob.here.get("charlie/1"))
    viewer.until(lambda: viewer.here.get("bob/1"))
    late = present(served, "alice")
    late.until(lambda: late.here.get("bob/1"))

    assert late.here.get_all_states() == {"bob/1": HERE, "charlie/1": {"pipeline": "lines"}}


def test_what_is_taken_back_is_gone_for_all(served: Syncing) -> None:
    bob, alice = present(served, "bob"), present(served, "alice")
    bob.saved(bob.tell("bob/1", HERE))
    alice.until(lambda: alice.here.get("bob/1"))

    bob.saved(bob.tell("bob/1", None))
    alice.until(lambda: alice.here.get("bob/1") is None)

    assert present(served, "oscar").here.get_all_states() == {}


@pytest.mark.parametrize("ahead", [0.0, 3600.0])
def test_a_lost_connection_is_gone_at_once_whatever_its_clock_said(served: Syncing, ahead: float) -> None:
    bob, alice = present(served, "bob"), present(served, "alice")
    bob.saved(say(bob, "bob/1", at=ahead))
    alice.until(lambda: alice.here.get("bob/1"))
    started = time.monotonic()

    bob.socket.vanish()
    alice.until(lambda: alice.here.get("bob/1") is None)

    assert time.monotonic() - started < 2


def test_a_clock_that_is_behind_does_not_make_one_invisible(served: Syncing) -> None:
    bob, alice = present(served, "bob"), present(served, "alice")

    bob.saved(say(bob, "bob/1", at=-3600))

    alice.until(lambda: alice.here.get("bob/1") == "x")


def test_nobody_says_anything_as_somebody_else(served: Syncing) -> None:
    bob, alice = present(served, "bob"), present(served, "alice")
    alice.saved(alice.tell("alice/1", HERE))
    bob.until(lambda: bob.here.get("alice/1"))

    for key in ("alice/1", "alice/2", "bo", "bob", "BOB/1", "/bob", ""):
        assert bob.settled(say(bob, key)) is Status.DENIED
    assert bob.settled(say(bob, "alice/1", None)) is Status.DENIED
    alice.read_all()

    assert alice.here.get_all_states() == {"alice/1": HERE}


def test_the_stock_clients_replay_of_all_it_knows_counts_for_its_own_keys(served: Syncing) -> None:
    bob, alice = present(served, "bob"), present(served, "alice")
    alice.saved(alice.tell("alice/1", HERE))
    bob.saved(bob.tell("bob/1", HERE))
    bob.until(lambda: bob.here.get("alice/1"))
    bob.socket.vanish()
    alice.until(lambda: alice.here.get("bob/1") is None)

    bob.connect()
    bob.appear()
    batch = fresh()
    bob.say(DocUpdate(bob.presence, batch, [bob.here.encode_all()]))

    assert bob.settled(batch) is Status.DENIED
    alice.until(lambda: alice.here.get("bob/1") == HERE)


def test_one_connection_has_so_many_keys(served: Syncing) -> None:
    bob, alice = present(served, "bob"), present(served, "alice")
    for number in range(PRESENCE_KEYS_PER_CONNECTION):
        bob.saved(bob.tell(f"bob/{number}", number))

    assert bob.settled(bob.tell("bob/one too many", 1)) is Status.TOO_LARGE
    bob.saved(bob.tell("bob/0", None))
    bob.saved(bob.tell("bob/instead", 1))
    alice.until(lambda: alice.here.get("bob/instead"))

    assert alice.here.get("bob/one too many") is None


def test_what_one_says_is_short(served: Syncing) -> None:
    bob = present(served, "bob")

    assert bob.settled(bob.tell("bob/1", "x" * (PRESENCE_BYTES + 1))) is Status.TOO_LARGE
    bob.saved(bob.tell("bob/2", "x" * (PRESENCE_BYTES - 100)))


def test_a_key_is_short(served: Syncing) -> None:
    bob = present(served, "bob")

    assert bob.settled(say(bob, "bob/" + "x" * KEY_BYTES)) is Status.TOO_LARGE
    bob.saved(say(bob, "bob/" + "x" * (KEY_BYTES - 4)))


def test_keys_that_come_and_go_without_end_are_not_all_remembered(served: Syncing) -> None:
    bob = present(served, "bob")
    bob.saved(say(bob, "bob/stays"))
    keys = [f"bob/{number}" for number in range(MOST_GONE)]
    for start in range(0, MOST_GONE, 3):
        some = keys[start : start + 3]
        for entries in ([Entry(key, b"\0") for key in some], [Entry(key, None) for key in some]):
            bob.say(DocUpdate(bob.presence, fresh(), [write_entries(entries, at=0)]))

    assert bob.settled(say(bob, "bob/one too many")) is Status.RATE_LIMITED
    bob.saved(say(bob, "bob/stays"))
    bob.saved(say(bob, "bob/stays", None))


HOSTILE = {
    "nothing": b"",
    "more entries than bytes": b"\xff\xff\x03",
    "a key that is cut": b"\x01\x7fbob",
    "a key that is no text": b"\x01\x01\xff\x00\x00",
    "a value that is none": b"\x01\x05bob/1\x01\x63\x00",
    "a container": b"\x01\x05bob/1\x01\x07\x00\x00",
    "nesting": b"\x01\x05bob/1\x01" + b"\x05\x01" * 100 + b"\x00\x00",
    "a list of more than there is": b"\x01\x05bob/1\x01\x05\xff\xff\x03\x00",
    "no time": b"\x01\x05bob/1\x00",
    "a time without an end": b"\x01\x05bob/1\x00" + b"\xff" * 11,
    "bytes after the end": b"\x01\x05bob/1\x00\x00rest",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_cannot_be_read_is_refused(served: Syncing, kind: str) -> None:
    bob, batch = present(served, "bob"), fresh()

    bob.say(DocUpdate(bob.presence, batch, [HOSTILE[kind]]))

    assert bob.settled(batch) is Status.INVALID
    bob.saved(bob.tell("bob/1", HERE))


def test_what_is_not_said_again_is_forgotten(tmp_path: Path) -> None:
    with syncing(tmp_path, limits=Limits(presence=0.5, expire=0.1)) as served:
        bob = present(served, "bob")
        bob.saved(bob.tell("bob/1", HERE))
        time.sleep(1)

        assert present(served, "alice").here.get_all_states() == {}
        bob.saved(bob.tell("bob/1", HERE))
        again = present(served, "oscar")
        again.until(lambda: again.here.get("bob/1") == HERE)


def test_presence_ends_with_its_document(served: Syncing) -> None:
    bob = present(served, "bob")

    served.api.harness.control.rooms.rebuild(SYSTEM, "main", "a test")
    bob.until(lambda: bob.evicted)

    assert bob.evicted is not None
    assert (bob.evicted.room, bob.evicted.message) == (bob.presence, f"room_moved {served.room}")


def test_many_who_speak_at_once_are_told_in_few_frames(served: Syncing) -> None:
    alice = present(served, "alice")
    speakers = [present(served, "bob") for _ in range(20)]
    alice.read_all()
    alice.heard.clear()

    for round_ in range(10):
        for number, speaker in enumerate(speakers):
            speaker.tell(f"bob/{number}", round_)
    alice.until(lambda: all(alice.here.get(f"bob/{number}") == 9 for number in range(20)))

    assert sum(isinstance(one, DocUpdate) for one in alice.heard) < 50
