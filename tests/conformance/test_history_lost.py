"""What is lost because somebody took away what somebody else was editing is told by name; nothing else is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from loro import LoroDoc

from appliance.services.history_lost import LostEdits, lost_edits
from tests.support.editing import Editor, schedule
from tests.support.harness import BOB, Harness, pipeline
from tests.support.rooms import fields, pipeline_map

pytestmark = pytest.mark.conformance


def delete_outright(doc: LoroDoc) -> None:
    """As a client does that knows nothing of graves."""
    doc.get_map("pipelines").delete("orders")


def lost(harness: Harness) -> Sequence[LostEdits]:
    room = harness.control.rooms.named("main")
    return lost_edits(room, since=room.draft().applied_heads)


def test_an_edit_inside_a_pipeline_that_is_deleted_outright_is_told_as_lost(harness: Harness) -> None:
    harness.apply(pipeline())
    alice, bob = Editor(harness), Editor(harness, BOB)
    late = bob.offline(schedule("orders", "every 1h"))
    alice.change(delete_outright)
    late()

    [told] = lost(harness)

    assert fields(harness.control.rooms.named("main").tree()) == {}
    assert (told.path, told.pipeline, told.removed_by, told.edited_by) == (
        "pipeline.orders",
        "orders",
        "alice",
        ["bob"],
    )
    assert told.edits == ["pipeline.orders.schedule"]
    assert str(told) == "pipeline.orders was removed by alice while bob edited it: pipeline.orders.schedule"


def test_it_is_told_whichever_of_the_two_arrives_first(harness: Harness) -> None:
    harness.apply(pipeline())
    alice, bob = Editor(harness), Editor(harness, BOB)
    late = alice.offline(delete_outright)
    bob.set("schedule", "every 1h")
    late()

    assert [(told.removed_by, told.edited_by) for told in lost(harness)] == [("alice", ["bob"])]


def test_edits_that_the_remover_saw_are_not_lost_but_removed(harness: Harness) -> None:
    harness.apply(pipeline())
    alice, bob = Editor(harness), Editor(harness, BOB)
    bob.set("schedule", "every 1h")
    alice.change(delete_outright)

    assert lost(harness) == []


def test_what_is_written_again_after_the_removal_is_not_lost(harness: Harness) -> None:
    harness.apply(pipeline())
    alice, bob = Editor(harness), Editor(harness, BOB)
    alice.change(delete_outright)
    bob.set("schedule", "every 1h")
    bob.change(delete_outright)

    assert lost(harness) == []


def test_a_pipeline_that_somebody_brings_back_has_its_edits_and_nothing_is_lost(harness: Harness) -> None:
    harness.apply(pipeline())
    alice, bob = Editor(harness), Editor(harness, BOB)
    late = bob.offline(schedule("orders", "every 1h"))
    alice.change(delete_outright)
    late()
    assert lost(harness)

    bob.set("timeout", "1h")

    assert lost(harness) == []
    assert bob.sees()["schedule"] == "every 1h"


def test_a_grave_loses_nothing(harness: Harness) -> None:
    harness.apply(pipeline())
    alice, bob = Editor(harness), Editor(harness, BOB)
    late = bob.offline(schedule("orders", "every 1h"))
    alice.remove()
    late()

    assert lost(harness) == []


def test_options_of_a_table_that_somebody_removes_meanwhile_are_lost_too(harness: Harness) -> None:
    harness.apply(pipeline())
    alice, bob = Editor(harness), Editor(harness, BOB)

    def set_mode(doc: LoroDoc) -> None:
        pipeline_map(doc).ensure_mergeable_map("tables").ensure_mergeable_map("orders").insert("mode", "append")

    late = bob.offline(set_mode)
    alice.change(lambda doc: pipeline_map(doc).ensure_mergeable_map("tables").delete("orders"))
    late()

    [told] = lost(harness)

    assert (told.path, told.pipeline) == ("pipeline.orders.tables.orders", "orders")
    assert told.edits == ["pipeline.orders.tables.orders.mode"]


def test_what_was_lost_before_the_last_apply_is_old_news(harness: Harness) -> None:
    harness.apply(pipeline())
    alice, bob = Editor(harness), Editor(harness, BOB)
    late = bob.offline(schedule("orders", "every 1h"))
    alice.change(delete_outright)
    seen = late()
    harness.control.apply.heads(BOB, seen, draft="main", based_on=1)

    assert lost(harness) == []
