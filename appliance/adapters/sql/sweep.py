"""Sweep over any SqlGateway: work that nobody is doing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from peewee import SQL, fn

from appliance.adapters.sql import counters
from appliance.adapters.sql.gateway import Refused, SqlGateway, Statement
from appliance.adapters.sql.journal import CLAIMABLE, ENDED
from appliance.adapters.sql.prepared import Prepared, param
from appliance.adapters.sql.tables import Checkpoint as C
from appliance.adapters.sql.tables import Fire as F
from appliance.adapters.sql.tables import Run as R
from appliance.adapters.sql.tables import RunLog as L
from appliance.adapters.sql.tables import TableCommit as T
from appliance.adapters.sql.times import iso
from appliance.core.run import RunError, RunId, RunState

_mine = R.team_id == param("team")
_active = R.state << ("pending", "running")
_unheld = R.lease_expires_at.is_null() | (R.lease_expires_at <= param("now"))

_READY = Prepared(R.select(R.id).where(_mine & _active & CLAIMABLE).order_by(R.due_at).limit(param("limit")))
_OVERDUE = Prepared(
    R.select(R.id).where(_mine & _active & _unheld & (R.deadline_at <= param("now"))).limit(param("limit"))
)
_CANCELLED = Prepared(
    R.select(R.id)
    .where(_mine & (R.state == "running") & _unheld & R.cancel_requested_at.is_null(False))
    .limit(param("limit"))
)
_END = Prepared(
    R.update(ENDED | {R.fence: R.fence + 1}).where(_mine & (R.id == param("run_id")) & _active & _unheld),
    must_change=True,
)


def _held_by(holder: str) -> Any:
    """Whether the run's holder starts with that; LIKE would take a name's _ for any letter."""
    return fn.SUBSTR(R.holder, 1, fn.LENGTH(param(holder))) == param(holder)


_FREE = Prepared(
    R.update({R.holder: None, R.lease_expires_at: None})
    .where(_mine & (R.state == "running") & _held_by("node") & ~_held_by("boot"))
    .returning(R.id)
)
_ended_before = (
    R.select(R.id).where(_mine & (R.finished_at < param("before"))).order_by(R.finished_at, R.id).limit(param("limit"))
)


def _of_forgotten_runs(table: Any) -> Prepared:
    return Prepared(table.delete().where((table.team_id == param("team")) & (table.run_id << _ended_before)))


# The runs themselves go last: the others are found through them.
_FORGET = (
    *(_of_forgotten_runs(table) for table in (L, C, T)),
    Prepared(
        F.delete()
        .where(
            SQL("rowid")
            << F.select(SQL("rowid"))
            .where((F.team_id == param("team")) & (F.last_due_at < param("before")))
            .limit(param("limit"))
        )
        .returning(F.pipeline_id)
    ),
    Prepared(R.delete().where(_mine & (R.id << _ended_before)).returning(R.id)),
)


class SqlSweep:
    """The unattended work of one team."""

    def __init__(self, gateway: SqlGateway, team: str) -> None:
        self._gateway = gateway
        self._team = team

    def ready(self, *, now: datetime, limit: int) -> Sequence[RunId]:
        return self._ids(_READY(team=self._team, now=iso(now), limit=limit))

    def overdue(self, *, now: datetime, limit: int) -> Sequence[RunId]:
        return self._ids(_OVERDUE(team=self._team, now=iso(now), limit=limit))

    def cancelled(self, *, now: datetime, limit: int) -> Sequence[RunId]:
        return self._ids(_CANCELLED(team=self._team, now=iso(now), limit=limit))

    def end(self, run_id: RunId, state: RunState, error: RunError | None, *, now: datetime) -> bool:
        code, message = (error.code, error.message) if error else (None, None)
        end = _END(team=self._team, run_id=run_id, state=state, now=iso(now), code=code, message=message)
        count = counters.add(self._team, "hakiri_runs_finished_total", labels={"state": state})
        try:
            self._gateway.batch([end, count])
        except Refused:
            return False
        return True

    def free_leases(self, node_id: str, boot: str) -> int:
        node = f"{node_id}/"
        [rows] = self._gateway.batch([_FREE(team=self._team, node=node, boot=f"{node}{boot}/")])
        return len(rows)

    def forget(self, *, before: datetime, limit: int) -> int:
        values = {"team": self._team, "before": iso(before), "limit": limit}
        *_, fires, runs = self._gateway.batch([statement(**values) for statement in _FORGET])
        return max(len(fires), len(runs))

    def _ids(self, statement: Statement) -> list[RunId]:
        return [RunId(row[0]) for row in self._gateway.query(statement)]
