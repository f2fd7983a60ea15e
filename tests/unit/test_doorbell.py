"""The doorbell answers every ring, soon, and a ring for later at its time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from appliance.adapters.selfhosted.doorbell import HueyDoorbell
from appliance.core.run import RunId

A = RunId("orders@20260601T000000Z")
B = RunId("orders@20260601T000100Z")
SOON = 5.0


class Answers:
    """What was answered, when, and by which thread."""

    def __init__(self) -> None:
        self.runs: list[RunId] = []
        self.threads: set[int] = set()
        self.at: dict[RunId, float] = {}
        self._changed = threading.Condition()

    def __call__(self, run_id: RunId) -> None:
        with self._changed:
            self.runs.append(run_id)
            self.threads.add(threading.get_ident())
            self.at[run_id] = time.time()
            self._changed.notify_all()

    def wait(self, count: int) -> bool:
        """Whether so many were answered soon."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.runs) >= count, SOON)


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def bell() -> Iterator[HueyDoorbell]:
    bell = HueyDoorbell(workers=4)
    yield bell
    bell.stop(SOON)


def test_a_ring_is_answered_at_once(bell: HueyDoorbell, answers: Answers) -> None:
    bell.start(answers)
    delays = []
    for number in range(20):
        time.sleep(0.01)  # long enough that every worker is asleep
        started, run_id = time.time(), RunId(str(number))
        bell.ring(run_id)
        assert answers.wait(number + 1)
        delays.append(answers.at[run_id] - started)

    assert sorted(delays)[10] < 0.1


def test_a_ring_for_later_is_answered_at_its_time_and_not_before(bell: HueyDoorbell, answers: Answers) -> None:
    bell.start(answers)
    at = datetime.now(UTC) + timedelta(seconds=0.4)

    bell.ring_at(A, at)

    assert answers.wait(1)
    assert 0 <= answers.at[A] - at.timestamp() < 1


def test_a_ring_for_a_time_that_has_passed_is_answered_now(bell: HueyDoorbell, answers: Answers) -> None:
    bell.start(answers)

    bell.ring_at(A, datetime.now(UTC) - timedelta(hours=1))

    assert answers.wait(1)


def test_a_time_of_any_zone_is_that_time(bell: HueyDoorbell, answers: Answers) -> None:
    bell.start(answers)
    at = datetime.now(UTC) + timedelta(seconds=0.3)

    bell.ring_at(A, datetime.fromisoformat(at.isoformat()).astimezone(datetime.now().astimezone().tzinfo))

    assert answers.wait(1)
    assert answers.at[A] >= at.timestamp()


def test_two_hundred_rings_in_the_same_moment_are_all_answered(bell: HueyDoorbell, answers: Answers) -> None:
    bell.start(answers)
    rings = [RunId(str(number)) for number in range(200)]

    for ring in rings:
        bell.ring(ring)

    assert answers.wait(200)
    assert sorted(answers.runs) == sorted(rings)


def test_answers_that_take_time_are_given_beside_each_other(bell: HueyDoorbell) -> None:
    together = threading.Barrier(4)
    met = threading.Semaphore(0)

    def answer(_run_id: RunId) -> None:
        together.wait(SOON)
        met.release()

    bell.start(answer)
    for number in range(4):
        bell.ring(RunId(str(number)))

    assert all(met.acquire(timeout=SOON) for _ in range(4))


def test_a_ring_that_nobody_answered_yet_waits(bell: HueyDoorbell) -> None:
    go, busy = threading.Event(), threading.Semaphore(0)

    def answer(_run_id: RunId) -> None:
        busy.release()
        go.wait(SOON)

    bell.start(answer)
    for number in range(6):
        bell.ring(RunId(str(number)))
    assert all(busy.acquire(timeout=SOON) for _ in range(4))

    assert bell.waiting() == 2
    go.set()


def test_an_answer_that_fails_does_not_stop_the_others(
    bell: HueyDoorbell, answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(run_id: RunId) -> None:
        if run_id == A:
            raise ZeroDivisionError
        answers(run_id)

    with caplog.at_level(logging.CRITICAL, logger="huey"):
        bell.start(answer)
        for _ in range(20):
            bell.ring(A)
        for _ in range(20):
            bell.ring(B)
        assert answers.wait(20)


def test_a_ring_before_the_start_is_lost(bell: HueyDoorbell, answers: Answers) -> None:
    bell.ring(A)
    bell.ring_at(A, datetime.now(UTC))
    bell.start(answers)
    bell.ring(B)

    assert answers.wait(1)
    assert answers.runs == [B]


def test_stopping_waits_for_the_answers_that_are_under_way(bell: HueyDoorbell) -> None:
    busy, done = threading.Event(), threading.Event()

    def answer(_run_id: RunId) -> None:
        busy.set()
        time.sleep(0.3)
        done.set()

    bell.start(answer)
    bell.ring(A)
    assert busy.wait(SOON)

    bell.stop(SOON)

    assert done.is_set()


def test_stopping_does_not_wait_longer_than_it_was_told(bell: HueyDoorbell) -> None:
    busy, go = threading.Event(), threading.Event()

    def answer(_run_id: RunId) -> None:
        busy.set()
        go.wait(SOON)

    bell.start(answer)
    bell.ring(A)
    assert busy.wait(SOON)
    started = time.monotonic()

    bell.stop(0.2)

    assert time.monotonic() - started < 1
    go.set()


def _ring_later(bell: HueyDoorbell) -> None:
    bell.ring_at(A, datetime.now(UTC) - timedelta(seconds=1))


@pytest.mark.parametrize("ring", [lambda bell: bell.ring(A), _ring_later], ids=["ring", "ring_at"])
def test_after_the_stop_no_ring_is_taken(
    bell: HueyDoorbell, answers: Answers, ring: Callable[[HueyDoorbell], None]
) -> None:
    bell.start(answers)
    bell.stop(SOON)

    ring(bell)

    time.sleep(0.3)
    assert answers.runs == []
    assert bell.waiting() == 0


def test_stopping_twice_or_before_the_start_is_nothing() -> None:
    bell = HueyDoorbell(workers=1)
    bell.stop(SOON)
    bell.start(lambda _: None)
    bell.stop(SOON)
    bell.stop(SOON)
