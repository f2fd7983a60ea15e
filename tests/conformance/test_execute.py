"""What a run does, on every substrate."""

from __future__ import annotations

from datetime import timedelta

from appliance.core.connector import Failed, FailureKind
from appliance.core.landing import Column
from appliance.core.limits import STEPS_PER_RUN
from appliance.core.run import RunState
from tests.support.harness import ALICE, Harness, pipeline


def test_a_run_lands_every_row_and_ends(harness: Harness) -> None:
    harness.apply(pipeline())

    run = harness.run()

    assert run.state is RunState.SUCCEEDED
    assert harness.rows() == [1, 2, 3, 4, 5]
    assert (run.rows, run.pages) == (5, 3)


def test_the_next_run_starts_where_the_last_one_ended(harness: Harness) -> None:
    harness.apply(pipeline())
    harness.run()
    harness.source.tables["orders"].append([6])

    harness.run()

    assert harness.rows() == [1, 2, 3, 4, 5, 6]
    assert harness.source.asked[-1] == ("orders", 3)


def test_a_transient_failure_is_tried_again_from_the_last_checkpoint(harness: Harness) -> None:
    harness.apply(pipeline())
    harness.source.tables["orders"].insert(2, Failed(FailureKind.TRANSIENT, "connection reset"))

    run = harness.run()
    assert run.state is RunState.RUNNING
    assert run.retry_at is not None
    assert [at for at, _ in harness.rings.timed] == [run.retry_at]

    harness.clock.forward(timedelta(seconds=2))
    harness.control.execute(run.id)
    assert harness.get(run.id).state is RunState.SUCCEEDED
    assert harness.rows() == [1, 2, 3, 4, 5]
    assert harness.source.asked == [("orders", page) for page in (0, 1, 2, 2)]


def test_a_ring_before_the_retry_is_due_does_nothing(harness: Harness) -> None:
    harness.apply(pipeline())
    harness.source.tables["orders"].insert(0, Failed(FailureKind.TRANSIENT, "connection reset"))
    run = harness.run()

    assert harness.control.execute(run.id) is False
    assert harness.get(run.id).state is RunState.RUNNING


def test_retry_after_is_honoured(harness: Harness) -> None:
    harness.apply(pipeline())
    harness.source.tables["orders"].insert(0, Failed(FailureKind.RATE_LIMITED, "slow down", retry_after=90))

    run = harness.run()

    assert run.retry_at is not None
    assert run.retry_at - harness.clock.now() >= timedelta(seconds=90)


def test_a_run_gives_up_after_its_attempts(harness: Harness) -> None:
    harness.apply(pipeline(retries=3))
    harness.source.tables["orders"][:0] = [Failed(FailureKind.TRANSIENT, f"reset {n}") for n in range(5)]
    run = harness.run()

    for _ in range(5):
        harness.clock.forward(timedelta(minutes=11))
        harness.control.execute(run.id)

    ended = harness.get(run.id)
    assert ended.state is RunState.FAILED
    assert ended.error is not None
    assert (ended.error.code, "reset 2" in ended.error.message) == ("transient", True)
    assert len(harness.source.asked) == 3


def test_a_permanent_failure_is_not_tried_again_and_lands_nothing(harness: Harness) -> None:
    harness.apply(pipeline())
    harness.source.tables["orders"].insert(1, Failed(FailureKind.PERMANENT, "404"))

    run = harness.run()

    assert run.state is RunState.FAILED
    assert harness.rows() == []
    assert not [key for key in harness.object_keys() if key.endswith(".parquet")]


def test_a_run_whose_second_table_fails_is_a_partial_failure(harness: Harness) -> None:
    harness.source.tables["lines"] = [Failed(FailureKind.PERMANENT, "gone")]
    harness.apply(pipeline(tables=["orders", "lines"]))

    run = harness.run()

    assert run.state is RunState.PARTIAL_FAILURE
    assert harness.rows() == [1, 2, 3, 4, 5]


