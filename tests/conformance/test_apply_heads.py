"""What goes live is what somebody saw: files, or a draft at its heads, and nothing that others edit meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from appliance.core.draft import MAIN, Heads, Undone, UnknownHeads, Unresolved
from appliance.core.errors import Conflict, Forbidden, NotFound
from appliance.core.manifest import InvalidManifest, SourceText
from appliance.services.live import Applied
from tests.support.editing import Editor, apply_heads, live, refused, schedule
from tests.support.harness import ALICE, BOB, CHARLIE, Harness, pipeline

pytestmark = pytest.mark.conformance


def test_exactly_what_was_seen_goes_live_and_later_edits_stay_in_the_draft(harness: Harness) -> None:
    harness.apply(pipeline())
    seen = Editor(harness).set("schedule", "every 15m")
    bob = Editor(harness, BOB)
    bob.set("schedule", "every 1h")
    bob.add("invoices")

    applied = apply_heads(harness, seen)

    assert (applied.created, applied.mirrored, applied.revision.number) == (True, True, 2)
    assert live(harness) == {"orders": "every 15m"}
    assert [one.schedule.text for one in harness.on.schedules.list()] == ["every 15m"]
    assert bob.sees()["schedule"] == "every 1h"
    assert "source" in bob.sees("invoices")


def test_the_revision_and_the_draft_name_each_other(harness: Harness) -> None:
    harness.apply(pipeline())
    room = harness.control.rooms.named(MAIN)
    seen = Editor(harness).set("schedule", "every 15m")

    revision = apply_heads(harness, seen).revision

    draft = room.draft()
    assert (revision.draft, revision.epoch, revision.heads) == (MAIN, draft.epoch, seen)
    assert (draft.applied, draft.applied_heads) == (2, seen)
    assert (revision.applied_by, revision.uploads) == ("alice", {})


def test_the_audit_tells_who_and_each_field_and_from_which_heads(harness: Harness) -> None:
    harness.apply(pipeline())
    seen = Editor(harness, BOB).set("schedule", "every 15m")

    apply_heads(harness, seen, by=BOB)

    entry = harness.on.records.audit(before=None, limit=1).items[0]
    room = harness.control.rooms.named(MAIN).id
    assert (entry.actor, entry.action, entry.subject) == ("bob", "config.apply", "revision 2")
    assert entry.detail == {
        "changes": ['pipeline.orders.schedule: nothing -> "every 15m"'],
        "draft": "main",
        "epoch": room.epoch,
        "heads": seen,
    }


def test_the_first_apply_of_all_may_come_from_a_draft(harness: Harness) -> None:
    seen = Editor(harness).add("orders")

    applied = apply_heads(harness, seen)

    assert (applied.revision.number, live(harness)) == (1, {"orders": None})


def test_an_apply_of_what_is_live_makes_no_revision(harness: Harness) -> None:
    harness.apply(pipeline(schedule="every 15m"))
    editor = Editor(harness)
    editor.set("schedule", "every 1h")
    back = editor.set("schedule", "every 15m")

    applied = apply_heads(harness, back)

    assert (applied.created, applied.revision.number, applied.changes) == (False, 1, ())
    assert (editor.room.draft().applied, editor.room.draft().applied_heads) == (1, back)


def test_an_apply_of_what_is_live_at_earlier_heads_leaves_the_later_ones(harness: Harness) -> None:
    harness.apply(pipeline(schedule="every 15m"))
    editor = Editor(harness)
    first = editor.room.heads()
    editor.set("schedule", "every 1h")
    back = editor.set("schedule", "every 15m")
    apply_heads(harness, back)

    assert not apply_heads(harness, first).created

    assert editor.room.draft().applied_heads == back


def test_a_stale_base_is_refused_telling_who_applied_what_and_when(harness: Harness) -> None:
    harness.apply(pipeline())
    seen = Editor(harness).set("schedule", "every 15m")
    harness.clock.forward(timedelta(minutes=5))
    harness.control.apply(BOB, [SourceText("a.toml", pipeline(schedule="every 1h"), "toml")], based_on=1)

    def late() -> Applied:
        return harness.control.apply.heads(ALICE, seen, draft=MAIN, based_on=1)

    error = refused(
        harness, Conflict, late,
        "at revision 2, the change .* from revision 1; the head is revision 2, by bob at 2026-06-01 00:05:00 UTC",
    )  # fmt: skip
    assert isinstance(error, Conflict)
    assert error.moved is not None
    assert (error.moved.head, error.moved.by) == (2, "bob")


@pytest.mark.parametrize("heads", ["", "x", "AAAA", "A" * 1000, "_-_-", "0000000000000000"])
def test_heads_that_nobody_saw_are_refused(harness: Harness, heads: str) -> None:
    harness.apply(pipeline())

    refused(harness, UnknownHeads, lambda: apply_heads(harness, Heads(heads)), "never at these heads")


def test_heads_of_an_edit_that_has_not_arrived_are_refused_until_it_has(harness: Harness) -> None:
    harness.apply(pipeline())
    editor = Editor(harness)
    elsewhere = Editor(harness, BOB)
    send = elsewhere.offline(schedule("orders", "every 15m"))
    there = elsewhere.heads()

    refused(harness, UnknownHeads, lambda: apply_heads(harness, there), "arrived")
    assert send() == there
    assert apply_heads(harness, there).created
    assert editor.sees()["schedule"] == "every 15m"


def test_a_draft_with_problems_is_refused_with_all_of_them(harness: Harness) -> None:
    harness.apply(pipeline())
    editor = Editor(harness)
    editor.set("schedule", "every now and then")
    seen = editor.set("catchup", "perhaps")

    error = refused(harness, InvalidManifest, lambda: apply_heads(harness, seen), "every now and then")
    assert isinstance(error, InvalidManifest)
    assert {problem.path for problem in error.problems} == {"pipeline.orders.schedule", "pipeline.orders.catchup"}


def test_a_draft_that_is_not_open_is_not_found(harness: Harness) -> None:
    harness.apply(pipeline())
    heads = Editor(harness).room.heads()

    refused(harness, NotFound, lambda: apply_heads(harness, heads, draft="nowhere"), "nowhere")


def test_a_viewer_applies_nothing(harness: Harness) -> None:
    harness.apply(pipeline())
    seen = Editor(harness).set("schedule", "every 15m")

    refused(harness, Forbidden, lambda: apply_heads(harness, seen, by=CHARLIE), "charlie is viewer")


def test_a_removal_that_somebody_edited_meanwhile_is_refused_telling_both(harness: Harness) -> None:
    harness.apply(pipeline())
    alice, bob = Editor(harness), Editor(harness, BOB)
    edit = bob.offline(schedule("orders", "every 15m"))
    alice.remove()
    torn = edit()

    refused(
        harness, Unresolved, lambda: apply_heads(harness, torn),
        "pipeline orders was removed by alice and edited by bob; keep it, or remove it again",
    )  # fmt: skip

    kept = bob.keep()
    assert apply_heads(harness, kept).created
    assert live(harness) == {"orders": "every 15m"}


def test_a_removal_by_somebody_who_saw_the_edits_goes_live(harness: Harness) -> None:
    harness.apply(pipeline(), pipeline("invoices"))
    alice, bob = Editor(harness), Editor(harness, BOB)
    edit = bob.offline(schedule("orders", "every 15m"))
    alice.remove()
    edit()

    again = alice.remove()

    assert apply_heads(harness, again).created
    assert live(harness) == {"invoices": None}


def test_what_was_reverted_is_not_applied_again_unless_somebody_insists(harness: Harness) -> None:
    harness.apply(pipeline())
    alice = Editor(harness)
    bad = alice.set("schedule", "every 15m")
    apply_heads(harness, bad)
    harness.clock.forward(timedelta(minutes=5))
    harness.control.revert(BOB, to=1, based_on=2)
    files = [SourceText("a.toml", '[project]\nname = "test"\n\n' + pipeline(schedule="every 15m"), "toml")]

    told = (
        "was revision 2 and was reverted with revision 3, by bob at 2026-06-01 00:05:00 UTC; .*`hakiri apply --again`"
    )
    refused(harness, Undone, lambda: apply_heads(harness, bad), told)
    refused(harness, Undone, lambda: harness.control.apply(ALICE, files, based_on=3), told)

    assert apply_heads(harness, bad, again=True).created
    assert live(harness) == {"orders": "every 15m"}
    assert not harness.control.apply(ALICE, files, based_on=4).created
