"""Rows of the catalog as the core's nouns."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from appliance.adapters.sql.gateway import Row
from appliance.adapters.sql.tables import Run as R
from appliance.adapters.sql.tables import columns
from appliance.adapters.sql.times import moment, moment_or_none
from appliance.core.checkpoint import Checkpoint, Step, TableCommit
from appliance.core.landing import Column
from appliance.core.run import Run, RunError, RunId, RunState, Trigger

_RUN_COLUMNS = tuple(column.name for column in columns(R))


def columns_text(landed: Iterable[Column]) -> str:
    return json.dumps([[column.name, column.type, column.nullable] for column in landed])


def columns_of(text: str) -> tuple[Column, ...]:
    return tuple(Column(*item) for item in json.loads(text))


def run_of(row: Row) -> Run:
    """From every column of the table, in its order: a run's fields are named as the columns are."""
    named: dict[str, Any] = dict(zip(_RUN_COLUMNS, row, strict=True))
    named |= {name: moment_or_none(text) for name, text in named.items() if name.endswith("_at")}
    named |= {"trigger": Trigger(named["trigger"]), "state": RunState(named["state"])}
    named["exclusive"] = bool(named["exclusive"])
    code, message = named.pop("error_code"), named.pop("error_message")
    del named["team_id"]
    return Run(**named, error=RunError(code, message) if code else None)


def checkpoint_of(row: Row) -> Checkpoint:
    _team, run_id, seq, step, table, key, sha256, rows, size, cursor, landed, _fence, _at = row
    return Checkpoint(RunId(run_id), seq, step, table, key, sha256, rows, size, cursor, columns_of(landed))


def commit_of(row: Row) -> TableCommit:
    _team, run_id, table, landed, sequence, key, cursor, rows, size, parts, _fence, at = row
    return TableCommit(RunId(run_id), table, landed, sequence, key, cursor, rows, size, parts, moment(at))


def step_of_row(kind: str, row: Row) -> Step:
    number, table, first_page, pages, rows, size, completed_at = row
    return Step(number, kind, table, first_page, pages, rows, size, moment(completed_at))
