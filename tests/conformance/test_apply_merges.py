"""An apply meets what others do: files and other drafts are merged into the main one, and the object store follows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from appliance.core.draft import MAIN, Unresolved
from appliance.core.errors import Conflict
from appliance.core.team import Actor
from tests.support.editing import Editor, apply_heads, live, refused
from tests.support.harness import ALICE, BOB, Harness, pipeline

pytestmark = pytest.mark.conformance


def test_files_change_what_differs_and_bring_nobodys_unapplied_edit_live(harness: Harness) -> None:
    harness.apply(pipeline(), pipeline("invoices"))
    alice = Editor(harness)
    alice.set("schedule", "every 1h", pipeline="invoices")

    applied = harness.apply(pipeline(schedule="every 15m"), pipeline("invoices"))

    assert applied.created
    assert live(harness) == {"orders": "every 15m", "invoices": None}
    assert alice.sees()["schedule"] == "every 15m"
    assert alice.sees("invoices")["schedule"] == "every 1h"
    draft = alice.room.draft()
    assert (draft.applied, draft.applied_heads) == (2, applied.revision.heads)


def test_a_draft_with_problems_does_not_hold_up_files(harness: Harness) -> None:
    harness.apply(pipeline())
    alice = Editor(harness)
    alice.set("schedule", "every now and then")

    assert harness.apply(pipeline(), pipeline("invoices")).created
    assert alice.sees()["schedule"] == "every now and then"


def test_a_pipeline_that_files_leave_out_while_somebody_edits_it_is_a_conflict_that_the_draft_shows(
    harness: Harness,
) -> None:
    harness.apply(pipeline(), pipeline("invoices"))
    bob = Editor(harness, BOB)
    bob.set("schedule", "every 1h")

    harness.apply(pipeline("invoices"))

    assert live(harness) == {"invoices": None}
    refused(harness, Unresolved, lambda: apply_heads(harness, bob.room.heads()), "removed by alice and edited by bob")


def test_comments_of_files_are_in_the_draft_and_survive_its_apply(harness: Harness) -> None:
    text = pipeline(schedule="every 15m").replace("schedule", "# Nightly is too late.\nschedule")
    harness.apply("# Orders, for finance.\n" + text)
    alice = Editor(harness)

    apply_heads(harness, alice.set("timezone", "Europe/Berlin"))

    manifest = harness.on.revisions.get(2).manifest
    assert "# Orders, for finance." in manifest
    assert "# Nightly is too late.\n" in manifest
    assert 'timezone = "Europe/Berlin"' in manifest


def test_another_draft_is_applied_and_everybody_sees_it_in_the_main_one(harness: Harness) -> None:
    harness.apply(pipeline(), pipeline("invoices"))
    alice = Editor(harness)
    alice.set("schedule", "every 1h", pipeline="invoices")
    harness.control.drafts.create(BOB, "try", None)
    bob = Editor(harness, BOB, draft="try")
    seen = bob.set("schedule", "every 15m")

    revision = apply_heads(harness, seen, by=BOB, draft="try").revision

    assert live(harness) == {"orders": "every 15m", "invoices": None}
    assert (revision.draft, revision.epoch, revision.heads) == ("try", bob.room.id.epoch, seen)
    assert alice.sees()["schedule"] == "every 15m"
    assert alice.sees("invoices")["schedule"] == "every 1h"
    assert [(draft.name, draft.applied) for draft in harness.on.drafts.list()] == [("main", 2), ("try", 2)]
    assert apply_heads(harness, alice.room.heads()).created
    assert live(harness) == {"orders": "every 15m", "invoices": "every 1h"}


def test_of_two_who_press_apply_at_once_one_is_told_of_the_other(harness: Harness) -> None:
    harness.apply(pipeline())
    alice, bob = Editor(harness), Editor(harness, BOB)
    seen = {"alice": alice.set("schedule", "every 15m"), "bob": bob.set("schedule", "every 1h")}
    barrier = Barrier(2)

    def press(actor: Actor) -> str:
        barrier.wait(10)
        try:
            harness.control.apply.heads(actor, seen[actor.name], draft=MAIN, based_on=1)
        except Conflict as conflict:
            return f"{conflict.moved.by if conflict.moved else 'nobody'} was first"
        return f"{actor.name} was first"

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(press, [ALICE, BOB]))

    assert len(set(told)) == 1
    assert harness.on.revisions.head_number() == 2


def test_an_apply_stands_though_the_object_store_is_away(harness: Harness) -> None:
    harness.apply(pipeline())
    harness.on.objects.put("manifests/manifest@v2.toml", b"of somebody else")
    seen = Editor(harness).set("schedule", "every 15m")

    applied = apply_heads(harness, seen)

    assert (applied.created, applied.mirrored, live(harness)) == (True, False, {"orders": "every 15m"})
    assert harness.on.objects.get("manifests/manifest@current") == b"1"
    assert harness.control.mirror.problem is not None
    assert "foreign_manifest" in harness.control.mirror.problem


def test_every_revision_is_in_the_object_store_once_it_is_applied(harness: Harness) -> None:
    harness.apply(pipeline())
    apply_heads(harness, Editor(harness).set("schedule", "every 15m"))

    objects = harness.on.objects
    assert objects.get("manifests/manifest@current") == b"2"
    for number in (1, 2):
        stored = harness.on.revisions.get(number).manifest
        assert objects.get(f"manifests/manifest@v{number}.toml") == stored.encode()
