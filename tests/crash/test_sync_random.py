"""People edit one draft at random while the server and clients are killed: all end with the same, nothing is lost.

`SYNC_RANDOM_SECONDS=600` goes on with new examples for as long.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from appliance.adapters.loro_doc_heads import heads_text
from appliance.core.draft import MAIN
from tests.support.sync_world import World, peer_numbers, team
from tests.support.sync_world_edits import EDITS, PIPELINES, break_kind, create, mend_kinds, set_setting
from tests.support.sync_world_hostile import KINDS
from tests.support.sync_world_people import Member, online
from tests.support.sync_world_serve import Busy
from tests.support.sync_world_torn import foretold

pytestmark = pytest.mark.crash

SECONDS = float(os.environ.get("SYNC_RANDOM_SECONDS", "0"))
WRITERS = 3

_WRITER = st.integers(0, WRITERS - 1)
_ANYBODY = st.integers(0, WRITERS)
_NUMBER = st.integers(0, 999)
_PIPELINE = st.sampled_from(PIPELINES)
_EDIT = st.tuples(_WRITER, st.sampled_from(sorted(EDITS)), _PIPELINE, _NUMBER, st.booleans())

QUICK = settings(max_examples=30, stateful_step_count=20, phases=(Phase.explicit, Phase.reuse, Phase.generate))
LONG = settings(max_examples=50, stateful_step_count=40, derandomize=False)


@dataclass
class Stage:
    """The one server that all examples play on, and the numbers that none of them may have twice."""

    server: Busy
    members: list[Member]
    peers: Iterator[int] = field(default_factory=peer_numbers)
    failure: Exception | None = None


def step(when: Any = rule, **drawn: Any) -> Callable[[Callable[..., None]], Any]:
    """A rule whose failure is kept for the end.

    Kills and sockets have their own time: an example that failed once may pass when it is played again, and of such
    the library tells nothing but that.
    """

    def decorate(act: Callable[..., None]) -> Any:
        @functools.wraps(act)
        def attempt(self: Editing, **values: Any) -> None:
            self.attempt(act, values)

        return when(**drawn)(attempt)

    return decorate


class Editing(RuleBasedStateMachine):
    """Several clients of the real protocol, one real server, and everything that may happen to them."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.world: World | None = None
        self.steps: list[str] = []
        self.kills = 0

    def attempt(self, act: Callable[..., None], values: dict[str, Any]) -> None:
        """Do a step, unless one failed before."""
        if self.stage.failure is not None:
            return
        self.steps.append(
            f"    state.{act.__name__}({', '.join(f'{name}={value!r}' for name, value in values.items())})"
        )
        try:
            act(self, **values)
        except Exception as failure:  # noqa: BLE001 - see `step`
            failure.add_note("\n".join(["played:", *self.steps]))
            self.stage.failure = failure

    @step(initialize, draft=st.sampled_from([MAIN, "aside"]), kills=st.sampled_from([0, 0, 1]))
    def begin(self, draft: str, kills: int) -> None:
        self.kills = kills
        self.world = World(self.stage.server, self.stage.members, draft=draft, peers=self.stage.peers)

    @step(edits=st.lists(_EDIT, min_size=1, max_size=6))
    def edit(self, edits: list[tuple[int, str, str, int, bool]]) -> None:
        """Nobody reads in between, so whatever different people do here is concurrent."""
        for who, what, pipeline, n, hold in edits:
            self._world.people[who].make(lambda doc: EDITS[what](doc, pipeline, n), hold=hold)  # noqa: B023

    @step(who=_WRITER, edits=st.lists(_EDIT, min_size=2, max_size=6), order=st.permutations(range(6)))
    def send_in_another_order(self, who: int, edits: list[tuple[int, str, str, int, bool]], order: list[int]) -> None:
        """All edits of one person, some of them before those that they depend on, and perhaps some never."""
        person = self._world.people[who]
        for _, what, pipeline, n, _ in edits:
            person.make(lambda doc: EDITS[what](doc, pipeline, n), hold=True)  # noqa: B023
        for index in order[: len(edits)]:
            if person.is_online and index < len(person.held):
                person.post(person.held.pop(index))

    @step(pipeline=_PIPELINE, n=_NUMBER, other=st.sampled_from(sorted(EDITS)))
    def all_make_the_same_pipeline(self, pipeline: str, n: int, other: str) -> None:
        for number, person in enumerate(self._world.writers):
            person.make(lambda doc: create(doc, pipeline, n + number), hold=False)  # noqa: B023
            person.make(lambda doc: EDITS[other](doc, pipeline, n + number), hold=False)  # noqa: B023

    @step(who=_WRITER, n=_NUMBER, mend=st.booleans())
    def edit_what_makes_no_sense(self, who: int, n: int, *, mend: bool) -> None:
        self._world.people[who].make(lambda doc: mend_kinds(doc) if mend else break_kind(doc, n), hold=False)

    @step(who=_WRITER, which=_NUMBER, again=st.booleans())
    def deliver(self, who: int, which: int, *, again: bool) -> None:
        """Something that was held, whatever is still held of before it; or something for the second time."""
        person = self._world.people[who]
        late = person.gone if again else person.held
        if person.is_online and late:
            person.post(late[which % len(late)] if again else late.pop(which % len(late)))

    @step(who=_ANYBODY)
    def read(self, who: int) -> None:
        person = self._world.people[who]
        if person.is_online:
            person.read_all(0.005)

    @step(who=_ANYBODY)
    def cut(self, who: int) -> None:
        if self._world.people[who].is_online:
            self._world.people[who].cut()

    @step(who=_ANYBODY)
    def come_back(self, who: int) -> None:
        self._world.come_back(who)

    @step(who=_WRITER)
    def die(self, who: int) -> None:
        self._world.die(who)

    @step(who=_ANYBODY, kind=st.sampled_from(KINDS))
    def send_what_is_refused(self, who: int, kind: str) -> None:
        self._world.hostile(who, kind)

    @precondition(lambda self: self.kills > 0)
    @step(
        burst=st.integers(1, 9), milliseconds=st.sampled_from([0, 0, 0, 2, 9]), whole=st.booleans(), back=st.booleans()
    )
    def kill_under_load(self, burst: int, milliseconds: int, *, whole: bool, back: bool) -> None:
        """At the first acknowledgement, or after some milliseconds."""
        self.kills -= 1
        world = self._world
        for index in range(WRITERS):
            world.come_back(index)
        for number in range(burst):
            for person in online(world.writers):
                person.make(lambda doc: set_setting(doc, PIPELINES[0], number), hold=False)  # noqa: B023
        if milliseconds:
            time.sleep(milliseconds / 1000)
        else:
            self._wait_for_an_acknowledgement()
        world.kill(whole=whole)
        for index in range(len(world.people) if back else 0):
            world.come_back(index)

    @precondition(lambda self: self.kills > 0)
    @step(milliseconds=st.integers(0, 25), n=_NUMBER)
    def kill_while_files_are_applied(self, milliseconds: int, n: int) -> None:
        """It is applied, in the draft too, or it is not; if it was said to be, it is."""
        self.kills -= 1
        world = self._world
        applying = threading.Thread(target=_apply_if_possible, args=(world, f"killed-{n}"))
        applying.start()
        time.sleep(milliseconds / 1000)
        world.kill(whole=n % 2 == 0)
        applying.join()
        world.check_revisions()

    @step(who=_ANYBODY)
    def apply_what_somebody_sees(self, who: int) -> None:
        world, person = self._world, self._world.people[who]
        is_known = person.is_online and not person.held
        if person.is_online:
            person.flush()
        wanted, manifest = foretold(person.doc)
        asked = {"heads": heads_text(person.doc.oplog_frontiers), "draft": world.draft, "based_on": world.head()}
        status, answer = world.server.request("POST", "/api/v1/config/apply", asked)
        if status in (200, 201):
            assert wanted == "ok"
            world.revisions[answer["revision"]["number"]] = manifest
        elif is_known or answer["error"]["code"] != "unknown_heads":
            assert answer["error"]["code"] == wanted

    @step(n=st.integers(0, 9), pipelines=st.lists(_PIPELINE, unique=True))
    def apply_files(self, n: int, pipelines: list[str]) -> None:
        written = [_pipeline(pipeline, n) for pipeline in pipelines]
        self._world.apply_files("\n".join([f'[project]\nname = "files-{n}"\n', *written]))

    @step()
    def rebuild(self) -> None:
        self._world.rebuild()

    @step()
    def rest(self) -> None:
        """Long enough for the server to fold the log."""
        time.sleep(0.15)

    @step()
    def heal(self) -> None:
        self._world.heal()

    def teardown(self) -> None:
        self.attempt(Editing.end, {})

    def end(self) -> None:
        self._world.heal()
        self._world.check_revisions()
        self._world.end()

    @property
    def _world(self) -> World:
        assert self.world is not None
        return self.world

    def _wait_for_an_acknowledgement(self) -> None:
        people = online(self._world.writers)
        until = time.monotonic() + 5
        sent = [len(person.sent) for person in people]
        while [len(person.sent) for person in people] == sent and people and time.monotonic() < until:
            for person in people:
                person.read(0.0002)


def _pipeline(pipeline: str, n: int) -> str:
    return f'[[pipeline]]\nid = "{pipeline}"\nsource = {{ connector = "scripted" }}\ntables = ["t{n % 3}"]\n'


def _apply_if_possible(world: World, name: str) -> None:
    with contextlib.suppress(OSError):
        world.apply_files(f'[project]\nname = "{name}"\n')


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    server = Busy(tmp_path_factory.mktemp("random") / "data")
    server.start()
    try:
        yield Stage(server, team(server))
    finally:
        server.stop()


def play(stage: Stage, limits: settings) -> None:
    try:
        given = settings(limits, deadline=None, suppress_health_check=[*HealthCheck])
        run_state_machine_as_test(cast("type[Editing]", lambda: Editing(stage)), settings=given)
    finally:
        # Once a step has failed the rest of them do nothing, and the library may take offence at that.
        if stage.failure is not None:
            raise stage.failure


@pytest.mark.timeout(SECONDS + 600)
def test_whatever_happens_everybody_ends_with_the_same_and_nothing_is_lost(stage: Stage) -> None:
    play(stage, QUICK)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        play(stage, LONG)
