"""The sweeper finds what nobody is doing, and nothing that somebody is, on every substrate."""

from __future__ import annotations

from datetime import datetime

import pytest

from appliance.bootstrap import Substrate
from appliance.core.errors import LeaseLost
from appliance.core.run import RunError, RunId, RunState
from tests.support.rows import (
    DEADLINE,
    HOSTILE,
    NOW,
    SCHEMA,
    SECOND,
    TTL,
    at_once,
    claimed,
    counted,
    create,
    held,
    new_run,
    noted,
    page,
    table_commit,
)

RESET = RunError("transient", "connection reset")
LATE = NOW + 100 * TTL


def _ready(on: Substrate, now: datetime = NOW) -> set[RunId]:
    return set(on.sweep.ready(now=now, limit=500))


def _one_of_each(on: Substrate) -> dict[str, RunId]:
    """Runs in every situation that a claim looks at, each with its own pipeline unless they wait for another."""
    runs = {"pending": create(on, new_run("a")).id, "held": held(on, new_run("b")).run_id}
    released = held(on, new_run("c"))
    on.journal.release(released)
    retried = held(on, new_run("d"))
    on.journal.retry(retried, RESET, at=NOW + SECOND, now=NOW)
    finished = held(on, new_run("e"))
    on.journal.finish(finished, RunState.FAILED, RESET, now=NOW)
    cancelled = create(on, new_run("f")).id
    on.runs.request_cancel(cancelled, now=NOW, audit=noted())
    first = held(on, new_run("g", exclusive=True))
    behind = create(on, new_run("g", exclusive=True)).id
    older = create(on, new_run("h", exclusive=True)).id
    younger = create(on, new_run("h", exclusive=True, due_at=NOW + SECOND)).id
    return runs | {
        "released": released.run_id, "retried": retried.run_id, "finished": finished.run_id, "cancelled": cancelled,
        "exclusive, held": first.run_id, "exclusive, behind": behind, "exclusive, older": older,
        "exclusive, younger": younger,
    }  # fmt: skip


@pytest.mark.parametrize("now", [NOW, NOW + SECOND, NOW + TTL, LATE])
def test_ready_is_exactly_what_a_claim_would_get(on: Substrate, now: datetime) -> None:
    runs = _one_of_each(on)
    ready = _ready(on, now)

    def gets(run_id: RunId) -> bool:
        return on.journal.claim(run_id, "probe/boot/worker", now=now, ttl=TTL, deadline_at=DEADLINE) is not None

    # The others first: a claim that gets nothing changes nothing.
    assert not any(gets(run_id) for run_id in runs.values() if run_id not in ready)
    assert all(gets(run_id) for run_id in ready)
    assert runs["pending"] in ready
    assert runs["exclusive, older"] in ready
    assert not ready & {runs["finished"], runs["cancelled"], runs["exclusive, behind"], runs["exclusive, younger"]}


def test_ready_names_no_more_than_it_was_asked_for_the_longest_due_first(on: Substrate) -> None:
    late, early, middle = (create(on, new_run(due_at=NOW + number * SECOND)).id for number in (9, 1, 5))

    assert on.sweep.ready(now=NOW, limit=2) == [early, middle]
    assert late in _ready(on)


def test_a_lease_of_an_earlier_boot_is_let_go_of(on: Substrate) -> None:
    dead = claimed(on, create(on).id, holder="node/before/worker")
    alive = claimed(on, create(on).id, holder="node/now/worker")
    elsewhere = claimed(on, create(on).id, holder="another/before/worker")

    assert on.sweep.free_leases("node", "now") == 1

    assert on.runs.get(dead.run_id).holder is None
    assert on.runs.get(alive.run_id).holder == "node/now/worker"
    assert on.runs.get(elsewhere.run_id).holder == "another/before/worker"
    assert _ready(on) == {dead.run_id}
    assert on.sweep.free_leases("node", "now") == 0


