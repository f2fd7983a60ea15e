"""People who edit the drafts of a control plane: each one a client of the real CRDT, in a room of the real service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pytest
from loro import LoroDoc

from appliance.adapters.loro_doc_heads import heads_text
from appliance.core.draft import MAIN, Heads
from appliance.core.errors import ControlError
from appliance.core.team import Actor
from appliance.services.live import Applied
from appliance.services.room import Room
from tests.support.harness import ALICE, Harness
from tests.support.rooms import Client, are_accepted, pipeline_map

if TYPE_CHECKING:
    from loro import LoroValue  # only the library's stub knows it


class Editor:
    """Follows one draft, and sends an edit when told to."""

    def __init__(self, harness: Harness, actor: Actor = ALICE, *, draft: str = MAIN) -> None:
        self.room: Room = harness.control.rooms.named(draft)
        self.client = Client(actor).follow(self.room)

    def set(self, field: str, value: LoroValue, *, pipeline: str = "orders") -> Heads:
        """Set one field, and return what was seen after it."""
        return self.change(lambda doc: pipeline_map(doc, pipeline).insert(field, value))

    def add(self, pipeline: str) -> Heads:
        """Create a pipeline on the scripted source."""

        def change(doc: LoroDoc) -> None:
            made = pipeline_map(doc, pipeline)
            made.ensure_mergeable_map("source").insert("connector", "scripted")
            made.ensure_mergeable_map("tables").ensure_mergeable_map("orders")

        return self.change(change)

    def remove(self, pipeline: str = "orders", *, saw: Heads | None = None) -> Heads:
        """Bury a pipeline; without `saw` as it is now."""
        return self.set("removed", self.room.heads() if saw is None else saw, pipeline=pipeline)

    def keep(self, pipeline: str = "orders") -> Heads:
        return self.change(lambda doc: pipeline_map(doc, pipeline).delete("removed"))

    def change(self, change: Callable[[LoroDoc], object]) -> Heads:
        assert are_accepted(self.room.accept([self.client.delivery(self.client.edit(change))]))
        return self.room.heads()

    def offline(self, change: Callable[[LoroDoc], object]) -> Callable[[], Heads]:
        """Edit now and send it when called: others edit meanwhile."""
        delivery = self.client.delivery(self.client.edit(change))

        def send() -> Heads:
            assert are_accepted(self.room.accept([delivery]))
            return self.room.heads()

        return send

    def heads(self) -> Heads:
        """What this client sees, its unsent edits included."""
        return heads_text(self.client.doc.oplog_frontiers)

    def sees(self, pipeline: str = "orders") -> Mapping[str, object]:
        """What this client's replica says of a pipeline."""
        found: Mapping[str, object] = self.client.tree().get("pipelines", {}).get(pipeline, {})
        return found


def schedule(pipeline: str, text: str) -> Callable[[LoroDoc], object]:
    """An edit of one field."""
    return lambda doc: pipeline_map(doc, pipeline).insert("schedule", text)


def apply_heads(
    harness: Harness, heads: Heads, *, by: Actor = ALICE, draft: str = MAIN, again: bool = False
) -> Applied:
    based_on = harness.on.revisions.head_number() or 0
    return harness.control.apply.heads(by, heads, draft=draft, based_on=based_on, again=again)


def live(harness: Harness) -> dict[str, str | None]:
    """The schedules that are live, by pipeline."""
    number = harness.on.revisions.head_number() or 0
    return {one.id: one.schedule for one in harness.control.manifests.get(number).pipelines} if number else {}


def state(harness: Harness) -> object:
    """All that a refused apply must leave as it was."""
    on = harness.on
    return (
        on.revisions.head_number(),
        on.drafts.list(),
        [on.drafts.content(draft.epoch).seq for draft in on.drafts.list()],
        on.schedules.list(),
        on.records.audit(before=None, limit=100).items,
        harness.object_keys("manifests/"),
        {draft.name: harness.control.rooms.named(draft.name).heads() for draft in on.drafts.list()},
    )


def refused(harness: Harness, error: type[ControlError], act: Callable[[], object], match: str) -> ControlError:
    before = state(harness)
    with pytest.raises(error, match=match) as caught:
        act()
    assert state(harness) == before
    return caught.value
