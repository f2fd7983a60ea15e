"""How far runs and tables got, on every substrate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.bootstrap import Substrate
from appliance.core.landing import Column, SchemaVersion
from appliance.core.run import Lease, RunId
from tests.support.harness import Harness
from tests.support.rows import HOSTILE, NOW, SCHEMA, TTL, held, page, table_commit


def _commit(
    on: Substrate, lease: Lease, *, table: str = "orders", landed: str = "", sequence: int = 1,
    cursor: str | None = "end", schema: SchemaVersion | None = None, pipeline_id: str = "orders",
) -> None:  # fmt: skip
    commit = table_commit(lease.run_id, table, sequence=sequence, cursor=cursor)
    named = replace(commit, landed_name=landed or commit.landed_name)
    on.journal.commit_table(lease, named, schema, pipeline_id=pipeline_id, now=NOW, ttl=TTL)


def test_checkpoints_come_in_the_order_of_the_pages(on: Substrate) -> None:
    lease = held(on)
    for seq in (2, 10, 0, 1):
        on.journal.checkpoint(lease, page(lease.run_id, seq), now=NOW, ttl=TTL)

    assert [each.seq for each in on.progress.checkpoints(lease.run_id)] == [0, 1, 2, 10]


def test_a_run_sees_its_own_pages_and_commits_only(on: Substrate) -> None:
    one, two = held(on), held(on)
    on.journal.checkpoint(one, page(one.run_id), now=NOW, ttl=TTL)
    _commit(on, one)

    assert on.progress.checkpoints(two.run_id) == []
    assert on.progress.commits(two.run_id) == []


def test_every_committed_table_of_a_run_is_there(on: Substrate) -> None:
    lease = held(on)
    for table in ("orders", "lines"):
        _commit(on, lease, table=table)

    found = {commit.table: commit for commit in on.progress.commits(lease.run_id)}

    assert found == {table: table_commit(lease.run_id, table) for table in ("orders", "lines")}


def test_nothing_is_known_before_the_first_run(on: Substrate) -> None:
    unknown = RunId("orders@20260601T000000Z")

    assert on.progress.checkpoints(unknown) == []
    assert on.progress.commits(unknown) == []
    assert on.progress.position("orders", "orders") is None
    assert on.progress.schema("landed_orders") is None
    assert on.progress.next_sequence("landed_orders") == 1


def test_the_position_is_that_of_the_last_commit_of_the_pipelines_table(on: Substrate) -> None:
    for sequence, cursor in enumerate(("first", "second"), start=1):
        _commit(on, held(on), sequence=sequence, cursor=cursor)
    _commit(on, held(on), table="lines", cursor="lines")
    _commit(on, held(on), pipeline_id="another", landed="another_orders", cursor="another")

    assert on.progress.position("orders", "orders") == "second"
    assert on.progress.position("orders", "lines") == "lines"
    assert on.progress.position("another", "orders") == "another"


def test_a_checkpoint_publishes_no_position(on: Substrate) -> None:
    lease = held(on)

    on.journal.checkpoint(lease, page(lease.run_id), now=NOW, ttl=TTL)

    assert on.progress.position("orders", "orders") is None


def test_a_commit_without_a_cursor_starts_the_next_run_from_the_beginning(on: Substrate) -> None:
    _commit(on, held(on), cursor="somewhere")
    _commit(on, held(on), sequence=2, cursor=None)

    assert on.progress.position("orders", "orders") is None


def test_sequences_count_on_from_the_highest_of_the_landed_table(on: Substrate) -> None:
    _commit(on, held(on), sequence=7)
    assert on.progress.next_sequence("landed_orders") == 8

    _commit(on, held(on), sequence=7)
    assert on.progress.next_sequence("landed_orders") == 8, "two at once may have counted alike"

    _commit(on, held(on), sequence=3)
    assert on.progress.next_sequence("landed_orders") == 8
    assert on.progress.next_sequence("landed_lines") == 1


def test_the_newest_schema_is_the_highest_version_and_a_version_never_changes(on: Substrate) -> None:
    wider = SchemaVersion(10, (*SCHEMA.columns, Column("added", "json")))
    _commit(on, held(on), schema=wider)
    _commit(on, held(on), sequence=2, schema=replace(SCHEMA, version=9))
    _commit(on, held(on), sequence=3, schema=SchemaVersion(10, SCHEMA.columns))

    assert on.progress.schema("landed_orders") == wider


def test_tables_of_two_names_have_two_schemas(on: Substrate) -> None:
    _commit(on, held(on), schema=SCHEMA)

    assert on.progress.schema("landed_lines") is None


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_kept_as_it_is_and_found_again(on: Substrate, text: str) -> None:
    schema = SchemaVersion(1, (Column(text, "text"),))
    _commit(on, held(on), table=text, landed=text, cursor=text, schema=schema, pipeline_id=text)

    assert on.progress.position(text, text) == text
    assert on.progress.schema(text) == schema
    assert on.progress.next_sequence(text) == 2


def test_what_was_recorded_is_there_after_a_restart(harness: Harness) -> None:
    lease = held(harness.on)
    harness.on.journal.checkpoint(lease, page(lease.run_id), now=NOW, ttl=TTL)
    _commit(harness.on, lease, schema=SCHEMA)

    harness.restart()

    progress = harness.on.progress
    assert progress.checkpoints(lease.run_id) == [page(lease.run_id)]
    assert progress.commits(lease.run_id) == [table_commit(lease.run_id)]
    assert (progress.position("orders", "orders"), progress.schema("landed_orders")) == ("end", SCHEMA)
