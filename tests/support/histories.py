"""Histories as a test reads them: entries as text, and all pages one after the other."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta

from appliance.core.draft import MAIN
from appliance.core.team import Actor, Role
from appliance.services.history import History
from appliance.services.history_entries import Applied, Began, Edited, Entry
from tests.support.harness import CHARLIE, Harness

OSCAR = Actor("oscar", Role.OPERATOR, "oscar-token")


def history_of(harness: Harness) -> History:
    """A history that knows nothing yet."""
    control = harness.control
    return History(control.rooms, harness.on.drafts, control.rooms.docs, harness.on.revisions, threading.Lock())


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
