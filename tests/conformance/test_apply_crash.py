"""A kill at any call of any port during an apply: afterwards all of it is there, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.core.draft import MAIN
from appliance.core.draft_tree import manifest_of
from appliance.core.manifest import SourceText, digest
from tests.conformance.roster import SUBSTRATES
from tests.support.crash import Fuse, Killed
from tests.support.editing import Editor, apply_heads, live
from tests.support.harness import ALICE, BOB, Harness, pipeline

pytestmark = pytest.mark.conformance

Act = Callable[[Harness], object]


def _files(harness: Harness) -> object:
    text = pipeline(schedule="every 15m") + "\n" + pipeline("invoices")
    return harness.control.apply(ALICE, [SourceText("a.toml", text, "toml")], based_on=2)


def _heads(harness: Harness) -> object:
    room = harness.control.rooms.named("seen")
    return harness.control.apply.heads(ALICE, room.heads(), draft="seen", based_on=2)


def _main_heads(harness: Harness) -> object:
    return apply_heads(harness, harness.control.rooms.named(MAIN).heads())


def _revert(harness: Harness) -> object:
    return harness.control.revert(ALICE, to=1, based_on=2)


# What is done, and what is live after it.
ACTS: dict[str, tuple[Act, dict[str, str | None]]] = {
    "files": (_files, {"orders": "every 15m", "invoices": None}),
    "the main draft": (_main_heads, {"orders": None, "invoices": "every 1h"}),
    "another draft": (_heads, {"orders": "every 30m", "invoices": None}),
    "a revert": (_revert, {"orders": "every 5m"}),
}


def _harness(substrate: str, path: Path) -> Harness:
    """Two revisions, an edit in the main draft that nobody applied, and a draft beside it with another."""
    path.mkdir()
    (path / "staging").mkdir()
    harness = Harness(SUBSTRATES[substrate](path), path / "staging")
    harness.apply(pipeline(schedule="every 5m"))
    harness.apply(pipeline(), pipeline("invoices"))
    Editor(harness).set("schedule", "every 1h", pipeline="invoices")
    harness.control.drafts.create(BOB, "seen", None)
    Editor(harness, BOB, draft="seen").set("schedule", "every 30m")
    return harness


def _press(harness: Harness, fuse: Fuse, act: Act) -> None:
    harness.start(fuse.wrap)
    act(harness)


def _check_whole(harness: Harness, where: str, *, after: dict[str, str | None]) -> bool:
    """Everything that tells of the newest revision tells of the same one. True if the apply is there."""
    on, room = harness.on, harness.control.rooms.named(MAIN)
    head, draft = on.revisions.get(on.revisions.head_number() or 0), room.draft()
    assert draft.applied == head.number, where
    assert digest(manifest_of(room.tree(draft.applied_heads))) == head.digest, where
    armed = {armed.pipeline_id: armed.schedule.text for armed in on.schedules.list()}
    assert armed == {name: text for name, text in live(harness).items() if text}, where
    newest = next(e for e in on.records.audit(before=None, limit=50).items if e.action.startswith("config."))
    assert newest.subject == f"revision {head.number}", where
    assert Editor(harness).sees("invoices").get("schedule") == "every 1h", f"{where}: an edit is lost"
    assert live(harness) == (after if head.number == 3 else {"orders": None, "invoices": None}), where
    return head.number == 3


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("substrate", SUBSTRATES)
def test_a_kill_at_any_call_leaves_all_of_an_apply_or_nothing(
    substrate: str, name: str, after: bool, tmp_path: Path
) -> None:
    act, goal = ACTS[name]
    rehearsal, harness = Fuse(), _harness(substrate, tmp_path / "rehearsal")
    _press(harness, rehearsal, act)
    assert "revisions.add" in rehearsal.names
    done = set()

    for at in range(1, rehearsal.calls + 1):
        where = f"{name}: killed {'after' if after else 'before'} call {at}, {rehearsal.names[at - 1]}"
        harness = _harness(substrate, tmp_path / str(at))
        with pytest.raises(Killed):
            _press(harness, Fuse(at, after=after), act)

        harness.restart()
        done.add(_check_whole(harness, where, after=goal))
        harness.control.mirror()
        assert harness.on.objects.get("manifests/manifest@current").decode() == str(harness.on.revisions.head_number())

    assert done == {False, True}


@pytest.mark.parametrize("name", ACTS)
def test_what_a_kill_prevented_is_done_by_pressing_again(name: str, tmp_path: Path) -> None:
    act, goal = ACTS[name]
    rehearsal, harness = Fuse(), _harness("memory", tmp_path / "rehearsal")
    _press(harness, rehearsal, act)
    at = rehearsal.names.index("revisions.add") + 1

    harness = _harness("memory", tmp_path / "again")
    with pytest.raises(Killed):
        _press(harness, Fuse(at), act)
    harness.restart()
    act(harness)

    assert _check_whole(harness, name, after=goal)
