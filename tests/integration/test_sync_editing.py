"""Editors on real sockets: what one writes, all have, and what is acknowledged is on disk."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from loro import ExportMode

from appliance.core.sync.decode import decode
from appliance.core.sync.frames import DocUpdate, JoinError, JoinFault, JoinOk, RoomFault, Status
from appliance.core.team import Actor, Role
from appliance.services.teams import SYSTEM
from tests.support.harness import pipeline
from tests.support.sync_client import new_doc, pipeline_map
from tests.support.sync_serving import Syncing, syncing


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Syncing]:
    with syncing(tmp_path) as served:
        yield served


def stored(served: Syncing) -> object:
    return served.api.harness.control.rooms.named("main").tree()


def test_two_editors_see_each_other(served: Syncing) -> None:
    bob, alice = served.joined("bob"), served.joined("alice")

    bob.saved(bob.set("schedule", "every 5m"))
    alice.until(lambda: alice.field("schedule") == "every 5m")
    alice.saved(alice.set("timezone", "UTC"))
    bob.until(lambda: bob.field("timezone") == "UTC")

    assert bob.tree() == alice.tree() == stored(served)


def test_edits_made_at_the_same_moment_all_stay(served: Syncing) -> None:
    bob, alice = served.joined("bob"), served.joined("alice")

    batches = [
        (editor, editor.set(f"{name}{number}", number))
        for number in range(50)
        for name, editor in (("b", bob), ("a", alice))
    ]
    for editor, batch in batches:
        editor.saved(batch)
    for editor in (bob, alice):
        editor.until(lambda: len(editor.tree()["pipelines"]["orders"]) == 100)  # noqa: B023 - called at once

    assert bob.tree() == alice.tree() == stored(served)


def test_nobody_is_sent_back_a_lone_edit(served: Syncing) -> None:
    bob = served.joined("bob")

    bob.saved(bob.set("schedule", "every 5m"))
    bob.read_all()

    assert [frame for frame in bob.heard if isinstance(frame, DocUpdate)] == []


def test_an_edit_made_offline_arrives_with_the_join(served: Syncing) -> None:
    first = served.joined("bob")
    first.saved(first.set("schedule", "every 5m"))
    first.socket.vanish()
    pipeline_map(first.doc).insert("timezone", "Europe/Berlin")
    first.doc.commit()

    alice = served.joined("alice")
    first.connect()
    first.join()
    alice.until(lambda: alice.field("timezone") == "Europe/Berlin")

    assert alice.tree() == stored(served)


def test_a_join_with_an_unreadable_version_is_told_the_own_one(served: Syncing) -> None:
    bob = served.joined("bob")
    bob.saved(bob.set("schedule", "every 5m"))
    late = served.editor("alice")

    answer = late.ask(version=b"\xff\xff\xff")

    assert isinstance(answer, JoinError)
    assert answer.fault is JoinFault.VERSION_UNKNOWN
    assert answer.version == bob.doc.oplog_vv.encode()
    assert isinstance(late.ask(version=b""), JoinOk)
    late.until(lambda: late.field("schedule") == "every 5m")


def test_a_large_edit_goes_both_ways_in_fragments(served: Syncing) -> None:
    bob, alice = served.joined("bob"), served.joined("alice")
    text = os.urandom(350_000).hex()

    bob.saved(bob.set("sql", text))
    alice.until(lambda: alice.field("sql") == text)
    late = served.joined("oscar")
    late.until(lambda: late.field("sql") == text)

    assert late.tree() == stored(served)


def test_a_viewer_reads_and_does_not_write(served: Syncing) -> None:
    bob, viewer = served.joined("bob"), served.editor("charlie")
    granted = viewer.join()
    bob.saved(bob.set("schedule", "every 5m"))
    viewer.until(lambda: viewer.field("schedule") == "every 5m")
    before = stored(served)

    assert not granted.writes
    assert viewer.settled(viewer.set("schedule", "every 1m")) is Status.DENIED
    large = viewer.set("sql", os.urandom(200_000).hex())
    assert viewer.settled(large) is Status.DENIED
    assert stored(served) == before


def test_who_has_not_joined_is_denied(served: Syncing) -> None:
    stranger = served.editor("bob")

    assert stranger.settled(stranger.set("schedule", "every 1m")) is Status.DENIED

    stranger.join()
    stranger.leave()
    assert stranger.settled(stranger.set("schedule", "every 2m")) is Status.DENIED


def test_an_edit_that_waits_for_others_is_kept_and_its_sender_asked_to_rejoin(served: Syncing) -> None:
    bob, alice = served.joined("bob"), served.joined("alice")
    pipeline_map(bob.doc).insert("schedule", "every 5m")
    bob.doc.commit()

    bob.saved(bob.set("timezone", "UTC"))
    bob.until(lambda: bob.rejoins)
    bob.read_all()
    alice.until(lambda: alice.field("timezone") == "UTC" and alice.field("schedule") == "every 5m")

    assert bob.tree() == alice.tree() == stored(served)


def test_a_client_that_never_sends_what_is_missing_is_asked_once_a_second(served: Syncing) -> None:
    bob = served.joined("bob")
    other = new_doc()
    pipeline_map(other).insert("a", 0)
    other.commit()
    sent = []
    for number in range(20):
        before = other.oplog_vv
        pipeline_map(other).insert("a", number + 1)
        other.commit()
        sent.append(bob.send(other.export(ExportMode.Updates(before))))
    for batch in sent:
        bob.saved(batch)
    bob.read_all(0.5)

    assert 1 <= bob.rejoins <= 2


def test_an_apply_over_http_reaches_the_editors(served: Syncing) -> None:
    bob = served.joined("bob")

    served.api.harness.apply(pipeline("orders", schedule="every 15m"))
    bob.until(lambda: bob.field("schedule") == "every 15m")

    assert bob.tree() == stored(served)


def test_who_joins_while_others_apply_and_edit_misses_nothing(served: Syncing) -> None:
    writer, editors = served.joined("bob"), []

    def apply() -> None:
        for number in range(1, 40):
            served.api.harness.apply(pipeline("orders", schedule=f"every {number}m"))

    applying = threading.Thread(target=apply)
    applying.start()
    number = 0
    while applying.is_alive() and number < 50:
        number += 1
        writer.set("edits", number)
        editors.append(served.joined("alice"))
    applying.join()
    for editor in editors:
        editor.until(lambda: (editor.field("schedule"), editor.field("edits")) == ("every 39m", number))  # noqa: B023

    assert len(editors) > 3
    assert all(editor.tree() == stored(served) for editor in editors)


def test_a_rebuilt_document_goes_on_in_another_room(served: Syncing) -> None:
    bob, rooms = served.joined("bob"), served.api.harness.control.rooms
    bob.saved(bob.set("schedule", "every 5m"))
    old = served.room

    rooms.rebuild(SYSTEM, "main", "a test")
    bob.until(lambda: bob.evicted)
    late = served.editor("alice", room=old)
    answer = late.ask()

    assert bob.evicted is not None
    assert bob.evicted.fault is RoomFault.REJOIN
    assert bob.evicted.message == f"room_moved {served.room}"
    assert isinstance(answer, JoinError)
    assert (answer.fault, answer.app_code) == (JoinFault.APP, "room_moved")
    assert served.room in answer.message
    assert bob.settled(bob.set("schedule", "every 6m")) is Status.DENIED
    moved = served.joined("bob")
    moved.until(lambda: moved.field("schedule") == "every 5m")


def test_a_discarded_draft_sends_its_editors_away(served: Syncing) -> None:
    rooms, bob = served.api.harness.control.rooms, Actor("bob", Role.EDITOR, "bob-token")
    draft = rooms.create(bob, "later")
    editor = served.editor("bob", room=str(draft.room))
    editor.join()

    rooms.discard(bob, "later")
    editor.until(lambda: editor.evicted)

    assert editor.evicted is not None
    assert editor.evicted.message == "room_moved"


def test_a_draft_that_nobody_made_is_no_room(served: Syncing) -> None:
    for room, code in (("config:other:0123456789ab", "not_found"), ("orders", "not_found")):
        answer = served.editor("bob", room=room).ask()
        assert isinstance(answer, JoinError)
        assert (answer.fault, answer.app_code) == (JoinFault.APP, code)


def test_a_ping_is_answered_and_other_text_is_not(served: Syncing) -> None:
    bob = served.joined("bob")
    bob.heard.clear()

    bob.socket.send("hello")
    bob.socket.send("ping")
    bob.until(lambda: bob.heard)

    assert bob.heard == ["pong"]


def test_the_hub_tells_who_is_here(served: Syncing) -> None:
    served.joined("bob")
    served.joined("alice")

    here = served.in_loop(served.hub.here)

    assert [(one.member, one.room) for one in here] == [("alice", served.room), ("bob", served.room)]


def test_a_document_of_another_kind_is_refused_in_the_protocols_words(served: Syncing) -> None:
    bob = served.joined("bob")

    bob.socket.send(b"%YJS\x03doc\x00\x00\x00")
    answer = bob.socket.receive()

    assert isinstance(answer, bytes)
    assert answer.startswith(b"%YJS\x03doc\x02\x7f")
    with pytest.raises(Exception, match="%YJS"):
        decode(answer)
    bob.saved(bob.set("schedule", "every 5m"))
