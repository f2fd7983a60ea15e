"""Runs as people ask for them, see them and stop them, on every substrate."""

from __future__ import annotations

from datetime import timedelta

import pytest

from appliance.bootstrap import Substrate
from appliance.core.checkpoint import Step
from appliance.core.errors import Conflict, Invalid, NotFound
from appliance.core.run import RunError, RunId, RunState, Trigger, Unfinished
from tests.support.harness import Harness
from tests.support.rows import (
    DEADLINE,
    HOSTILE,
    NOW,
    SECOND,
    TTL,
    all_pages,
    at_once,
    audited,
    claimed,
    counted,
    create,
    held,
    new_run,
    noted,
    page,
    table_commit,
)


def _ids(on: Substrate, *, pipeline_id: str | None = None, state: RunState | None = None) -> list[str]:
    return [run.id for run in on.runs.list(pipeline_id=pipeline_id, state=state, before=None, limit=500).items]


def test_a_new_run_waits_and_is_what_was_asked_for(on: Substrate) -> None:
    run = create(on, new_run(exclusive=True, trigger=Trigger.RETRY, created_by="alice"))

    assert run == on.runs.get(run.id)
    assert (run.id, run.pipeline_id, run.revision, run.due_at) == ("orders@20260601T000000Z-1", "orders", 1, NOW)
    assert (run.trigger, run.exclusive, run.created_by, run.created_at) == (Trigger.RETRY, True, "alice", NOW)
    assert (run.state, run.deadline_at, run.fence) == (RunState.PENDING, DEADLINE, 0)
    assert (run.started_at, run.finished_at, run.holder, run.error) == (None, None, None, None)
    assert (run.failures, run.rows, run.bytes, run.pages) == (0, 0, 0, 0)


def test_runs_of_one_moment_are_numbered(on: Substrate) -> None:
    assert [create(on).id[-2:] for _ in range(3)] == ["-1", "-2", "-3"]
    assert create(on, new_run(due_at=NOW + SECOND)).id.endswith("-1")
    assert create(on, new_run("another")).id.endswith("-1")


def test_eight_runs_asked_for_at_once_are_eight_runs(on: Substrate) -> None:
    made = at_once(lambda _: create(on).id)

    assert sorted(made) == [f"orders@20260601T000000Z-{number}" for number in range(1, 9)]
    assert sorted(subject for _, _, subject in audited(on)) == sorted(made)
    assert counted(on) == {"hakiri_runs_created_total{trigger=manual}": 8}


def test_a_new_run_is_audited_under_its_id(on: Substrate) -> None:
    run = create(on)

    assert audited(on) == [("alice", "run.create", run.id)]


def test_a_run_is_there_after_a_restart(harness: Harness) -> None:
    run = create(harness.on)

    harness.restart()

    assert harness.on.runs.get(run.id) == run


@pytest.mark.parametrize("run_id", ["orders@20260601T000000Z", *HOSTILE])
def test_an_unknown_run_is_not_found(on: Substrate, run_id: str) -> None:
    create(on)

    with pytest.raises(NotFound):
        on.runs.get(RunId(run_id))
    with pytest.raises(NotFound):
        on.runs.request_cancel(RunId(run_id), now=NOW, audit=noted())
    assert on.runs.steps(RunId(run_id)) == []
    assert on.runs.cancel_requested(RunId(run_id)) is False
    assert len(audited(on)) == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_kept_as_it_is_and_found_again(on: Substrate, text: str) -> None:
    run = on.runs.create(new_run(text, created_by=text), noted(actor=text))
    create(on)

    assert (on.runs.get(run.id).pipeline_id, on.runs.get(run.id).created_by) == (text, text)
    assert _ids(on, pipeline_id=text) == [run.id]
    assert set(on.runs.newest()) == {text, "orders"}
    assert audited(on)[0][0] == text


