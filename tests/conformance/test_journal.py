"""The run journal keeps every word it gives, on every substrate: claims, what they write, and how they end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from appliance.bootstrap import Substrate
from appliance.core.landing import Column, SchemaVersion
from appliance.core.run import Claim, RunError, RunId, RunState, Trigger
from tests.support.rows import (
    DEADLINE,
    HOSTILE,
    NOW,
    SCHEMA,
    SECOND,
    TTL,
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


def _claim(on: Substrate, run_id: RunId, *, now: datetime = NOW, holder: str = "other/boot/worker") -> Claim | None:
    return on.journal.claim(run_id, holder, now=now, ttl=TTL, deadline_at=DEADLINE + SECOND)


def test_a_waiting_run_is_claimed_and_starts(on: Substrate) -> None:
    run = create(on, new_run(deadline_at=NOW + 9 * SECOND))

    claim = on.journal.claim(run.id, "node/boot/worker", now=NOW + SECOND, ttl=TTL, deadline_at=DEADLINE)

    assert claim is not None
    assert not claim.taken_over
    assert claim.lease.fence == run.fence + 1
    assert claim.lease.expires_at == NOW + SECOND + TTL
    assert claim.run == on.runs.get(run.id)
    assert (claim.run.state, claim.run.holder) == (RunState.RUNNING, "node/boot/worker")
    assert (claim.run.started_at, claim.run.deadline_at) == (NOW + SECOND, DEADLINE)
    assert claim.run.lease_expires_at == claim.lease.expires_at


def test_a_held_run_is_nobody_elses(on: Substrate) -> None:
    lease = held(on)

    assert _claim(on, lease.run_id, now=lease.expires_at - SECOND / 1000) is None
    assert on.runs.get(lease.run_id).holder == lease.holder


def test_an_expired_lease_is_taken_over_and_the_run_keeps_its_start_and_its_deadline(on: Substrate) -> None:
    lease = held(on)

    claim = _claim(on, lease.run_id, now=lease.expires_at)

    assert claim is not None
    assert claim.taken_over
    assert claim.lease.fence == lease.fence + 1
    assert (claim.run.started_at, claim.run.deadline_at) == (NOW, DEADLINE)


def test_a_run_that_was_given_back_is_claimed_at_once_and_is_no_takeover(on: Substrate) -> None:
    lease = held(on)
    on.journal.release(lease)

    claim = _claim(on, lease.run_id)

    assert claim is not None
    assert not claim.taken_over
    assert claim.run.deadline_at == DEADLINE


def test_a_retry_is_claimed_when_it_is_due_and_not_before(on: Substrate) -> None:
    lease = held(on)
    due = NOW + 60 * SECOND
    on.journal.retry(lease, RESET, at=due, now=NOW)

    assert _claim(on, lease.run_id, now=due - SECOND / 1000) is None
    claim = _claim(on, lease.run_id, now=due)
    assert claim is not None
    assert claim.run.retry_at is None


@pytest.mark.parametrize("state", [state for state in RunState if state.is_final])
def test_a_final_run_is_never_claimed(on: Substrate, state: RunState) -> None:
    lease = held(on)
    on.journal.finish(lease, state, None, now=NOW)

    assert _claim(on, lease.run_id, now=NOW + 1000 * TTL) is None


def test_a_run_cancelled_while_it_waited_is_never_claimed(on: Substrate) -> None:
    run = create(on)
    on.runs.request_cancel(run.id, now=NOW, audit=noted())

    assert _claim(on, run.id) is None


@pytest.mark.parametrize("run_id", ["orders@20260601T000000Z-1", "", *HOSTILE])
def test_an_unknown_run_is_never_claimed(on: Substrate, run_id: str) -> None:
    assert _claim(on, RunId(run_id)) is None


def test_renewing_moves_the_end_of_the_lease(on: Substrate) -> None:
    lease = held(on)

    renewed = on.journal.renew(lease, now=NOW + 10 * SECOND, ttl=TTL)

    assert renewed == replace(lease, expires_at=NOW + 10 * SECOND + TTL)
    assert on.runs.get(lease.run_id).lease_expires_at == renewed.expires_at
    assert _claim(on, lease.run_id, now=lease.expires_at) is None


def test_a_lease_that_ran_out_is_still_good_until_somebody_takes_it(on: Substrate) -> None:
    lease = held(on)

    renewed = on.journal.renew(lease, now=lease.expires_at + TTL, ttl=TTL)

    assert _claim(on, lease.run_id, now=renewed.expires_at - SECOND) is None


def test_a_checkpoint_is_recorded_counted_and_renews(on: Substrate) -> None:
    lease = held(on)
    pages = [page(lease.run_id, 0, rows=2), page(lease.run_id, 1, rows=3)]

    for number, each in enumerate(pages, start=1):
        lease = on.journal.checkpoint(lease, each, now=NOW + number * SECOND, ttl=TTL)

    run = on.runs.get(lease.run_id)
    assert on.progress.checkpoints(lease.run_id) == pages
    assert (run.rows, run.bytes, run.pages) == (5, 50, 2)
    assert lease.expires_at == run.lease_expires_at == NOW + 2 * SECOND + TTL


def test_a_checkpoint_forgives_the_failures_before_it(on: Substrate) -> None:
    lease = held(on)
    on.journal.retry(lease, RESET, at=NOW, now=NOW)
    lease = claimed(on, lease.run_id)
    assert on.runs.get(lease.run_id).failures == 1

    on.journal.checkpoint(lease, page(lease.run_id), now=NOW, ttl=TTL)

    run = on.runs.get(lease.run_id)
    assert (run.failures, run.first_failure_at) == (0, None)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_checkpoint_keeps_any_text_as_it_is(on: Substrate, text: str) -> None:
    lease = held(on)
    given = replace(page(lease.run_id), cursor=text, table=text, columns=(Column(text, "text"),))

    on.journal.checkpoint(lease, given, now=NOW, ttl=TTL)

    assert on.progress.checkpoints(lease.run_id) == [given]


def test_a_table_commit_publishes_cursor_and_schema_and_renews(on: Substrate) -> None:
    lease = held(on)
    commit = table_commit(lease.run_id)

    renewed = on.journal.commit_table(lease, commit, SCHEMA, pipeline_id="orders", now=NOW + SECOND, ttl=TTL)

    assert renewed.expires_at == on.runs.get(lease.run_id).lease_expires_at == NOW + SECOND + TTL
    assert on.progress.commits(lease.run_id) == [commit]
    assert on.progress.position("orders", "orders") == "end"
    assert on.progress.schema("landed_orders") == SCHEMA
    assert on.progress.next_sequence("landed_orders") == 2
    assert counted(on)["hakiri_rows_landed_total"] == 5
    assert counted(on)["hakiri_bytes_landed_total"] == 50


def test_a_table_commit_without_a_new_schema_keeps_the_one_that_is_there(on: Substrate) -> None:
    lease = held(on)
    first = table_commit(lease.run_id)
    on.journal.commit_table(lease, first, SCHEMA, pipeline_id="orders", now=NOW, ttl=TTL)

    lease = held(on)
    on.journal.commit_table(lease, table_commit(lease.run_id), None, pipeline_id="orders", now=NOW, ttl=TTL)

    assert on.progress.schema("landed_orders") == SCHEMA


def test_a_table_commit_that_is_repeated_changes_nothing_but_the_lease(on: Substrate) -> None:
    lease = held(on)
    commit = table_commit(lease.run_id)
    lease = on.journal.commit_table(lease, commit, SCHEMA, pipeline_id="orders", now=NOW, ttl=TTL)
    before = (counted(on), on.progress.commits(lease.run_id), on.progress.position("orders", "orders"))

    lease = on.journal.commit_table(lease, commit, SCHEMA, pipeline_id="orders", now=NOW + SECOND, ttl=TTL)

    assert (counted(on), on.progress.commits(lease.run_id), on.progress.position("orders", "orders")) == before
    assert lease.expires_at == on.runs.get(lease.run_id).lease_expires_at == NOW + SECOND + TTL


def test_a_late_repeat_of_a_commit_does_not_turn_the_position_back(on: Substrate) -> None:
    old = held(on)
    commit = table_commit(old.run_id, cursor="old")
    old = on.journal.commit_table(old, commit, None, pipeline_id="orders", now=NOW, ttl=TTL)
    new = held(on)
    on.journal.commit_table(
        new, table_commit(new.run_id, sequence=2, cursor="new"), None, pipeline_id="orders", now=NOW, ttl=TTL
    )

    on.journal.commit_table(old, commit, None, pipeline_id="orders", now=NOW, ttl=TTL)

    assert on.progress.position("orders", "orders") == "new"


def test_a_newer_schema_takes_the_place_of_the_older(on: Substrate) -> None:
    wider = SchemaVersion(2, (*SCHEMA.columns, Column("added", "json")))
    for schema in (SCHEMA, wider):
        lease = held(on)
        on.journal.commit_table(lease, table_commit(lease.run_id), schema, pipeline_id="orders", now=NOW, ttl=TTL)

    assert on.progress.schema("landed_orders") == wider


def test_a_retry_gives_the_run_back_and_remembers_why(on: Substrate) -> None:
    lease = held(on)
    on.journal.retry(lease, RunError("transient", "first"), at=NOW + SECOND, now=NOW)
    lease = claimed(on, lease.run_id, now=NOW + SECOND)
    on.journal.retry(lease, RunError("rate_limited", "second"), at=NOW + 9 * SECOND, now=NOW + SECOND)

    run = on.runs.get(lease.run_id)
    assert (run.state, run.holder, run.lease_expires_at) == (RunState.RUNNING, None, None)
    assert (run.failures, run.first_failure_at, run.retry_at) == (2, NOW, NOW + 9 * SECOND)
    assert run.error == RunError("rate_limited", "second")
    assert counted(on)["hakiri_run_retries_total"] == 2


@pytest.mark.parametrize("state", [state for state in RunState if state.is_final])
@pytest.mark.parametrize("error", [None, RESET])
def test_finishing_ends_the_run(on: Substrate, state: RunState, error: RunError | None) -> None:
    lease = held(on)

    assert on.journal.finish(lease, state, error, now=NOW + SECOND) is None

    run = on.runs.get(lease.run_id)
    assert (run.state, run.error, run.finished_at) == (state, error, NOW + SECOND)
    assert (run.holder, run.lease_expires_at, run.retry_at) == (None, None, None)
    assert counted(on) == {
        f"hakiri_runs_created_total{{trigger={Trigger.MANUAL}}}": 1,
        f"hakiri_runs_finished_total{{state={state}}}": 1,
    }


def test_a_run_that_succeeds_after_a_failure_shows_no_error(on: Substrate) -> None:
    lease = held(on)
    on.journal.retry(lease, RESET, at=NOW, now=NOW)

    on.journal.finish(claimed(on, lease.run_id), RunState.SUCCEEDED, None, now=NOW)

    assert on.runs.get(lease.run_id).error is None


def test_finishing_tells_which_run_of_the_pipeline_waits_longest(on: Substrate) -> None:
    lease = held(on, new_run(exclusive=True))
    create(on, new_run(exclusive=True, due_at=NOW + 2 * SECOND))
    oldest = create(on, new_run(exclusive=True, due_at=NOW + SECOND))
    create(on, new_run("another", exclusive=True))

    assert on.journal.finish(lease, RunState.SUCCEEDED, None, now=NOW) == oldest.id


@pytest.mark.parametrize("text", HOSTILE)
def test_an_error_is_kept_as_it_is(on: Substrate, text: str) -> None:
    lease = held(on)

    on.journal.finish(lease, RunState.FAILED, RunError(text, text), now=NOW)

    assert on.runs.get(lease.run_id).error == RunError(text, text)
