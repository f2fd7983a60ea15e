"""What the configuration said is told of any revision, moment and heads, and any two of them are compared."""

from __future__ import annotations

from datetime import timedelta

import pytest

from appliance.core.draft import MAIN
from appliance.core.errors import NotFound
from appliance.core.manifest import InvalidManifest, SourceText
from appliance.services.history_points import AtHeads, AtMoment, AtRevision, LookBack
from tests.support.clock import START
from tests.support.editing import Editor
from tests.support.harness import ALICE, BOB, CHARLIE, Harness, pipeline
from tests.support.histories import OSCAR, wait

pytestmark = pytest.mark.conformance


@pytest.fixture
def look_back(harness: Harness) -> LookBack:
    control = harness.control
    return LookBack(control.apply.live, harness.on.drafts, control.rooms.docs, control.apply.derive)


def test_what_was_said_at_a_revision_at_heads_and_at_a_moment(harness: Harness, look_back: LookBack) -> None:
    harness.apply(pipeline())
    wait(harness, 10)
    alice = Editor(harness)
    seen = alice.set("schedule", "every 15m")
    wait(harness, 10)
    alice.set("schedule", "every 1h")

    at_revision = look_back.show(CHARLIE, AtRevision(1))
    at_heads = look_back.show(CHARLIE, AtHeads(MAIN, seen))
    at_moment = look_back.show(CHARLIE, AtMoment(MAIN, START + timedelta(seconds=15)))
    now = look_back.show(CHARLIE, AtHeads(MAIN))

    assert "schedule" not in (at_revision.toml or "")
    assert at_revision.revision == 1
    assert 'schedule = "every 15m"' in (at_heads.toml or "")
    assert (at_moment.heads, at_moment.toml, at_moment.room) == (seen, at_heads.toml, alice.room.id)
    assert 'schedule = "every 1h"' in (now.toml or "")


def test_a_moment_of_an_older_document_is_read_from_that_document(harness: Harness, look_back: LookBack) -> None:
    harness.apply(pipeline())
    wait(harness, 10)
    alice = Editor(harness)
    alice.set("schedule", "every 15m")
    wait(harness, 10)
    harness.control.rooms.rebuild(OSCAR, MAIN, "asked")
    Editor(harness, BOB).set("schedule", "every 1h")

    then = look_back.show(CHARLIE, AtMoment(MAIN, START + timedelta(seconds=12)))

    assert then.room == alice.room.id
    assert 'schedule = "every 15m"' in (then.toml or "")


def test_a_moment_before_the_draft_or_between_two_has_nothing_to_say(harness: Harness, look_back: LookBack) -> None:
    harness.apply(pipeline())
    wait(harness)
    harness.control.drafts.create(ALICE, "try", None)
    wait(harness)
    harness.control.drafts.discard(ALICE, "try")
    wait(harness)

    for seconds, found in ((1, False), (3, True), (5, False)):
        at = AtMoment("try", START + timedelta(seconds=seconds))
        if found:
            assert "orders" in (look_back.show(CHARLIE, at).toml or "")
        else:
            with pytest.raises(NotFound, match="try"):
                look_back.show(CHARLIE, at)


def test_a_moment_at_which_the_draft_was_wrong_tells_its_problems(harness: Harness, look_back: LookBack) -> None:
    harness.apply(pipeline())
    wait(harness)
    Editor(harness).set("schedule", "now and then")

    point = look_back.show(CHARLIE, AtMoment(MAIN, START + timedelta(seconds=3)))

    assert (point.toml, [problem.path for problem in point.problems]) == (None, ["pipeline.orders.schedule"])
    with pytest.raises(InvalidManifest):
        look_back.differ(CHARLIE, AtRevision(), AtHeads(MAIN))


def test_any_two_points_are_compared(harness: Harness, look_back: LookBack) -> None:
    assert look_back.differ(CHARLIE, AtRevision(), AtHeads(MAIN)).changes == ()
    harness.apply(pipeline())
    seen = Editor(harness).set("schedule", "every 15m")
    harness.control.apply(BOB, [SourceText("x.toml", pipeline(timeout="2h"), "toml")], based_on=None)

    def texts(before: AtRevision | AtHeads, after: AtRevision | AtHeads) -> list[str]:
        return [str(change) for change in look_back.differ(CHARLIE, before, after).changes]

    assert texts(AtRevision(1), AtHeads(MAIN, seen)) == ['pipeline.orders.schedule: nothing -> "every 15m"']
    assert texts(AtRevision(), AtHeads(MAIN)) == ['pipeline.orders.schedule: nothing -> "every 15m"']
    assert 'pipeline.orders.timeout: "6h" -> "2h"' in texts(AtRevision(1), AtRevision(2))