def test_the_newest_run_comes_first(on: Substrate) -> None:
    made = [create(on, new_run(created_at=NOW + number * SECOND)).id for number in (2, 0, 1)]

    assert _ids(on) == [made[0], made[2], made[1]]


def test_a_list_is_of_one_pipeline_and_of_one_state(on: Substrate) -> None:
    waiting, other = create(on), create(on, new_run("another"))
    running = held(on).run_id

    assert set(_ids(on)) == {waiting.id, other.id, running}
    assert _ids(on, pipeline_id="another") == [other.id]
    assert set(_ids(on, pipeline_id="orders")) == {waiting.id, running}
    assert _ids(on, state=RunState.RUNNING) == [running]
    assert _ids(on, pipeline_id="another", state=RunState.RUNNING) == []
    assert _ids(on, pipeline_id="order_") == []


@pytest.mark.parametrize("together", [True, False], ids=["created together", "created apart"])
def test_pages_hold_every_run_once_while_new_ones_come(on: Substrate, together: bool) -> None:
    made = [create(on, new_run(created_at=NOW if together else NOW + n * SECOND)).id for n in range(7)]

    read = all_pages(
        lambda before: on.runs.list(pipeline_id=None, state=None, before=before, limit=2),
        between=lambda: create(on, new_run(created_at=NOW + timedelta(days=1))),
    )

    assert [run.id for run in read] == list(reversed(made))


def test_a_page_that_is_the_last_one_says_so(on: Substrate) -> None:
    for _ in range(3):
        create(on)

    assert on.runs.list(pipeline_id=None, state=None, before=None, limit=3).next is None
    assert on.runs.list(pipeline_id=None, state=None, before=None, limit=2).next is not None
    assert on.runs.list(pipeline_id="none", state=None, before=None, limit=2).next is None


@pytest.mark.parametrize("before", ["x", "WzFd", "W10", *HOSTILE])
def test_a_page_key_that_nobody_gave_out_is_refused(on: Substrate, before: str) -> None:
    with pytest.raises(Invalid, match="before"):
        on.runs.list(pipeline_id=None, state=None, before=before, limit=2)


def test_each_pipeline_has_its_newest_run(on: Substrate) -> None:
    create(on, new_run(created_at=NOW))
    newest = create(on, new_run(created_at=NOW + SECOND))
    other = create(on, new_run("another"))

    assert on.runs.newest() == {"orders": newest, "another": other}


def test_unfinished_runs_are_counted_by_state_with_the_age_of_the_oldest(on: Substrate) -> None:
    nothing = Unfinished(0, None)
    assert on.runs.unfinished() == {RunState.PENDING: nothing, RunState.RUNNING: nothing}

    for number in (3, 1, 2):
        create(on, new_run(created_at=NOW + number * SECOND))
    held(on, now=NOW + 9 * SECOND)
    on.journal.finish(held(on), RunState.FAILED, None, now=NOW)

    assert on.runs.unfinished() == {
        RunState.PENDING: Unfinished(3, NOW + SECOND),
        RunState.RUNNING: Unfinished(1, NOW + 9 * SECOND),
    }


def test_steps_are_the_pages_of_each_table_and_then_its_commits(on: Substrate) -> None:
    lease = held(on)
    for seq, step, table in ((0, 0, "orders"), (1, 0, "orders"), (2, 0, "lines"), (3, 1, "lines")):
        each = page(lease.run_id, seq, step=step, table=table, rows=seq + 1)
        on.journal.checkpoint(lease, each, now=NOW + seq * SECOND, ttl=TTL)
    on.journal.commit_table(
        lease, table_commit(lease.run_id, at=NOW + 9 * SECOND), None, pipeline_id="orders", now=NOW, ttl=TTL
    )

    assert on.runs.steps(lease.run_id) == [
        Step(0, "read", "lines", 2, 1, 3, 30, NOW + 2 * SECOND),
        Step(0, "read", "orders", 0, 2, 3, 30, NOW + SECOND),
        Step(1, "read", "lines", 3, 1, 4, 40, NOW + 3 * SECOND),
        Step(3, "commit", "orders", 0, 3, 5, 50, NOW + 9 * SECOND),
    ]