@pytest.mark.parametrize(
    ("node", "stranger"), [("n_1", "nx1"), ("node", "NODE"), ("node", "node2"), ("n%", "nanything"), ("node", "no")]
)
def test_a_nodes_name_is_taken_by_the_letter(on: Substrate, node: str, stranger: str) -> None:
    lease = claimed(on, create(on).id, holder=f"{stranger}/before/worker")

    assert on.sweep.free_leases(node, "now") == 0
    assert on.journal.renew(lease, now=NOW, ttl=TTL)


def test_a_run_past_its_deadline_that_nobody_holds_is_overdue(on: Substrate) -> None:
    waiting = create(on, new_run(deadline_at=NOW))
    later = create(on, new_run(deadline_at=NOW + SECOND))
    ended = create(on, new_run(deadline_at=NOW))
    on.runs.request_cancel(ended.id, now=NOW, audit=noted())

    assert on.sweep.overdue(now=NOW, limit=10) == [waiting.id]
    assert set(on.sweep.overdue(now=NOW + SECOND, limit=10)) == {waiting.id, later.id}
    assert len(on.sweep.overdue(now=NOW + SECOND, limit=1)) == 1


def test_a_run_that_waits_for_its_retry_past_its_deadline_is_overdue(on: Substrate) -> None:
    lease = held(on)
    on.journal.retry(lease, RESET, at=DEADLINE + SECOND, now=NOW)

    assert on.sweep.overdue(now=DEADLINE, limit=10) == [lease.run_id]


def test_a_held_run_is_its_holders_to_end_until_the_lease_is_over(on: Substrate) -> None:
    lease = held(on, now=DEADLINE - SECOND)
    on.runs.request_cancel(lease.run_id, now=NOW, audit=noted())
    before = on.runs.get(lease.run_id)

    assert on.sweep.overdue(now=DEADLINE, limit=10) == []
    assert on.sweep.cancelled(now=DEADLINE, limit=10) == []
    assert on.sweep.end(lease.run_id, RunState.FAILED, RESET, now=DEADLINE) is False
    assert on.runs.get(lease.run_id) == before

    assert on.sweep.overdue(now=lease.expires_at, limit=10) == [lease.run_id]
    assert on.sweep.cancelled(now=lease.expires_at, limit=10) == [lease.run_id]
    assert on.sweep.end(lease.run_id, RunState.FAILED, RESET, now=lease.expires_at) is True


def test_a_run_that_was_asked_to_cancel_and_that_nobody_holds_is_found(on: Substrate) -> None:
    lease, other = held(on), held(on)
    for each in (lease, other):
        on.journal.release(each)
    on.runs.request_cancel(lease.run_id, now=NOW, audit=noted())

    assert on.sweep.cancelled(now=NOW, limit=10) == [lease.run_id]


@pytest.mark.parametrize("error", [None, RESET])
def test_the_sweeper_ends_a_run_and_counts_it(on: Substrate, error: RunError | None) -> None:
    run = create(on)

    assert on.sweep.end(run.id, RunState.FAILED, error, now=NOW + SECOND) is True

    ended = on.runs.get(run.id)
    assert (ended.state, ended.error, ended.finished_at) == (RunState.FAILED, error, NOW + SECOND)
    assert counted(on)["hakiri_runs_finished_total{state=failed}"] == 1


def test_who_held_the_run_before_it_was_ended_is_fenced_off(on: Substrate) -> None:
    lease = held(on)
    on.sweep.end(lease.run_id, RunState.FAILED, RESET, now=lease.expires_at)

    with pytest.raises(LeaseLost):
        on.journal.checkpoint(lease, page(lease.run_id), now=NOW, ttl=TTL)


