"""A review tells what an apply would do, what is wrong, and where people contradict each other, and changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.core.draft import MAIN, Heads, UnknownHeads
from appliance.core.errors import NotFound
from appliance.services.derive import Removal
from appliance.services.review import Reviewed
from tests.support.clock import START
from tests.support.editing import Editor, apply_heads, schedule, state
from tests.support.harness import BOB, CHARLIE, Harness, pipeline

if TYPE_CHECKING:
    from loro import LoroValue  # only the library's stub knows it

pytestmark = pytest.mark.conformance


def _review(harness: Harness, heads: Heads | None = None, *, draft: str = MAIN) -> Reviewed:
    return harness.control.review(CHARLIE, draft, heads)


def test_a_review_sorts_every_pipeline_by_what_becomes_of_it(harness: Harness) -> None:
    names = ["changes", "gone", "same", "timed", "zoned"]
    harness.apply(*[pipeline(name, schedule="0 3 * * *") for name in names])
    alice = Editor(harness)
    alice.set("catchup", "all", pipeline="changes")
    alice.remove("gone")
    alice.set("schedule", "every 15m", pipeline="timed")
    alice.set("timezone", "Europe/Berlin", pipeline="zoned")
    alice.add("new")

    planned = _review(harness).planned

    assert planned is not None
    assert (planned.added, planned.removed, planned.retimed) == (["new"], ["gone"], ["timed", "zoned"])
    assert (planned.changed, planned.unchanged) == (["changes"], ["same"])
    assert [change.path for change in planned.changes] == [
        "pipeline.changes.catchup", "pipeline.gone", "pipeline.new", "pipeline.timed.schedule",
        "pipeline.zoned.timezone",
    ]  # fmt: skip
    assert planned.next_fires["timed"] == START + timedelta(minutes=15)
    assert planned.next_fires["zoned"] == START + timedelta(hours=1)
    assert "new" not in planned.next_fires


def test_a_review_names_the_room_the_heads_and_what_is_live(harness: Harness) -> None:
    harness.apply(pipeline())
    alice = Editor(harness)
    seen = alice.set("schedule", "every 15m")

    reviewed = _review(harness)

    assert (reviewed.derived.room, reviewed.derived.heads) == (alice.room.id, seen)
    assert (reviewed.live, reviewed.draft.applied) == (1, 1)
    assert apply_heads(harness, reviewed.derived.heads).created


def test_a_review_of_earlier_heads_is_of_what_was_seen_then(harness: Harness) -> None:
    harness.apply(pipeline())
    alice = Editor(harness)
    seen = alice.set("schedule", "every 15m")
    alice.set("schedule", "every 1h")

    for _ in range(2):
        planned = _review(harness, seen).planned
        assert planned is not None
        assert planned.manifest.pipelines[0].schedule == "every 15m"
    now = _review(harness).planned
    assert now is not None
    assert now.manifest.pipelines[0].schedule == "every 1h"


def test_a_review_changes_nothing(harness: Harness) -> None:
    harness.apply(pipeline())
    Editor(harness).set("schedule", "every 15m")
    before = state(harness)

    _review(harness)

    assert state(harness) == before


def test_problems_are_told_and_not_raised(harness: Harness) -> None:
    harness.apply(pipeline())
    Editor(harness).set("schedule", "every now and then")

    reviewed = _review(harness)

    assert reviewed.planned is None
    assert [problem.path for problem in reviewed.derived.problems] == ["pipeline.orders.schedule"]


def test_rivals_are_told_with_both_authors_until_somebody_decides(harness: Harness) -> None:
    harness.apply(pipeline())
    alice, bob = Editor(harness), Editor(harness, BOB)
    late = bob.offline(schedule("orders", "every 1h"))
    alice.set("schedule", "every 15m")
    late()

    reviewed = _review(harness)

    [rivals] = reviewed.rivals
    assert rivals.path == ("pipelines", "orders", "schedule")
    assert {(one.author, one.value) for one in rivals.values} == {("alice", "every 15m"), ("bob", "every 1h")}
    assert reviewed.planned is not None
    assert rivals.values[0].value == reviewed.planned.manifest.pipelines[0].schedule
    alice.set("schedule", "every 30m")
    assert _review(harness).rivals == []


def test_rivals_are_old_news_once_they_are_applied(harness: Harness) -> None:
    harness.apply(pipeline())
    alice, bob = Editor(harness), Editor(harness, BOB)
    late = bob.offline(schedule("orders", "every 1h"))
    alice.set("schedule", "every 15m")
    torn = late()
    assert len(_review(harness).rivals) == 1

    apply_heads(harness, torn)

    assert _review(harness).rivals == []


def test_files_that_set_what_somebody_edits_are_their_rivals(harness: Harness) -> None:
    harness.apply(pipeline())
    Editor(harness, BOB).set("schedule", "every 1h")

    harness.apply(pipeline(schedule="every 15m"))

    [rivals] = _review(harness).rivals
    assert {(one.author, one.value) for one in rivals.values} == {("alice", "every 15m"), ("bob", "every 1h")}


def test_an_edit_that_arrives_late_is_a_rival_of_what_is_applied(harness: Harness) -> None:
    harness.apply(pipeline())
    alice, bob = Editor(harness), Editor(harness, BOB)
    late = bob.offline(schedule("orders", "every 1h"))
    for text in ("every 15m", "every 30m"):
        apply_heads(harness, alice.set("schedule", text))
    assert _review(harness).rivals == []

    torn = late()

    [rivals] = _review(harness).rivals
    assert {(one.author, one.value) for one in rivals.values} == {("alice", "every 30m"), ("bob", "every 1h")}
    apply_heads(harness, torn)
    assert _review(harness).rivals == []


def test_who_edits_what_is_applied_having_seen_it_contradicts_nobody(harness: Harness) -> None:
    harness.apply(pipeline())
    alice, bob = Editor(harness), Editor(harness, BOB)
    apply_heads(harness, alice.set("schedule", "every 15m"))

    bob.set("schedule", "every 1h")

    assert _review(harness).rivals == []


def test_a_removal_that_meets_an_edit_is_told_with_both_people(harness: Harness) -> None:
    harness.apply(pipeline())
    alice, bob = Editor(harness), Editor(harness, BOB)
    edit = bob.offline(schedule("orders", "every 15m"))
    alice.remove()
    assert _review(harness).derived.removals == []
    edit()

    assert _review(harness).derived.removals == [Removal("orders", "alice", ["bob"])]

    bob.keep()
    assert _review(harness).derived.removals == []


def test_what_was_removed_by_its_key_while_somebody_edited_it_is_told(harness: Harness) -> None:
    harness.apply(pipeline(), pipeline("invoices"))
    alice, bob = Editor(harness), Editor(harness, BOB)
    edit = bob.offline(schedule("orders", "every 15m"))
    alice.change(lambda doc: doc.get_map("pipelines").delete("orders"))
    assert _review(harness).lost == []
    edit()

    [lost] = _review(harness).lost

    assert (lost.pipeline, lost.removed_by, lost.edited_by) == ("orders", "alice", ["bob"])
    assert _review(harness).lost is _review(harness).lost


@pytest.mark.parametrize("saw", ["", "nothing", "AAAA", "A" * 5000, "⚰️"])
def test_a_grave_that_names_heads_which_nobody_knows_is_a_removal_to_be_settled(harness: Harness, saw: str) -> None:
    harness.apply(pipeline())
    Editor(harness, BOB).remove(saw=Heads(saw))

    [removal] = _review(harness).derived.removals

    assert (removal.pipeline, removal.removed_by) == ("orders", "bob")


@pytest.mark.parametrize("value", [True, 7, 1.5, ["x"], {"a": "b"}])
def test_a_grave_that_is_no_text_is_survived(harness: Harness, value: LoroValue) -> None:
    harness.apply(pipeline())
    Editor(harness, BOB).set("removed", value)

    assert isinstance(_review(harness), Reviewed)


def test_a_draft_beside_the_main_one_is_reviewed_by_its_name(harness: Harness) -> None:
    harness.apply(pipeline())
    harness.control.drafts.create(BOB, "try", None)
    Editor(harness, BOB, draft="try").set("schedule", "every 15m")

    planned = _review(harness, draft="try").planned

    assert planned is not None
    assert planned.retimed == ["orders"]
    main = _review(harness).planned
    assert main is not None
    assert main.retimed == []


def test_a_review_of_what_is_not_there_is_refused(harness: Harness) -> None:
    harness.apply(pipeline())

    with pytest.raises(NotFound, match="nowhere"):
        _review(harness, draft="nowhere")
    for heads in ("", "zzzz", "A" * 1000):
        with pytest.raises(UnknownHeads):
            _review(harness, Heads(heads))


def test_a_review_of_a_thousand_pipelines_is_answered_again_without_reading_them_again(harness: Harness) -> None:
    harness.apply(*[pipeline(f"p{number}", schedule="every 15m") for number in range(1000)])

    first, again = _review(harness), _review(harness)

    assert first.planned is not None
    assert len(first.planned.unchanged) == 1000
    assert again.derived is first.derived
    assert again.rivals is first.rivals


def test_nothing_is_contested_in_an_empty_draft(harness: Harness) -> None:
    reviewed = _review(harness)

    assert (reviewed.live, reviewed.rivals, reviewed.derived.removals) == (0, [], [])
    assert reviewed.planned is not None
    assert reviewed.planned.changes == ()
