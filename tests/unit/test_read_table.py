"""What may end the reading of a table, and how hard a connector is pressed that does not stop when asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from appliance.bootstrap import Substrate
from appliance.core.connector import Done, Failed, FailureKind, Message, Page, Progress, ReadRequest, Said, Started
from appliance.core.errors import LeaseLost, NotFound
from appliance.core.run import RunId
from appliance.services.read_table import PATIENCE, POLL, STALL, ReadTable, Stopping
from tests.conformance.roster import memory
from tests.support.clock import SetClock
from tests.support.play import Play, Scene
from tests.support.rings import HeldRings
from tests.support.rows import NOW, held, noted

PAGE = Page("/staging/0", 2, 20, "0" * 64, "after", ())
GONE = Failed(FailureKind.TRANSIENT, "gone")
REQUEST = ReadRequest("run", "scripted", {}, "orders", None, (), (), ())


@dataclass(slots=True)
class Kept:
    """Remembers what it was given, in order; `lost` from some call on."""

    calls: list[object] = field(default_factory=list)
    lost: bool = False

    def page(self, page: Page) -> None:
        self._keep(page)

    def said(self, at: datetime, level: str, message: str) -> None:
        self._keep((at, level, message))

    def alive(self) -> None:
        self._keep("alive")

    def _keep(self, what: object) -> None:
        if self.lost:
            raise LeaseLost("taken over")
        self.calls.append(what)


class Stage:
    """One run on the memory substrate, whose one table is read by a play."""

    def __init__(self, on: Substrate, clock: SetClock, run_id: RunId, play: Play) -> None:
        self.on = on
        self.clock = clock
        self.run_id = run_id
        self.play = play
        self.kept = Kept()
        self.stopping = False

    def cancel(self) -> None:
        """Somebody asks for it."""
        self.on.runs.request_cancel(self.run_id, now=self.clock.now(), audit=noted())

    def stop(self) -> None:
        """The process goes down."""
        self.stopping = True

    def read(self, *scenes: Scene, deadline: timedelta = timedelta(days=1), **reactions: Message) -> Done | Failed:
        self.play.scenes += scenes
        self.play.reactions |= reactions
        table = ReadTable(
            self.play, self.on.runs, self.clock, self.kept, lambda: self.stopping, self.run_id, NOW + deadline
        )
        return table(REQUEST)

    def pressed(self) -> list[str]:
        return [how for how, _ in self.play.pressed]

    def at(self, how: str) -> float:
        """When the connector was pressed that way, in seconds from the beginning."""
        return dict(self.play.pressed)[how]


@pytest.fixture
def stage() -> Iterator[Stage]:
    clock = SetClock()
    play = Play(clock, [])
    storage = memory(Path())
    on = storage.open(clock, HeldRings(), play)
    yield Stage(on, clock, held(on).run_id, play)
    storage.end()


def test_a_table_is_read_to_its_end(stage: Stage) -> None:
    assert stage.read(Started(NOW), PAGE, 0.2, PAGE, Done("end")) == Done("end")

    assert [call for call in stage.kept.calls if isinstance(call, Page)] == [PAGE, PAGE]
    assert stage.pressed() == ["acknowledge", "acknowledge", "close"]


def test_a_page_is_kept_before_it_is_acknowledged(stage: Stage) -> None:
    stage.read(PAGE, lambda: stage.kept.calls.append(stage.pressed()), Done("end"))

    assert stage.kept.calls.index(PAGE) < stage.kept.calls.index(["acknowledge"])


def test_a_page_that_could_not_be_kept_is_not_acknowledged(stage: Stage) -> None:
    stage.kept.lost = True

    with pytest.raises(LeaseLost):
        stage.read(PAGE, Done("end"))

    assert stage.pressed() == ["close"]


def test_a_failure_is_the_connectors_last_word(stage: Stage) -> None:
    assert stage.read(PAGE, GONE, PAGE) == GONE
    assert stage.pressed() == ["acknowledge", "close"]


def test_what_the_connector_says_is_kept_with_its_time(stage: Stage) -> None:
    stage.read(Started(NOW - timedelta(seconds=1)), Said("warning", "slow"), Done("end"))

    assert [call for call in stage.kept.calls if isinstance(call, tuple)] == [
        (NOW - timedelta(seconds=1), "debug", "connector started"),
        (NOW, "warning", "slow"),
    ]


def test_a_connector_that_cannot_be_opened_is_not_pressed(stage: Stage) -> None:
    table = ReadTable(stage.play, stage.on.runs, stage.clock, stage.kept, bool, stage.run_id, NOW)

    with pytest.raises(NotFound):
        table(ReadRequest("run", "nonesuch", {}, "orders", None, (), (), ()))

    assert stage.pressed() == []


def test_the_lease_is_kept_while_the_connector_is_silent(stage: Stage) -> None:
    stage.read(60.0, Done("end"))

    assert stage.kept.calls.count("alive") >= 60 / POLL / 2


def test_a_lease_that_was_lost_ends_the_reading(stage: Stage) -> None:
    def lose() -> None:
        stage.kept.lost = True

    with pytest.raises(LeaseLost):
        stage.read(5.0, lose, 100.0)

    assert stage.pressed() == ["close"]
    assert stage.clock.monotonic() <= 5 + 2 * POLL


def test_a_connector_that_stops_when_asked_is_not_pressed(stage: Stage) -> None:
    verdict = stage.read(1.0, stage.cancel, 100.0, cancel=Failed(FailureKind.CANCELLED, "stopped"))

    assert verdict == Failed(FailureKind.CANCELLED, "stopped")
    assert stage.pressed() == ["cancel", "close"]
    assert stage.at("cancel") - 1 <= 2 * POLL


def test_a_connector_that_fails_once_it_was_asked_to_stop_was_cancelled(stage: Stage) -> None:
    assert stage.read(stage.cancel, 100.0, cancel=GONE) == Failed(FailureKind.CANCELLED, "gone")


def test_a_connector_that_had_all_when_it_was_asked_to_stop_is_done(stage: Stage) -> None:
    assert stage.read(stage.cancel, 100.0, cancel=Done("end")) == Done("end")


def test_a_connector_that_does_not_listen_is_interrupted_after_a_while(stage: Stage) -> None:
    verdict = stage.read(1.0, stage.cancel, 100.0, interrupt=Failed(FailureKind.CANCELLED, "trapped"))

    assert verdict == Failed(FailureKind.CANCELLED, "trapped")
    assert stage.pressed() == ["cancel", "interrupt", "close"]
    assert PATIENCE < stage.at("interrupt") - stage.at("cancel") <= PATIENCE + 2 * POLL


@pytest.mark.parametrize("chatter", [[], [Said("info", "busy"), 0.1] * 1000, [Progress(1), 0.1] * 1000])
def test_a_connector_that_does_nothing_it_is_told_is_killed_within_ten_seconds(
    stage: Stage, chatter: list[Scene]
) -> None:
    verdict = stage.read(1.0, stage.cancel, *chatter)

    assert verdict == Failed(FailureKind.CANCELLED, "killed: it did not stop when asked")
    assert stage.pressed() == ["cancel", "interrupt", "close"]
    assert stage.at("close") - 1 < 10


def test_a_connector_that_sends_pages_for_ever_is_cancelled_all_the_same(stage: Stage) -> None:
    pages: list[Scene] = [PAGE, lambda: stage.clock.forward(timedelta(seconds=0.1))] * 1000

    verdict = stage.read(stage.cancel, *pages)

    assert isinstance(verdict, Failed)
    assert verdict.kind is FailureKind.CANCELLED
    assert stage.clock.monotonic() < 10


def test_a_connector_that_says_nothing_for_long_is_tried_again(stage: Stage) -> None:
    verdict = stage.read(PAGE)

    assert isinstance(verdict, Failed)
    assert (verdict.kind, verdict.kind.is_retryable) == (FailureKind.TRANSIENT, True)
    assert STALL < stage.at("close") <= STALL + 2 * POLL


@pytest.mark.parametrize("sign", [PAGE, Said("debug", "waiting"), Progress(0), Started(NOW)])
def test_every_sign_of_life_counts(stage: Stage, sign: Message) -> None:
    silence = STALL - POLL

    assert stage.read(silence, sign, silence, sign, silence, Done("end")) == Done("end")


def test_a_clock_that_is_set_ends_no_reading_by_silence(stage: Stage) -> None:
    assert stage.read(lambda: stage.clock.jump(timedelta(hours=2)), 1.0, Done("end")) == Done("end")


def test_the_deadline_ends_a_reading_that_goes_well(stage: Stage) -> None:
    pages: list[Scene] = [PAGE, 10.0] * 100

    verdict = stage.read(*pages, deadline=timedelta(seconds=60))

    assert isinstance(verdict, Failed)
    assert (verdict.kind, verdict.kind.is_retryable) == (FailureKind.LIMIT, False)
    assert 60 <= stage.at("close") <= 60 + 2 * POLL


def test_a_process_that_goes_down_gives_the_reading_up_at_once(stage: Stage) -> None:
    with pytest.raises(Stopping):
        stage.read(PAGE, 5.0, stage.stop, 100.0)

    assert stage.pressed() == ["acknowledge", "close"]
    assert stage.at("close") <= 5 + 2 * POLL


def test_a_page_that_came_before_the_process_goes_down_is_kept(stage: Stage) -> None:
    with pytest.raises(Stopping):
        stage.read(stage.stop, PAGE, PAGE)

    assert [call for call in stage.kept.calls if isinstance(call, Page)] == [PAGE]
