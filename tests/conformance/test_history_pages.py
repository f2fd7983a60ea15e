"""A history goes on through revisions, pages and documents, and is the same whoever reads it when."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from appliance.core.draft import MAIN
from appliance.core.errors import Invalid, NotFound
from appliance.services.history import History
from appliance.services.history_entries import Applied, Edited, Entry
from appliance.services.room_document import RoomLimits
from tests.support.clock import SetClock
from tests.support.editing import Editor
from tests.support.harness import ALICE, BOB, CHARLIE, Harness, pipeline
from tests.support.histories import OSCAR, everything, history_of, told, wait
from tests.support.rooms import ORDERS, Drafting

pytestmark = pytest.mark.conformance


@pytest.fixture
def history(harness: Harness) -> History:
    return history_of(harness)


def test_revisions_stand_between_the_edits_that_they_came_between(harness: Harness, history: History) -> None:
    harness.apply(pipeline(schedule="every 5m"))
    wait(harness)
    alice = Editor(harness)
    seen = alice.set("schedule", "every 15m")
    harness.control.apply.heads(BOB, seen, draft=MAIN, based_on=1)
    wait(harness)
    alice.set("timeout", "2h")
    wait(harness)
    harness.control.revert(BOB, to=1, based_on=2)

    newest = everything(history)

    assert told(newest[:5]) == [
        ("bob", "revision 3"),
        ("bob", 'pipeline.orders.schedule: "every 15m" -> "every 5m"'),
        ("alice", 'pipeline.orders.timeout: nothing -> "2h"'),
        ("bob", "revision 2"),
        ("alice", 'pipeline.orders.schedule: "every 5m" -> "every 15m"'),
    ]
    assert isinstance(newest[0], Applied)
    assert newest[0].reverts == 1


def test_one_pipeline_or_one_member_is_asked_for(harness: Harness, history: History) -> None:
    harness.apply(pipeline(), pipeline("invoices"))
    wait(harness)
    Editor(harness).set("schedule", "every 15m")
    Editor(harness, BOB).set("schedule", "every 1h", pipeline="invoices")

    assert told(everything(history, member="bob")) == [("bob", 'pipeline.invoices.schedule: nothing -> "every 1h"')]
    of_orders = told(everything(history, pipeline="orders"))
    assert of_orders[0] == ("alice", 'pipeline.orders.schedule: nothing -> "every 15m"')
    assert "invoices" not in str(of_orders)
    assert everything(history, member="nobody") == []


def test_pages_are_complete_and_hold_while_people_go_on_editing(harness: Harness, history: History) -> None:
    harness.apply(pipeline())
    editors = [Editor(harness), Editor(harness, BOB)]
    for number in range(20):
        wait(harness, 5)
        editors[number % 2].set("timeout", f"{number + 1}m")
    whole = told(everything(history))
    pages: list[Entry] = []
    before = None
    while True:
        page = history.log(CHARLIE, MAIN, before=before, limit=3)
        pages += page.items
        before = page.next
        if before is None:
            break
        wait(harness, 5)
        editors[0].set("retries", 3)
        editors[1].set("retries", 2)

    assert told(pages) == whole
    assert len(whole) == 23


def test_a_history_goes_on_into_the_documents_before(harness: Harness, history: History) -> None:
    harness.apply(pipeline())
    wait(harness)
    Editor(harness).set("schedule", "every 15m")
    wait(harness)
    harness.control.rooms.rebuild(OSCAR, MAIN, "asked")
    wait(harness)
    Editor(harness, BOB).set("schedule", "every 30m")

    entries = told(everything(history))

    assert entries[:4] == [
        ("bob", 'pipeline.orders.schedule: "every 15m" -> "every 30m"'),
        ("oscar", "document asked"),
        ("alice", 'pipeline.orders.schedule: nothing -> "every 15m"'),
        ("alice", "revision 1"),
    ]
    assert entries[-1] == ("system", "document begun")
    assert told(everything(history, limit=1)) == entries


def test_a_history_is_the_same_after_a_kill_and_after_a_compaction(harness: Harness, history: History) -> None:
    harness.apply(pipeline())
    alice, bob = Editor(harness), Editor(harness, BOB)
    for number in range(6):
        wait(harness, 0.4)
        alice.set("timeout", f"{number + 1}m")
        wait(harness, 0.4)
        bob.set("retries", number)
        everything(history)
    before = told(everything(history))

    harness.restart()
    harness.control.rooms.limits = RoomLimits(log_updates=1)
    harness.control.rooms.named(MAIN).heads()
    harness.control.rooms.tidy()
    harness.restart()
    assert harness.on.drafts.content(harness.control.rooms.named(MAIN).id.epoch).updates == []

    assert told(everything(history_of(harness))) == before


def test_another_draft_has_a_history_of_its_own(harness: Harness, history: History) -> None:
    harness.apply(pipeline())
    harness.control.drafts.create(ALICE, "try", None)
    wait(harness)
    seen = Editor(harness, BOB, draft="try").set("schedule", "every 1h")
    harness.apply(pipeline(), pipeline("invoices"))
    harness.control.apply.heads(BOB, seen, draft="try", based_on=2)

    assert told(everything(history, "try")) == [
        ("bob", "revision 3"),
        ("bob", 'pipeline.orders.schedule: nothing -> "every 1h"'),
        ("alice", "document created"),
    ]


def test_revisions_from_before_there_were_drafts_are_told_last(tmp_path: Path) -> None:
    drafting = Drafting(tmp_path)
    for text in (ORDERS, ORDERS.replace("15m", "1h")):
        drafting.applied(text)
        drafting.after(2)
    history = History(drafting.rooms, drafting.drafts, drafting.docs, drafting.revisions, threading.Lock())
    drafting.rooms.named(MAIN)

    entries = everything(history)

    assert told(entries) == [("system", "document begun"), ("alice", "revision 2"), ("alice", "revision 1")]
    assert told(everything(history, limit=1)) == told(entries)
    drafting.end()


def test_a_revision_comes_after_what_it_wrote_although_the_clock_goes_on(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing = SetClock.now

    def now(clock: SetClock) -> datetime:
        clock.forward(timedelta(milliseconds=1))
        return standing(clock)

    monkeypatch.setattr(SetClock, "now", now)
    harness.apply(pipeline())
    Editor(harness).set("timeout", "2h")
    harness.apply(pipeline(schedule="every 15m"))
    harness.control.drafts.create(ALICE, "try", None)
    seen = Editor(harness, BOB, draft="try").set("retries", 3)
    harness.control.apply.heads(BOB, seen, draft="try", based_on=2)
    harness.control.revert(BOB, to=1, based_on=3)

    entries = told(everything(history_of(harness)))

    assert [entry[1] for entry in entries[:-2]] == [
        "revision 4",
        "pipeline.orders.retries: 3 -> nothing",
        "revision 3",
        "pipeline.orders.retries: nothing -> 3",
        "revision 2",
        'pipeline.orders.schedule: nothing -> "every 15m"',
        "revision 1",
    ]
    assert entries[-1] == ("system", "document begun")


def test_a_long_list_of_edits_is_cut_and_says_so(harness: Harness, history: History) -> None:
    harness.apply(*[pipeline(f"p{number}") for number in range(60)])

    first = next(entry for entry in everything(history) if isinstance(entry, Edited))

    assert (len(first.edits), first.more) == (100, 21)
    assert "project.name" not in {edit.path for edit in first.edits}, "it was written first"


@pytest.mark.parametrize("before", ["", "x", "W10", "WyJhIl0", "🦆"])
def test_a_key_that_is_none_is_refused(harness: Harness, history: History, before: str) -> None:
    harness.apply(pipeline())

    with pytest.raises(Invalid, match="before"):
        history.log(CHARLIE, MAIN, before=before, limit=5)


def test_a_draft_that_is_not_open_has_no_history(history: History) -> None:
    with pytest.raises(NotFound):
        history.log(CHARLIE, "nowhere", before=None, limit=5)
