"""Whoever lost a run writes nothing to it any more: every write of the journal, however the lease was lost."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest

from appliance.bootstrap import Substrate
from appliance.core.errors import LeaseLost
from appliance.core.ports import Journal
from appliance.core.run import Lease, RunError, RunState
from tests.support.rows import NOW, SCHEMA, SECOND, TTL, at_once, claimed, counted, create, held, page, table_commit

RESET = RunError("transient", "connection reset")

WRITES: dict[str, Callable[[Journal, Lease], object]] = {
    "renew": lambda journal, lease: journal.renew(lease, now=NOW, ttl=TTL),
    "checkpoint": lambda journal, lease: journal.checkpoint(lease, page(lease.run_id, 9), now=NOW, ttl=TTL),
    "commit_table": lambda journal, lease: journal.commit_table(
        lease, table_commit(lease.run_id), SCHEMA, pipeline_id="orders", now=NOW, ttl=TTL
    ),
    "retry": lambda journal, lease: journal.retry(lease, RESET, at=NOW, now=NOW),
    "release": lambda journal, lease: journal.release(lease),
    "finish": lambda journal, lease: journal.finish(lease, RunState.FAILED, RESET, now=NOW),
}

LOSSES: dict[str, Callable[[Substrate, Lease], object]] = {
    "taken over": lambda on, lease: claimed(on, lease.run_id, holder="other/boot/worker", now=lease.expires_at),
    "taken over under the same name": lambda on, lease: claimed(
        on, lease.run_id, holder=lease.holder, now=lease.expires_at
    ),
    "retried": lambda on, lease: on.journal.retry(lease, RESET, at=NOW + SECOND, now=NOW),
    "released": lambda on, lease: on.journal.release(lease),
    "finished": lambda on, lease: on.journal.finish(lease, RunState.SUCCEEDED, None, now=NOW),
    "ended by the sweeper": lambda on, lease: on.sweep.end(lease.run_id, RunState.FAILED, RESET, now=lease.expires_at),
    "freed at a boot": lambda on, lease: on.sweep.free_leases("node", "next"),
}


def _everything(on: Substrate, lease: Lease) -> object:
    return (
        on.runs.get(lease.run_id),
        on.runs.steps(lease.run_id),
        on.progress.checkpoints(lease.run_id),
        on.progress.commits(lease.run_id),
        on.progress.position("orders", "orders"),
        on.progress.schema("landed_orders"),
        on.progress.next_sequence("landed_orders"),
        counted(on),
    )


def test_every_write_of_the_journal_is_held_to_this() -> None:
    named = {
        name
        for name, method in vars(Journal).items()
        if not name.startswith("_") and "lease" in inspect.signature(method).parameters
    }

    assert set(WRITES) == named


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_late_writer_is_fenced_off_and_changes_nothing(on: Substrate, loss: str, write: str) -> None:
    lease = held(on)
    lease = on.journal.checkpoint(lease, page(lease.run_id), now=NOW, ttl=TTL)
    LOSSES[loss](on, lease)
    before = _everything(on, lease)

    with pytest.raises(LeaseLost, match="fence 1"):
        WRITES[write](on.journal, lease)

    assert _everything(on, lease) == before


@pytest.mark.parametrize("write", WRITES)
def test_a_lease_of_a_run_that_is_gone_or_never_was_is_refused(on: Substrate, write: str) -> None:
    lease = held(on)
    on.journal.finish(lease, RunState.SUCCEEDED, None, now=NOW)
    on.sweep.forget(before=NOW + SECOND, limit=10)

    with pytest.raises(LeaseLost):
        WRITES[write](on.journal, lease)

    assert on.progress.checkpoints(lease.run_id) == []


@pytest.mark.parametrize("write", WRITES)
def test_a_fence_that_is_yet_to_come_is_refused(on: Substrate, write: str) -> None:
    lease = held(on)
    forged = Lease(lease.run_id, lease.holder, lease.fence + 1, lease.expires_at)
    before = _everything(on, lease)

    with pytest.raises(LeaseLost):
        WRITES[write](on.journal, forged)

    assert _everything(on, lease) == before


def test_a_lease_opens_no_other_run(on: Substrate) -> None:
    lease, other = held(on), create(on)

    with pytest.raises(LeaseLost):
        on.journal.finish(Lease(other.id, lease.holder, lease.fence, lease.expires_at), RunState.FAILED, None, now=NOW)

    assert on.runs.get(other.id) == other


def test_of_eight_that_finish_under_one_lease_one_does_and_it_counts_once(on: Substrate) -> None:
    lease = held(on)

    def finish(_number: int) -> bool:
        try:
            on.journal.finish(lease, RunState.SUCCEEDED, None, now=NOW)
        except LeaseLost:
            return False
        return True

    assert sum(at_once(finish)) == 1
    assert counted(on)["hakiri_runs_finished_total{state=succeeded}"] == 1


def test_writers_and_a_taker_at_once_leave_pages_of_one_history(on: Substrate) -> None:
    """Seven write a page each while one takes the run over: what is counted is what is recorded."""
    lease = held(on)

    def act(number: int) -> bool:
        if number == 0:
            return on.journal.claim(
                lease.run_id, "other/boot/worker", now=lease.expires_at, ttl=TTL, deadline_at=NOW
            ) is not None  # fmt: skip
        try:
            on.journal.checkpoint(lease, page(lease.run_id, number), now=NOW - TTL, ttl=TTL)
        except LeaseLost:
            return False
        return True

    written = sum(at_once(act)[1:])

    run = on.runs.get(lease.run_id)
    assert run.pages == written == len(on.progress.checkpoints(lease.run_id))