@pytest.mark.parametrize("state", [state for state in RunState if state.is_final])
def test_a_final_run_ends_once(on: Substrate, state: RunState) -> None:
    lease = held(on)
    on.journal.finish(lease, state, None, now=NOW)
    before = (on.runs.get(lease.run_id), counted(on))

    assert on.sweep.end(lease.run_id, RunState.CANCELLED, RESET, now=LATE) is False
    assert (on.runs.get(lease.run_id), counted(on)) == before


@pytest.mark.parametrize("run_id", ["orders@20260601T000000Z", *HOSTILE])
def test_an_unknown_run_does_not_end(on: Substrate, run_id: str) -> None:
    assert on.sweep.end(RunId(run_id), RunState.FAILED, None, now=NOW) is False
    assert counted(on) == {}


def test_of_eight_sweepers_one_ends_the_run_and_it_counts_once(on: Substrate) -> None:
    run = create(on)

    assert sum(at_once(lambda _: on.sweep.end(run.id, RunState.FAILED, RESET, now=NOW))) == 1
    assert counted(on)["hakiri_runs_finished_total{state=failed}"] == 1


def test_a_sweeper_and_a_worker_at_once_leave_no_third_way(on: Substrate) -> None:
    """Either the run started and goes on, or it ended and nobody got it."""
    for _ in range(10):
        run = create(on, new_run(deadline_at=NOW))

        def act(number: int, run_id: RunId = run.id) -> object:
            if number % 2:
                return on.journal.claim(run_id, "node/boot/worker", now=NOW, ttl=TTL, deadline_at=DEADLINE)
            return on.sweep.end(run_id, RunState.FAILED, RESET, now=NOW)

        results = at_once(act)

        ended, started = any(results[0::2]), any(results[1::2])
        assert ended is not started
        assert on.runs.get(run.id).state is (RunState.FAILED if ended else RunState.RUNNING)


def _ended(on: Substrate, at: datetime) -> RunId:
    """A run with everything that is kept of one."""
    lease = held(on)
    on.journal.checkpoint(lease, page(lease.run_id), now=NOW, ttl=TTL)
    on.journal.commit_table(lease, table_commit(lease.run_id), SCHEMA, pipeline_id="orders", now=NOW, ttl=TTL)
    on.records.log(lease.run_id, [(NOW, "info", "line")])
    on.journal.finish(lease, RunState.SUCCEEDED, None, now=at)
    return lease.run_id


def _kept(on: Substrate, run_id: RunId) -> list[int]:
    return [
        len(on.runs.steps(run_id)),
        len(on.progress.checkpoints(run_id)),
        len(on.progress.commits(run_id)),
        len(on.records.logs(run_id, after=0, limit=10)),
    ]


def test_what_ended_before_is_forgotten_with_all_that_is_kept_of_it_and_nothing_else(on: Substrate) -> None:
    old, recent = _ended(on, NOW), _ended(on, NOW + SECOND)
    unfinished = held(on).run_id

    assert on.sweep.forget(before=NOW + SECOND, limit=10) == 1

    assert {run.id for run in on.runs.list(pipeline_id=None, state=None, before=None, limit=10).items} == {
        recent,
        unfinished,
    }
    assert _kept(on, old) == [0, 0, 0, 0]
    assert _kept(on, recent) == [2, 1, 1, 1]
    assert on.progress.position("orders", "orders") == "end"
    assert on.progress.next_sequence("landed_orders") == 2
    assert on.sweep.forget(before=NOW + SECOND, limit=10) == 0


def test_forgetting_takes_no_more_than_it_was_told_to_the_oldest_first(on: Substrate) -> None:
    young, old, middle = (_ended(on, NOW + number * SECOND) for number in (3, 1, 2))

    assert on.sweep.forget(before=LATE, limit=2) == 2

    assert [run.id for run in on.runs.list(pipeline_id=None, state=None, before=None, limit=10).items] == [young]
    assert (_kept(on, old), _kept(on, middle)) == ([0, 0, 0, 0], [0, 0, 0, 0])