def test_one_failed_table_does_not_stop_the_next_where_the_pipeline_says_so(harness: Harness) -> None:
    harness.source.tables = {"lines": [Failed(FailureKind.PERMANENT, "gone")], "orders": [[7]]}
    harness.apply(pipeline(tables=["lines", "orders"], on_table_error="continue"))

    run = harness.run()

    assert run.state is RunState.PARTIAL_FAILURE
    assert harness.rows() == [7]


def test_a_cancelled_run_ends_without_committing(harness: Harness) -> None:
    harness.apply(pipeline())
    run = harness.control.request.start(ALICE, "orders")
    harness.source.tables["orders"].insert(2, Failed(FailureKind.TRANSIENT, "reset"))
    harness.answer()
    harness.control.request.cancel(ALICE, run.id)

    harness.control.recover()

    assert harness.get(run.id).state is RunState.CANCELLED
    assert harness.rows() == []


def test_an_exclusive_run_waits_for_the_one_before_it(harness: Harness) -> None:
    harness.apply(pipeline())
    first = harness.control.request.start(ALICE, "orders")
    second = harness.control.request.start(ALICE, "orders")

    assert harness.control.execute(second.id) is False
    assert harness.control.execute(first.id) is True
    harness.answer()
    assert harness.get(second.id).state is RunState.SUCCEEDED


def test_a_run_uses_the_revision_it_was_created_with(harness: Harness) -> None:
    harness.source.tables["lines"] = [[9]]
    harness.apply(pipeline())
    run = harness.control.request.start(ALICE, "orders")
    harness.apply(pipeline(tables=["lines"]))

    harness.answer()

    assert (harness.get(run.id).revision, harness.rows(), harness.rows("orders_lines")) == (1, [1, 2, 3, 4, 5], [])


def test_stopping_gives_the_run_back(harness: Harness) -> None:
    harness.apply(pipeline())
    run = harness.control.request.start(ALICE, "orders")
    page = harness.source.page

    def page_then_stop(table: str, number: int) -> object:
        harness.stopping = number == 1
        return page(table, number)

    harness.source.page = page_then_stop  # type: ignore[method-assign,assignment]
    harness.answer()
    assert harness.get(run.id).holder is None

    harness.source.page = page  # type: ignore[method-assign]
    harness.restart()
    harness.settle()
    assert harness.rows() == [1, 2, 3, 4, 5]


def test_a_run_past_its_deadline_that_nobody_holds_fails(harness: Harness) -> None:
    harness.apply(pipeline())
    run = harness.control.request.start(ALICE, "orders")
    harness.clock.forward(timedelta(hours=25))

    harness.control.recover()

    ended = harness.get(run.id)
    assert ended.state is RunState.FAILED
    assert ended.error is not None
    assert ended.error.code == "deadline"


def test_the_log_tells_what_happened(harness: Harness) -> None:
    harness.apply(pipeline())
    run = harness.run()

    lines = harness.on.records.logs(run.id, after=0, limit=100)

    assert [line.seq for line in lines] == list(range(1, len(lines) + 1))
    assert "table orders: 5 rows in 3 parts are committed" in [line.message for line in lines]


def test_many_pages_are_batched_into_few_steps_and_checkpointed_one_by_one(harness: Harness) -> None:
    harness.source.tables["orders"] = [[number] for number in range(STEPS_PER_RUN + 80)]
    harness.apply(pipeline())

    run = harness.run()

    steps = harness.on.runs.steps(run.id)
    assert run.state is RunState.SUCCEEDED
    assert len(steps) < STEPS_PER_RUN
    assert sum(step.pages for step in steps if step.kind == "read") == STEPS_PER_RUN + 80
    assert len(harness.on.progress.checkpoints(run.id)) == STEPS_PER_RUN + 80


def test_a_page_whose_record_is_over_the_limit_fails_the_run_and_lands_nothing(harness: Harness) -> None:
    wide = tuple(Column(f"{number:0250d}", "text") for number in range(5_000))
    harness.source.columns = lambda table: wide  # type: ignore[method-assign]
    harness.apply(pipeline())

    run = harness.run()

    assert run.state is RunState.FAILED
    assert run.error is not None
    assert "a step result has at most" in run.error.message
    assert harness.rows() == []
