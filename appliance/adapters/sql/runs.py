"""Runs over any SqlGateway: what people ask for and look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from peewee import Select, Tuple, fn

from appliance.adapters.sql import counters
from appliance.adapters.sql.audits import audit_row
from appliance.adapters.sql.gateway import Refused, SqlGateway, Statement
from appliance.adapters.sql.prepared import Prepared, param
from appliance.adapters.sql.rows import run_of, step_of_row
from appliance.adapters.sql.tables import Checkpoint as C
from appliance.adapters.sql.tables import Run as R
from appliance.adapters.sql.tables import TableCommit as T
from appliance.adapters.sql.tables import columns
from appliance.adapters.sql.times import iso, moment
from appliance.core.checkpoint import Step
from appliance.core.errors import Conflict, NotFound
from appliance.core.event import AuditEntry
from appliance.core.paging import Page, decode_key, encode_key
from appliance.core.run import NewRun, Run, RunId, RunState, Unfinished
from appliance.core.schedule import run_id as make_run_id

# Given when a run is made; every other column starts at its default.
_NEW = (
    "team_id", "id", "pipeline_id", "revision", "due_at", "trigger", "exclusive", "state", "created_by", "created_at",
    "deadline_at",
)  # fmt: skip
_mine = R.team_id == param("team")
_this_run = _mine & (R.id == param("run_id"))

_insert = R.insert({getattr(R, name): param(name) for name in _NEW}).on_conflict("IGNORE").returning(*columns(R))
# A fire that another ticker made a run of is that run.
INSERT_RUN = Prepared(_insert)
_INSERT = Prepared(_insert, must_change=True)
_GET = Prepared(R.select(*columns(R)).where(_this_run))
_page = _mine & (Tuple(R.created_at, R.id) < Tuple(param("before_at"), param("before_id")))
_of_pipeline, _in_state = R.pipeline_id == param("pipeline_id"), R.state == param("state")


def _pages(where: Any) -> Prepared:
    return Prepared(R.select(*columns(R)).where(where).order_by(R.created_at.desc(), R.id.desc()).limit(param("limit")))


# By whether a pipeline and whether a state is asked for: each has an index that holds its runs in this order.
_LISTS = {
    (False, False): _pages(_page),
    (True, False): _pages(_page & _of_pipeline),
    (False, True): _pages(_page & _in_state),
    (True, True): _pages(_page & _of_pipeline & _in_state),
}
# From pipeline to pipeline, so that the cost grows with them and not with their runs.
_other = R.alias("other")
_pipelines = R.select(fn.MIN(R.pipeline_id)).where(_mine).cte("pipelines", recursive=True, columns=("id",))
_next_pipeline = _other.select(fn.MIN(_other.pipeline_id)).where(
    (_other.team_id == param("team")) & (_other.pipeline_id > _pipelines.c.id)
)
_pipelines = _pipelines.union_all(Select([_pipelines], [_next_pipeline]).where(_pipelines.c.id.is_null(False)))
_newest = R.alias("newest")
_last_run = (
    _newest.select(_newest.id)
    .where((_newest.team_id == param("team")) & (_newest.pipeline_id == _pipelines.c.id))
    .order_by(_newest.created_at.desc(), _newest.id.desc())
    .limit(1)
)
_NEWEST = Prepared(R.select(*columns(R)).join(_pipelines, on=R.id == _last_run).where(_mine).with_cte(_pipelines))
_UNFINISHED = Prepared(
    R.select(R.state, fn.COUNT(R.id), fn.MIN(R.created_at), fn.MIN(R.started_at))
    .where(_mine & (R.state << ("pending", "running")))
    .group_by(R.state)
)
_STEPS = Prepared(
    C.select(
        C.step, C.table_name, fn.MIN(C.seq), fn.COUNT(C.seq), fn.SUM(C.rows), fn.SUM(C.bytes), fn.MAX(C.committed_at)
    )
    .where((C.team_id == param("team")) & (C.run_id == param("run_id")))
    .group_by(C.step, C.table_name)
    .order_by(C.step, C.table_name)
)
_COMMITS = Prepared(
    T.select(T.table_name, T.parts, T.rows, T.bytes, T.committed_at)
    .where((T.team_id == param("team")) & (T.run_id == param("run_id")))
    .order_by(T.committed_at)
)
_CANCEL_PENDING = Prepared(
    R.update({R.state: "cancelled", R.finished_at: param("now"), R.cancel_requested_at: param("now"),
              R.cancelled_by: param("by")})
    .where(_this_run & (R.state == "pending")),
    must_change=True,
)  # fmt: skip
_CANCEL_RUNNING = Prepared(
    R.update({R.cancel_requested_at: fn.COALESCE(R.cancel_requested_at, param("now")),
              R.cancelled_by: fn.COALESCE(R.cancelled_by, param("by"))})
    .where(_this_run & (R.state == "running")),
    must_change=True,
)  # fmt: skip
_CANCEL_REQUESTED = Prepared(R.select(R.cancel_requested_at).where(_this_run))

_LATEST = "9999"


def new_run_values(team: str, run: NewRun) -> dict[str, object]:
    return {
        "team_id": team,
        "id": run.id,
        "pipeline_id": run.pipeline_id,
        "revision": run.revision,
        "due_at": iso(run.due_at),
        "trigger": run.trigger,
        "exclusive": int(run.exclusive),
        "state": RunState.PENDING,
        "created_by": run.created_by,
        "created_at": iso(run.created_at),
        "deadline_at": iso(run.deadline_at),
    }


class SqlRuns:
    """The runs of one team."""

    def __init__(self, gateway: SqlGateway, team: str) -> None:
        self._gateway = gateway
        self._team = team

    def create(self, run: NewRun, audit: AuditEntry) -> Run:
        number = 1
        while True:
            numbered = replace(run, id=RunId(make_run_id(run.pipeline_id, run.due_at, number)))
            try:
                rows, *_ = self._gateway.batch(
                    [
                        _INSERT(**new_run_values(self._team, numbered)),
                        audit_row(self._team, replace(audit, subject=numbered.id)),
                        counters.add(self._team, "hakiri_runs_created_total", labels={"trigger": run.trigger}),
                    ]
                )
            except Refused:
                number += 1
                continue
            return run_of(rows[0])

    def get(self, run_id: RunId) -> Run:
        rows = self._gateway.query(_GET(team=self._team, run_id=run_id))
        if not rows:
            raise NotFound(f"no run {run_id!r}")
        return run_of(rows[0])

    def list(self, *, pipeline_id: str | None, state: RunState | None, before: str | None, limit: int) -> Page[Run]:
        before_at, before_id = decode_key(before, str, str) if before else (_LATEST, "")
        query = _LISTS[pipeline_id is not None, state is not None](
            team=self._team,
            pipeline_id=pipeline_id,
            state=state,
            before_at=before_at,
            before_id=before_id,
            limit=limit + 1,
        )
        runs = [run_of(row) for row in self._gateway.query(query)]
        more = len(runs) > limit
        runs = runs[:limit]
        return Page(runs, encode_key(iso(runs[-1].created_at) or "", runs[-1].id) if more else None)

    def newest(self) -> Mapping[str, Run]:
        rows = self._gateway.query(_NEWEST(team=self._team))
        return {run.pipeline_id: run for run in map(run_of, rows)}

    def unfinished(self) -> Mapping[RunState, Unfinished]:
        found = {RunState.PENDING: Unfinished(0, None), RunState.RUNNING: Unfinished(0, None)}
        for state, count, created_at, started_at in self._gateway.query(_UNFINISHED(team=self._team)):
            found[RunState(state)] = Unfinished(count, moment(created_at if state == "pending" else started_at))
        return found

    def steps(self, run_id: RunId) -> Sequence[Step]:
        reads = [step_of_row("read", row) for row in self._gateway.query(_STEPS(team=self._team, run_id=run_id))]
        commits = [
            step_of_row("commit", (number, row[0], 0, *row[1:]))
            for number, row in enumerate(
                self._gateway.query(_COMMITS(team=self._team, run_id=run_id)), start=len(reads)
            )
        ]
        return [*reads, *commits]

    def request_cancel(self, run_id: RunId, *, now: datetime, audit: AuditEntry) -> Run:
        values = {"team": self._team, "run_id": run_id, "now": iso(now), "by": audit.actor}
        count = counters.add(self._team, "hakiri_runs_finished_total", labels={"state": RunState.CANCELLED})
        noted = audit_row(self._team, audit)
        # A run never goes back to waiting: what is not pending now is running, or final.
        if not (
            self._changes(_CANCEL_PENDING(**values), count, noted) or self._changes(_CANCEL_RUNNING(**values), noted)
        ):
            raise Conflict(f"run {run_id} is {self.get(run_id).state} already")
        return self.get(run_id)

    def _changes(self, *statements: Statement) -> bool:
        try:
            self._gateway.batch(statements)
        except Refused:
            return False
        return True

    def cancel_requested(self, run_id: RunId) -> bool:
        rows = self._gateway.query(_CANCEL_REQUESTED(team=self._team, run_id=run_id))
        return bool(rows and rows[0][0])
