"""Going back makes a new revision, takes the bad edits out of the draft, and leaves everybody else's in it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from appliance.core.draft import MAIN
from appliance.core.errors import Conflict, Forbidden, Invalid, NotFound
from tests.support.editing import Editor, apply_heads, live, refused
from tests.support.harness import ALICE, BOB, CHARLIE, Harness, pipeline

pytestmark = pytest.mark.conformance


def _three(harness: Harness) -> None:
    harness.apply(pipeline())
    harness.apply(pipeline(schedule="every 15m"))
    harness.apply(pipeline(schedule="every 1h"), pipeline("invoices"))


def test_a_revert_is_a_new_revision_that_says_the_old(harness: Harness) -> None:
    _three(harness)

    applied = harness.control.revert(BOB, to=1, based_on=3)

    revision, first = applied.revision, harness.on.revisions.get(1)
    assert (applied.created, applied.mirrored, revision.number, revision.reverts) == (True, True, 4, 1)
    assert (revision.manifest, revision.digest, revision.applied_by) == (first.manifest, first.digest, "bob")
    assert live(harness) == {"orders": None}
    assert harness.on.schedules.list() == []


def test_nobody_who_edits_waits_for_an_old_revision_to_be_read(harness: Harness) -> None:
    _three(harness)

    with ThreadPoolExecutor(1) as other, harness.control.rooms.turn, pytest.raises(NotFound):
        other.submit(harness.control.revert, BOB, to=9, based_on=3).result(10)


def test_what_came_after_counts_as_undone_and_what_was_before_does_not(harness: Harness) -> None:
    _three(harness)

    harness.control.revert(ALICE, to=1, based_on=3)

    assert [harness.on.revisions.get(number).undone_by for number in (1, 2, 3, 4)] == [None, 4, 4, None]


def test_the_audit_tells_to_which_revision(harness: Harness) -> None:
    _three(harness)

    harness.control.revert(BOB, to=2, based_on=3)

    entry = harness.on.records.audit(before=None, limit=1).items[0]
    assert (entry.actor, entry.action, entry.subject, entry.detail["reverts"]) == (
        "bob", "config.revert", "revision 4", 2,
    )  # fmt: skip
    assert entry.detail["changes"] == [
        "pipeline.invoices: removed",
        'pipeline.orders.schedule: "every 1h" -> "every 15m"',
    ]


def test_the_bad_edits_leave_the_draft_and_unapplied_ones_stay(harness: Harness) -> None:
    harness.apply(pipeline(), pipeline("invoices"))
    alice, bob = Editor(harness), Editor(harness, BOB)
    apply_heads(harness, alice.set("schedule", "every 15m"))
    bob.set("schedule", "every 1h", pipeline="invoices")

    revision = harness.control.revert(ALICE, to=1, based_on=2).revision

    assert "schedule" not in alice.sees()
    assert alice.sees("invoices")["schedule"] == "every 1h"
    assert live(harness) == {"orders": None, "invoices": None}
    draft = harness.control.rooms.named(MAIN).draft()
    assert (draft.applied, draft.applied_heads, draft.epoch) == (3, revision.heads, revision.epoch)


def test_a_pipeline_that_was_removed_is_back(harness: Harness) -> None:
    harness.apply(pipeline(), pipeline("invoices"))
    alice = Editor(harness)
    apply_heads(harness, alice.remove("invoices"))

    harness.control.revert(ALICE, to=1, based_on=2)

    assert live(harness) == {"orders": None, "invoices": None}
    assert not apply_heads(harness, alice.room.heads()).created
    assert "removed" not in alice.sees("invoices")


def test_a_pipeline_that_was_added_is_gone(harness: Harness) -> None:
    harness.apply(pipeline())
    alice = Editor(harness)
    apply_heads(harness, alice.add("invoices"))

    harness.control.revert(ALICE, to=1, based_on=2)

    assert live(harness) == {"orders": None}
    assert not apply_heads(harness, alice.room.heads()).created


def test_a_revert_may_be_reverted(harness: Harness) -> None:
    _three(harness)
    harness.control.revert(ALICE, to=1, based_on=3)

    harness.control.revert(ALICE, to=3, based_on=4)

    assert live(harness) == {"orders": "every 1h", "invoices": None}
    assert [harness.on.revisions.get(number).undone_by for number in (1, 2, 3, 4, 5)] == [None, 4, 4, 5, None]


def test_what_is_live_again_is_applied_without_insisting(harness: Harness) -> None:
    _three(harness)
    harness.control.revert(ALICE, to=1, based_on=3)
    harness.control.revert(ALICE, to=3, based_on=4)

    assert not harness.apply(pipeline(schedule="every 1h"), pipeline("invoices")).created
    assert harness.apply(pipeline("shipments")).created
    assert harness.apply(pipeline(schedule="every 1h"), pipeline("invoices")).created


def test_a_revert_to_what_is_live_makes_no_revision(harness: Harness) -> None:
    harness.apply(pipeline())
    harness.apply(pipeline("invoices"))
    harness.apply(pipeline())

    applied = harness.control.revert(ALICE, to=1, based_on=3)

    assert (applied.created, applied.revision.number) == (False, 3)
    assert harness.on.revisions.get(2).undone_by is None


def test_a_revert_that_cannot_be_meant_is_refused_and_changes_nothing(harness: Harness) -> None:
    _three(harness)

    refused(harness, NotFound, lambda: harness.control.revert(ALICE, to=9, based_on=3), "no revision 9")
    refused(harness, Invalid, lambda: harness.control.revert(ALICE, to=3, based_on=3), "revision 3 is the head")
    refused(
        harness, Conflict, lambda: harness.control.revert(ALICE, to=1, based_on=2), "the head is revision 3, by alice"
    )
    refused(harness, Forbidden, lambda: harness.control.revert(CHARLIE, to=1, based_on=3), "charlie is viewer")
