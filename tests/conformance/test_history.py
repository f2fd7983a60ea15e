"""A history tells who changed which field when, from what the server recorded, in every document a draft had."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from appliance.core.draft import MAIN
from appliance.core.errors import Invalid, NotFound
from appliance.core.manifest import InvalidManifest, SourceText
from appliance.core.team import Actor, Role
from appliance.services.history import History
from appliance.services.history_entries import Applied, Began, Edited, Entry
from appliance.services.history_points import AtHeads, AtMoment, AtRevision, LookBack
from appliance.services.history_words import HIDDEN
from tests.support.clock import START
from tests.support.editing import Editor, schedule
from tests.support.harness import ALICE, BOB, CHARLIE, Harness, pipeline

pytestmark = pytest.mark.conformance

OSCAR = Actor("oscar", Role.OPERATOR, "oscar-token")


@pytest.fixture
def history(harness: Harness) -> History:
    control = harness.control
    return History(control.rooms, harness.on.drafts, control.rooms.docs, harness.on.revisions)


@pytest.fixture
def look_back(harness: Harness) -> LookBack:
    control = harness.control
    return LookBack(control.apply.live, harness.on.drafts, control.rooms.docs, control.apply.derive)


def wait(harness: Harness, seconds: float = 2) -> None:
    harness.clock.forward(timedelta(seconds=seconds))


def told(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    """Each entry with its author in front."""
    return [(entry.author, *_said(entry)) for entry in entries]


def _said(entry: Entry) -> Sequence[str]:
    match entry:
        case Edited():
            return [str(edit) for edit in entry.edits]
        case Applied():
            return [f"revision {entry.number}"]
        case Began():
            return [f"document {entry.epoch.reason}"]


def everything(history: History, draft: str = MAIN, *, limit: int = 100, **sift: str) -> list[Entry]:
    """All pages, one after the other."""
    found: list[Entry] = []
    before = None
    for _ in range(1000):
        page = history.log(CHARLIE, draft, before=before, limit=limit, **sift)
        assert len(page.items) <= limit
        found += page.items
        before = page.next
        if before is None:
            return found
    raise AssertionError("the pages have no end")


def test_edits_are_told_in_the_words_of_the_manifest_with_old_and_new(harness: Harness, history: History) -> None:
    harness.apply(pipeline(schedule="every 5m"))
    wait(harness)
    alice = Editor(harness)
    alice.set("schedule", "every 15m")
    wait(harness, 90)
    alice.change(lambda doc: doc.get_map("pipelines").ensure_mergeable_map("orders").delete("schedule"))

    assert told(everything(history)) == [
        ("alice", 'pipeline.orders.schedule: "every 15m" -> nothing'),
        ("alice", 'pipeline.orders.schedule: "every 5m" -> "every 15m"'),
        ("alice", "revision 1"),
        ("alice", *EVERY_FIELD),
        ("system", "document begun"),
    ]


EVERY_FIELD = (
    'pipeline.orders.schedule: nothing -> "every 5m"',
    'pipeline.orders.source.connector: nothing -> "scripted"',
    'pipeline.orders.tables: ["orders"] put in',
    'project.name: nothing -> "test"',
)


def test_a_burst_of_one_member_is_one_entry_and_each_place_is_told_once(harness: Harness, history: History) -> None:
    harness.apply(pipeline(schedule="every 5m"))
    alice = Editor(harness)
    for text in ("every 10m", "every 20m", "every 30m"):
        wait(harness, 20)
        alice.set("schedule", text)
    alice.set("timezone", "Europe/Berlin")

    newest = everything(history)[0]

    assert isinstance(newest, Edited)
    assert told([newest]) == [
        (
            "alice",
            'pipeline.orders.schedule: "every 5m" -> "every 30m"',
            'pipeline.orders.timezone: nothing -> "Europe/Berlin"',
        )
    ]
    assert newest.last_at - newest.first_at == timedelta(seconds=40)


def test_somebody_elses_edit_ends_a_burst_and_so_does_a_pause(harness: Harness, history: History) -> None:
    harness.apply(pipeline())
    alice, bob = Editor(harness), Editor(harness, BOB)
    for number, (editor, seconds) in enumerate(((alice, 5), (bob, 5), (alice, 5), (alice, 61))):
        wait(harness, seconds)
        editor.set("timeout", f"{number + 1}m")

    assert [entry.author for entry in everything(history)[:4]] == ["alice", "alice", "bob", "alice"]


def test_the_author_is_who_delivered_it_whatever_the_client_says(harness: Harness, history: History) -> None:
    harness.apply(pipeline())
    wait(harness)
    mallory = Editor(harness, BOB)

    def forge(doc: object) -> None:
        doc.set_next_commit_message("by alice")  # type: ignore[attr-defined]
        doc.set_next_commit_origin("alice")  # type: ignore[attr-defined]
        schedule("orders", "every 1h")(doc)  # type: ignore[arg-type]

    mallory.change(forge)

    assert everything(history)[0].author == "bob"


def test_what_comes_late_is_told_when_it_came_and_that_it_does_not_show(harness: Harness, history: History) -> None:
    harness.apply(pipeline())
    wait(harness)
    alice, bob = Editor(harness), Editor(harness, BOB)
    late = bob.offline(schedule("orders", "every 1h"))
    for number in range(5):
        alice.set("schedule", f"every {number + 1}m")
    wait(harness, 300)
    late()

    newest = everything(history)[0]

    assert isinstance(newest, Edited)
    assert (newest.author, newest.last_at) == ("bob", START + timedelta(seconds=302))
    assert [(edit.old, edit.new, edit.overruled) for edit in newest.edits] == [("every 5m", "every 1h", True)]
    assert everything(history)[1].author == "alice"


def test_texts_orders_comments_and_graves_have_words_of_their_own(harness: Harness, history: History) -> None:
    harness.apply(pipeline(), pipeline("invoices"))
    wait(harness)
    alice = Editor(harness)

    def change(doc: object) -> None:
        orders = doc.get_map("pipelines").ensure_mergeable_map("orders")  # type: ignore[attr-defined]
        orders.ensure_mergeable_text("notes").insert(0, "every night")
        orders.ensure_mergeable_map("tables").ensure_mergeable_map("lines").insert("mode", "append")
        orders.ensure_mergeable_movable_list("order").insert(0, "lines")
        orders.ensure_mergeable_map("comments").insert('["schedule"]', {"line": "UTC"})

    alice.change(change)
    alice.remove("invoices")
    wait(harness)
    Editor(harness, BOB).keep("invoices")

    kept, changed = told(everything(history)[:2])

    assert kept == ("bob", "pipeline.invoices: kept")
    assert set(changed) == {
        "alice",
        "comment of pipeline.orders: edited",
        'pipeline.orders.tables.lines.mode: nothing -> "append"',
        'pipeline.orders.tables: ["lines"] put in',
        'comment of pipeline.orders.schedule: nothing -> {"line": "UTC"}',
        "pipeline.invoices: removed",
    }


def test_a_credential_that_somebody_pasted_is_not_repeated(harness: Harness, history: History) -> None:
    harness.apply(pipeline())
    wait(harness)
    secret = "hunter2-and-more"
    Editor(harness).change(
        lambda doc: doc.get_map("pipelines").ensure_mergeable_map("orders").ensure_mergeable_map("source")
        .ensure_mergeable_map("config").insert("password", secret)
    )  # fmt: skip

    assert told(everything(history)[:1]) == [
        ("alice", f'pipeline.orders.source.config.password: nothing -> "{HIDDEN}"')
    ]
    assert secret not in repr(newest)


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
    control = harness.control
    again = History(control.rooms, harness.on.drafts, control.rooms.docs, harness.on.revisions)

    assert told(everything(again)) == before


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


def test_revisions_from_before_there_were_drafts_are_told_last(harness: Harness, history: History) -> None:
    harness.apply(pipeline())
    harness.apply(pipeline(schedule="every 15m"))

    assert [entry.number for entry in everything(history) if isinstance(entry, Applied)] == [2, 1]


def test_a_long_list_of_edits_is_cut_and_says_so(harness: Harness, history: History) -> None:
    harness.apply(*[pipeline(f"p{number}") for number in range(60)])

    first = next(entry for entry in everything(history) if isinstance(entry, Edited))

    assert (len(first.edits), first.more) == (100, 21)


@pytest.mark.parametrize("before", ["", "x", "W10", "WyJhIl0", "🦆"])
def test_a_key_that_is_none_is_refused(harness: Harness, history: History, before: str) -> None:
    harness.apply(pipeline())

    with pytest.raises(Invalid, match="before"):
        history.log(CHARLIE, MAIN, before=before, limit=5)


def test_a_draft_that_is_not_open_has_no_history(history: History) -> None:
    with pytest.raises(NotFound):
        history.log(CHARLIE, "nowhere", before=None, limit=5)


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