def test_a_waiting_run_is_cancelled_at_once(on: Substrate) -> None:
    run = create(on)

    cancelled = on.runs.request_cancel(run.id, now=NOW + SECOND, audit=noted("run.cancel", run.id, actor="bob"))

    assert cancelled == on.runs.get(run.id)
    assert (cancelled.state, cancelled.cancelled_by) == (RunState.CANCELLED, "bob")
    assert cancelled.finished_at == cancelled.cancel_requested_at == NOW + SECOND
    assert audited(on)[1:] == [("bob", "run.cancel", run.id)]
    assert counted(on)["hakiri_runs_finished_total{state=cancelled}"] == 1


def test_a_running_run_is_marked_and_goes_on_until_it_hears_of_it(on: Substrate) -> None:
    lease = held(on)
    assert on.runs.cancel_requested(lease.run_id) is False

    marked = on.runs.request_cancel(lease.run_id, now=NOW + SECOND, audit=noted(actor="bob"))

    assert (marked.state, marked.cancel_requested_at, marked.cancelled_by) == (RunState.RUNNING, NOW + SECOND, "bob")
    assert on.runs.cancel_requested(lease.run_id) is True
    assert on.journal.renew(lease, now=NOW, ttl=TTL)
    assert "hakiri_runs_finished_total{state=cancelled}" not in counted(on)


def test_the_first_to_cancel_is_who_cancelled(on: Substrate) -> None:
    lease = held(on)
    on.runs.request_cancel(lease.run_id, now=NOW, audit=noted(actor="alice"))

    again = on.runs.request_cancel(lease.run_id, now=NOW + SECOND, audit=noted(actor="bob"))

    assert (again.cancel_requested_at, again.cancelled_by) == (NOW, "alice")
    assert [actor for actor, _, _ in audited(on)[1:]] == ["alice", "bob"]


@pytest.mark.parametrize("state", [state for state in RunState if state.is_final])
def test_a_final_run_cannot_be_cancelled_also_not_in_the_moment_it_ended(on: Substrate, state: RunState) -> None:
    lease = held(on)
    on.journal.finish(lease, state, RunError("permanent", "gone"), now=NOW)
    before = (on.runs.get(lease.run_id), audited(on), counted(on))

    with pytest.raises(Conflict, match=f"is {state} already"):
        on.runs.request_cancel(lease.run_id, now=NOW, audit=noted())

    assert (on.runs.get(lease.run_id), audited(on), counted(on)) == before


def test_a_claim_and_a_cancel_at_once_leave_no_third_way(on: Substrate) -> None:
    """Whoever comes second sees the first: a cancelled run never starts, a started one is marked."""
    for _ in range(10):
        run = create(on)

        def act(number: int, run_id: RunId = run.id) -> object:
            if number % 2:
                return on.journal.claim(run_id, "node/boot/worker", now=NOW, ttl=TTL, deadline_at=DEADLINE)
            try:
                return on.runs.request_cancel(run_id, now=NOW, audit=noted())
            except Conflict:
                return None

        started = any(at_once(act)[1::2])

        ended = on.runs.get(run.id)
        assert ended.cancel_requested_at == NOW
        assert ended.state is (RunState.RUNNING if started else RunState.CANCELLED)


def test_a_run_can_be_cancelled_between_its_attempts(on: Substrate) -> None:
    lease = held(on)
    on.journal.retry(lease, RunError("transient", "reset"), at=NOW + SECOND, now=NOW)

    on.runs.request_cancel(lease.run_id, now=NOW, audit=noted())

    assert claimed(on, lease.run_id, now=NOW + SECOND)
    assert on.runs.cancel_requested(lease.run_id)
