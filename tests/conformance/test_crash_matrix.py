"""A run survives a kill before and after every call of every port.

Truth is taken outside the run: from the source, which remembers what it was asked, and from the object
store read as a stranger reads it.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from appliance.core.connector import Failed, FailureKind
from appliance.core.limits import LEASE_TTL
from appliance.core.run import RunState
from tests.conformance.roster import SUBSTRATES
from tests.support.crash import Fuse, Killed
from tests.support.harness import ALICE, Harness, pipeline

TABLES = {"orders": [[1, 2], [3], [4, 5]], "lines": [[6], [7, 8]]}


def _harness(substrate: str, path: Path) -> Harness:
    path.mkdir()
    (path / "staging").mkdir()
    harness = Harness(SUBSTRATES[substrate](path), path / "staging")
    harness.source.tables = {name: list(pages) for name, pages in TABLES.items()}
    harness.apply(pipeline(tables=list(TABLES)))
    return harness


def _work(harness: Harness, fuse: Fuse) -> None:
    """One run, from its request to its end, in a process with that fuse."""
    harness.start(fuse.wrap)
    harness.control.request.start(ALICE, "orders")
    harness.answer()


def _resume(harness: Harness) -> None:
    """What a process does after its start, under whatever fuse it has."""
    harness.control.recover.at_boot(node_id=harness.control.node_id, boot=harness.control.boot)
    harness.settle()


def _check(harness: Harness, where: str) -> None:
    assert harness.rows("orders_orders") == [1, 2, 3, 4, 5], where
    assert harness.rows("orders_lines") == [6, 7, 8], where
    asked_again = [page for page, times in Counter(harness.source.asked).items() if times > 1]
    assert len(asked_again) <= 1, f"{where}: asked again for {asked_again}"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("substrate", SUBSTRATES)
def test_a_kill_at_any_call_loses_and_doubles_nothing(substrate: str, after: bool, tmp_path: Path) -> None:
    rehearsal = Fuse()
    _work(_harness(substrate, tmp_path / "rehearsal"), rehearsal)
    assert rehearsal.calls > 40

    for at in range(1, rehearsal.calls + 1):
        where = f"killed {'after' if after else 'before'} call {at}, {rehearsal.names[at - 1]}"
        harness = _harness(substrate, tmp_path / str(at))
        with pytest.raises(Killed):
            _work(harness, Fuse(at, after=after))

        harness.restart()
        if not harness.runs():
            harness.control.request.start(ALICE, "orders")
        harness.settle()

        assert harness.states() == [RunState.SUCCEEDED], where
        _check(harness, where)


@pytest.mark.parametrize("substrate", SUBSTRATES)
def test_two_kills_in_one_run_lose_and_double_nothing(substrate: str, tmp_path: Path) -> None:
    for first in range(8, 60, 7):
        harness = _harness(substrate, tmp_path / str(first))
        with pytest.raises(Killed):
            _work(harness, Fuse(first))
        harness.start(Fuse(14, after=True).wrap)
        with pytest.raises(Killed):
            _resume(harness)

        harness.restart()
        if not harness.runs():
            harness.control.request.start(ALICE, "orders")
        harness.settle()

        assert harness.rows("orders_orders") == [1, 2, 3, 4, 5]
        assert harness.states() == [RunState.SUCCEEDED]


def test_a_retry_survives_the_loss_of_its_ring(harness: Harness) -> None:
    harness.apply(pipeline())
    harness.source.tables["orders"].insert(1, Failed(FailureKind.TRANSIENT, "reset"))
    harness.run()

    harness.restart()
    harness.settle()

    assert harness.states() == [RunState.SUCCEEDED]
    assert harness.rows() == [1, 2, 3, 4, 5]


def test_with_every_ring_lost_the_sweeper_alone_completes_the_work(harness: Harness) -> None:
    harness.apply(pipeline())
    for _ in range(3):
        harness.control.request.start(ALICE, "orders")
    harness.rings.take()

    harness.settle()

    assert harness.states() == [RunState.SUCCEEDED] * 3


def test_a_paused_process_that_wakes_up_late_cannot_touch_what_was_committed(harness: Harness) -> None:
    """It held the run, slept past its lease, and goes on where it was: with its next page."""
    harness.apply(pipeline())
    run = harness.control.request.start(ALICE, "orders")
    page = harness.source.page

    def sleep_before_the_second_page(table: str, number: int) -> object:
        message = page(table, number)
        if number == 1 and len(harness.source.asked) == 2:
            harness.clock.forward(LEASE_TTL * 2)
            assert harness.control.execute(run.id) is True
        return message

    harness.source.page = sleep_before_the_second_page  # type: ignore[method-assign,assignment]
    assert harness.control.execute(run.id) is False

    assert harness.get(run.id).state is RunState.SUCCEEDED
    assert harness.rows() == [1, 2, 3, 4, 5]
    assert harness.get(run.id).fence == 2
