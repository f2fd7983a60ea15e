"""A history tells who changed which field when, in the words of the manifest, from what the server recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random

import pytest
from loro import LoroDoc

from appliance.services.history import History
from appliance.services.history_entries import Edited
from appliance.services.history_words import HIDDEN
from tests.support.clock import START
from tests.support.editing import Editor, apply_heads, schedule
from tests.support.harness import BOB, Harness, pipeline
from tests.support.histories import OSCAR, everything, history_of, told, wait
from tests.support.rooms import fields, pipeline_map

pytestmark = pytest.mark.conformance


@pytest.fixture
def history(harness: Harness) -> History:
    return history_of(harness)


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


@pytest.mark.parametrize("killed", [False, True])
def test_an_edit_right_after_an_apply_is_told_after_it(harness: Harness, history: History, *, killed: bool) -> None:
    harness.apply(pipeline())
    wait(harness)
    alice = Editor(harness)
    seen = alice.set("schedule", "every 10m")
    wait(harness, 0.2)
    apply_heads(harness, seen)
    wait(harness, 0.2)
    alice.set("schedule", "every 20m")
    if killed:
        harness.restart()
        history = history_of(harness)

    assert told(everything(history)[:3]) == [
        ("alice", 'pipeline.orders.schedule: "every 10m" -> "every 20m"'),
        ("alice", "revision 2"),
        ("alice", 'pipeline.orders.schedule: nothing -> "every 10m"'),
    ]


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


def test_what_was_edited_after_the_last_look_is_told_after_a_rebuild(harness: Harness, history: History) -> None:
    harness.apply(pipeline())
    wait(harness)
    alice = Editor(harness)
    alice.set("schedule", "every 10m")
    everything(history)
    alice.set("schedule", "every 20m")
    wait(harness)
    harness.control.rooms.rebuild(OSCAR, "main", "asked")

    assert told(everything(history)[:2]) == [
        ("oscar", "document asked"),
        ("alice", 'pipeline.orders.schedule: nothing -> "every 20m"'),
    ]


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

    newest = everything(history)[:1]

    assert told(newest) == [("alice", f'pipeline.orders.source.config.password: nothing -> "{HIDDEN}"')]
    assert secret not in repr(newest)


def test_the_newest_edit_of_a_place_that_was_not_overruled_is_what_it_says(harness: Harness, history: History) -> None:
    harness.apply(pipeline())
    editors = [Editor(harness), Editor(harness, BOB), Editor(harness, OSCAR)]
    edit_at_random(harness, editors, look=lambda: everything(history))

    edits = [edit for entry in everything(history) if isinstance(entry, Edited) for edit in entry.edits]
    newest = {edit.path: edit.new for edit in reversed(edits) if not edit.overruled}

    said = fields(editors[0].room.tree())
    assert {field: newest[f"pipeline.orders.{field}"] for field in FIELDS} == {field: said[field] for field in FIELDS}
    assert told(everything(history_of(harness))) == told(everything(history))


FIELDS = ("schedule", "timeout", "timezone", "retries")


def edit_at_random(harness: Harness, editors: Sequence[Editor], *, look: Callable[[], object]) -> None:
    """Everybody is now and then without a connection, and what they wrote then arrives in any order."""
    dice = Random(20260601)  # noqa: S311 - the same each time
    held: list[Callable[[], object]] = []
    for number in range(120):
        wait(harness, dice.choice((0.1, 0.7, 3, 80)))
        change, editor = set_field(dice.choice(FIELDS), number), dice.choice(editors)
        deed = dice.choice(("edit", "edit", "hold", "send", "look"))
        if deed == "hold":
            held.append(editor.offline(change))
        elif deed == "send" and held:
            held.pop(dice.randrange(len(held)))()
        elif deed == "look":
            look()
        else:
            editor.change(change)
    for send in held:
        send()


def set_field(field: str, value: int) -> Callable[[LoroDoc], object]:
    return lambda doc: pipeline_map(doc).insert(field, value)
