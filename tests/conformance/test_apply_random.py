"""People edit, apply, go back and are killed in any order: what is live is always what somebody saw."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from appliance.core.draft import MAIN, Heads, Undone, Unresolved
from appliance.core.draft_tree import manifest_of
from appliance.core.manifest import SourceText, digest, load
from appliance.core.team import Actor, Role
from tests.conformance.roster import SUBSTRATES
from tests.support.editing import Editor, schedule
from tests.support.harness import ALICE, BOB, Harness, pipeline

pytestmark = pytest.mark.conformance

PEOPLE = {"alice": ALICE, "bob": BOB, "carol": Actor("carol", Role.EDITOR, "carol-token")}
WHO = st.sampled_from(sorted(PEOPLE))
TEXTS = st.sampled_from(["every 5m", "every 15m", "every 1h", "0 3 * * *"])
PIPELINES = st.sampled_from(["orders", "invoices"])


def _schedules(harness: Harness, number: int) -> dict[str, str | None]:
    return {one.id: one.schedule for one in harness.control.manifests.get(number).pipelines}


class Applying(RuleBasedStateMachine):
    """`mine` holds what each person set in the main draft, in a pipeline of their own, and nobody applied yet."""

    @initialize()
    def begin(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        (folder / "staging").mkdir()
        self._storage = SUBSTRATES["memory"](folder)
        self.harness = Harness(self._storage, folder / "staging")
        self.files(schedules={})
        self.seen: list[Heads] = []
        self.late: list[Callable[[], Heads]] = []
        self.mine: dict[str, str] = {}
        self._join()

    def teardown(self) -> None:
        self._storage.end()
        self._folder.cleanup()

    @rule(who=WHO, text=TEXTS)
    def edits_their_own(self, who: str, text: str) -> None:
        self.seen.append(self.editors[who].set("schedule", text, pipeline=who))
        self.mine[who] = text

    @rule(who=WHO, name=PIPELINES, text=TEXTS)
    def edits_everybodys(self, who: str, name: str, text: str) -> None:
        self.seen.append(self.editors[who].set("schedule", text, pipeline=name))

    @rule(who=WHO, name=PIPELINES, text=TEXTS)
    def edits_and_sends_it_later(self, who: str, name: str, text: str) -> None:
        stranger = Editor(self.harness, PEOPLE[who])
        self.late.append(stranger.offline(schedule(name, text)))

    @precondition(lambda self: self.late)
    @rule()
    def an_edit_arrives_late(self) -> None:
        self.seen.append(self.late.pop(0)())

    @rule(who=WHO, name=PIPELINES)
    def removes(self, who: str, name: str) -> None:
        self.seen.append(self.editors[who].remove(name))

    @rule(who=WHO, name=PIPELINES)
    def keeps(self, who: str, name: str) -> None:
        if "removed" in self.editors[who].sees(name):
            self.seen.append(self.editors[who].keep(name))

    @precondition(lambda self: self.seen)
    @rule(who=WHO, data=st.data())
    def applies_what_was_seen(self, who: str, data: st.DataObject) -> None:
        heads, number = data.draw(st.sampled_from(self.seen[-6:])), self._head()
        room = self.harness.control.rooms.named(MAIN)
        before = _schedules(self.harness, number)
        try:
            self.harness.control.apply.heads(PEOPLE[who], heads, draft=MAIN, based_on=number)
        except (Unresolved, Undone):
            assert self._head() == number
            return
        said = manifest_of(room.tree(heads))
        assert digest(said) == self.harness.on.revisions.get(self._head()).digest
        told = {str(one.id): one.schedule for one in said.pipelines}
        self.mine = {name: text for name, text in self.mine.items() if told[name] == before[name] != text}

    @rule(who=WHO, schedules=st.dictionaries(st.sampled_from([*PEOPLE, "orders", "invoices"]), TEXTS, max_size=3))
    def applies_files(self, who: str, schedules: dict[str, str]) -> None:
        before = _schedules(self.harness, self._head())
        self.files(schedules={**{name: before[name] for name in PEOPLE}, **schedules}, who=who)
        self._forget_touched(before)

    @rule(who=WHO, data=st.data())
    def goes_back(self, who: str, data: st.DataObject) -> None:
        number = self._head()
        if number == 1:
            return
        before = _schedules(self.harness, number)
        to = data.draw(st.integers(1, number - 1))
        self.harness.control.revert(PEOPLE[who], to=to, based_on=number)
        assert self.harness.on.revisions.get(self._head()).digest == self.harness.on.revisions.get(to).digest
        self._forget_touched(before)

    @rule()
    def is_killed(self) -> None:
        self.harness.restart()
        self.late.clear()
        self._join()

    @invariant()
    def the_revision_and_the_draft_agree(self) -> None:
        room, head = self.harness.control.rooms.named(MAIN), self.harness.on.revisions.get(self._head())
        draft = room.draft()
        assert draft.applied == head.number
        assert digest(manifest_of(room.tree(draft.applied_heads))) == head.digest

    @invariant()
    def everybody_sees_the_same(self) -> None:
        room = self.harness.control.rooms.named(MAIN)
        for editor in self.editors.values():
            assert editor.heads() == room.heads()

    @invariant()
    def nobodys_unapplied_edit_is_lost(self) -> None:
        for who, text in self.mine.items():
            assert self.editors[who].sees(who)["schedule"] == text, who

    @invariant()
    def the_object_store_has_every_revision(self) -> None:
        assert self.harness.on.objects.get("manifests/manifest@current").decode() == str(self._head())

    def files(self, *, schedules: dict[str, str | None], who: str = "alice") -> None:
        texts = [
            pipeline(name, **({"schedule": text} if (text := schedules.get(name)) else {}))
            for name in (*PEOPLE, "orders", "invoices")
        ]
        sources = [SourceText("a.toml", "\n".join(texts), "toml")]
        self.harness.control.apply(PEOPLE[who], sources, based_on=None, again=True)
        assert self.harness.on.revisions.get(self._head()).digest == digest(load(sources))

    def _forget_touched(self, before: dict[str, str | None]) -> None:
        """A field that was changed and edited at once may say either."""
        after = _schedules(self.harness, self._head())
        self.mine = {name: text for name, text in self.mine.items() if before[name] == after[name]}

    def _head(self) -> int:
        return self.harness.on.revisions.head_number() or 0

    def _join(self) -> None:
        self.editors = {name: Editor(self.harness, actor) for name, actor in PEOPLE.items()}


TestApplying = Applying.TestCase
TestApplying.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
