"""Rows of the catalog as the core's nouns."""

from __future__ import annotations

import json
from collections.abc import Iterable

from appliance.adapters.sql.gateway import Row
from appliance.adapters.sql.times import moment, moment_or_none
from appliance.core.checkpoint import Checkpoint, Step, TableCommit
from appliance.core.landing import Column
from appliance.core.run import Run, RunError, RunId, RunState, Trigger


def columns_text(columns: Iterable[Column]) -> str:
    return json.dumps([[column.name, column.type, column.nullable] for column in columns])


def columns_of(text: str) -> tuple[Column, ...]:
    return tuple(Column(*item) for item in json.loads(text))


def run_of(row: Row) -> Run:
    (
        _team, run_id, pipeline_id, revision, due_at, trigger, exclusive, state, created_by, created_at, started_at,
        finished_at, deadline_at, fence, holder, lease_expires_at, failures, first_failure_at, retry_at,
        cancel_requested_at, cancelled_by, error_code, error_message, rows, size, pages,
    ) = row  # fmt: skip
    return Run(
        id=RunId(run_id),
        pipeline_id=pipeline_id,
        revision=revision,
        due_at=moment(due_at),
        trigger=Trigger(trigger),
        exclusive=bool(exclusive),
        state=RunState(state),
        created_by=created_by,
        created_at=moment(created_at),
        started_at=moment_or_none(started_at),
        finished_at=moment_or_none(finished_at),
        deadline_at=moment(deadline_at),
        fence=fence,
        holder=holder,
        lease_expires_at=moment_or_none(lease_expires_at),
        failures=failures,
        first_failure_at=moment_or_none(first_failure_at),
        retry_at=moment_or_none(retry_at),
        cancel_requested_at=moment_or_none(cancel_requested_at),
        cancelled_by=cancelled_by,
        error=RunError(error_code, error_message) if error_code else None,
        rows=rows,
        bytes=size,
        pages=pages,
    )


def checkpoint_of(row: Row) -> Checkpoint:
    _team, run_id, seq, step, table, key, sha256, rows, size, cursor, columns, _fence, _at = row
    return Checkpoint(RunId(run_id), seq, step, table, key, sha256, rows, size, cursor, columns_of(columns))


def commit_of(row: Row) -> TableCommit:
    _team, run_id, table, landed, sequence, key, cursor, rows, size, parts, _fence, at = row
    return TableCommit(RunId(run_id), table, landed, sequence, key, cursor, rows, size, parts, moment(at))


def step_of_row(kind: str, row: Row) -> Step:
    number, table, first_page, pages, rows, size, completed_at = row
    return Step(number, kind, table, first_page, pages, rows, size, moment(completed_at))
