"""Who gets a run when several want it, and which run goes first, on every substrate."""

from __future__ import annotations

from datetime import datetime

from appliance.bootstrap import Substrate
from appliance.core.run import Claim, RunId, RunState
from tests.support.rows import (
    DEADLINE,
    NOW,
    SECOND,
    TTL,
    at_once,
    claimed,
    create,
    held,
    new_run,
)


def _claim(on: Substrate, run_id: RunId, *, now: datetime = NOW, holder: str = "other/boot/worker") -> Claim | None:
    return on.journal.claim(run_id, holder, now=now, ttl=TTL, deadline_at=DEADLINE + SECOND)


def test_an_exclusive_run_waits_for_the_one_that_runs(on: Substrate) -> None:
    first = held(on, new_run(exclusive=True))
    second = create(on, new_run(exclusive=True, due_at=NOW + SECOND))
    assert _claim(on, second.id) is None

    on.journal.release(first)
    assert _claim(on, second.id) is None, "a run that can resume is running, though nobody holds it"

    on.journal.finish(claimed(on, first.run_id), RunState.SUCCEEDED, None, now=NOW)
    assert _claim(on, second.id) is not None


def test_of_exclusive_runs_that_wait_the_oldest_goes_first(on: Substrate) -> None:
    late = create(on, new_run(exclusive=True, due_at=NOW + SECOND))
    early = create(on, new_run(exclusive=True, due_at=NOW))

    assert _claim(on, late.id) is None
    assert _claim(on, early.id) is not None


def test_other_pipelines_and_runs_that_are_not_exclusive_wait_for_nobody(on: Substrate) -> None:
    held(on, new_run("orders", exclusive=True))

    assert _claim(on, create(on, new_run("orders", exclusive=False)).id) is not None
    assert _claim(on, create(on, new_run("customers", exclusive=True)).id) is not None


def test_of_eight_that_claim_one_run_exactly_one_wins(on: Substrate) -> None:
    run = create(on)

    claims = at_once(lambda number: _claim(on, run.id, holder=f"node/boot/{number}"))

    [winner] = [claim for claim in claims if claim is not None]
    assert on.runs.get(run.id).holder == winner.lease.holder
    assert winner.lease.fence == 1


def test_of_eight_that_take_over_one_run_exactly_one_wins(on: Substrate) -> None:
    lease = held(on)

    claims = at_once(lambda number: _claim(on, lease.run_id, now=lease.expires_at, holder=f"node/boot/{number}"))

    assert len([claim for claim in claims if claim is not None]) == 1
    assert on.runs.get(lease.run_id).fence == 2


def test_of_eight_exclusive_runs_that_are_claimed_at_once_one_starts(on: Substrate) -> None:
    runs = [create(on, new_run(exclusive=True)) for _ in range(8)]

    claims = at_once(lambda number: _claim(on, runs[number].id))

    assert len([claim for claim in claims if claim is not None]) == 1
    assert on.runs.unfinished()[RunState.RUNNING].count == 1
