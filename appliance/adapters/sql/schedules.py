"""Schedules over any SqlGateway: what is armed, and the fire ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from peewee import Tuple, fn

from appliance.adapters.sql import counters
from appliance.adapters.sql.gateway import Refused, Row, SqlGateway, Statement
from appliance.adapters.sql.prepared import Prepared, param
from appliance.adapters.sql.rows import run_of
from appliance.adapters.sql.runs import INSERT_RUN, new_run_values
from appliance.adapters.sql.tables import Fire as F
from appliance.adapters.sql.tables import Run as R
from appliance.adapters.sql.tables import Schedule as S
from appliance.adapters.sql.tables import columns, insert
from appliance.adapters.sql.times import iso, moment, moment_or_none
from appliance.core.event import Sample
from appliance.core.fires import Policy
from appliance.core.ledger import ArmedSchedule, FireRow, Firing
from appliance.core.paging import Page, decode_key, encode_key
from appliance.core.pipeline import Catchup, Overlap
from appliance.core.run import NewRun, RunId, RunState
from appliance.core.schedule import Schedule

_mine = S.team_id == param("team")
_this = _mine & (S.pipeline_id == param("pipeline_id"))


def _runs_in(state: str) -> object:
    return R.select(fn.COUNT(R.id)).where(
        (R.team_id == S.team_id) & (R.pipeline_id == S.pipeline_id) & (R.state == state)
    )


_ARMED = S.select(*columns(S), _runs_in("pending"), _runs_in("running"))
_DUE = Prepared(
    _ARMED.where(_mine & (S.next_fire <= param("now"))).order_by(S.next_fire, S.pipeline_id).limit(param("limit"))
)
_LIST = Prepared(_ARMED.where(_mine).order_by(S.pipeline_id))
_NEXT_DUE = Prepared(S.select(fn.MIN(S.next_fire)).where(_mine))
_MOVE = Prepared(
    S.update({S.last_expected: param("last_expected"), S.next_fire: param("next_fire")}).where(
        _this & (S.revision == param("revision")) & (fn.COALESCE(S.last_expected, "") == fn.COALESCE(param("seen"), ""))
    ),
    must_change=True,
)
# A moment that has its row keeps it: the clock was set back and the schedule armed anew.
_FIRE = Prepared(insert(F).on_conflict("IGNORE"))
_CANCEL_ACTIVE = Prepared(
    R.update(
        {
            R.cancel_requested_at: fn.COALESCE(R.cancel_requested_at, param("now")),
            R.cancelled_by: fn.COALESCE(R.cancelled_by, "schedule"),
        }
    ).where((R.team_id == param("team")) & (R.pipeline_id == param("pipeline_id")) & (R.state == "running"))
)
_CANCEL_WAITING = Prepared(
    R.update({R.state: "cancelled", R.cancel_requested_at: param("now"), R.finished_at: param("now"),
              R.cancelled_by: "schedule"})
    .where((R.team_id == param("team")) & (R.pipeline_id == param("pipeline_id")) & (R.state == "pending"))
)  # fmt: skip
_page = (F.team_id == param("team")) & (
    Tuple(F.first_due_at, F.pipeline_id) < Tuple(param("before_at"), param("before_id"))
)


def _pages(where: Any) -> Prepared:
    newest_first = F.select(*columns(F)).where(where).order_by(F.first_due_at.desc(), F.pipeline_id.desc())
    return Prepared(newest_first.limit(param("limit")))


# By whether a pipeline is asked for.
_LEDGERS = {False: _pages(_page), True: _pages(_page & (F.pipeline_id == param("pipeline_id")))}


class SqlSchedules:
    """The schedules of one team."""

    def __init__(self, gateway: SqlGateway, team: str) -> None:
        self._gateway = gateway
        self._team = team

    def due(self, *, now: datetime, limit: int) -> Sequence[ArmedSchedule]:
        return [_armed_of(row) for row in self._gateway.query(_DUE(team=self._team, now=iso(now), limit=limit))]

    def next_due(self) -> datetime | None:
        [[text]] = self._gateway.query(_NEXT_DUE(team=self._team))
        return moment_or_none(text)

    def list(self) -> Sequence[ArmedSchedule]:
        return [_armed_of(row) for row in self._gateway.query(_LIST(team=self._team))]

    def record(self, firings: Sequence[Firing], samples: Sequence[Sample], *, now: datetime) -> Sequence[RunId]:
        """All in one commit; one by one if another ticker moved one of them."""
        extra = [counters.add(self._team, sample.name, sample.value, sample.labels) for sample in samples]
        try:
            results = self._gateway.batch(
                [part for firing in firings for part in self._statements(firing, now)] + extra
            )
        except Refused:
            return [] if len(firings) == 1 else [run for one in firings for run in self.record([one], [], now=now)]
        # Only the runs that were made return a row.
        return [run_of(row).id for rows in results for row in rows]

    def fires(self, *, pipeline_id: str | None, before: str | None, limit: int) -> Page[FireRow]:
        before_at, before_id = decode_key(before, str, str) if before else ("9999", "")
        rows = self._gateway.query(
            _LEDGERS[pipeline_id is not None](
                team=self._team,
                pipeline_id=pipeline_id,
                before_at=before_at,
                before_id=before_id,
                limit=limit + 1,
            )
        )
        fires = [_fire_of(row) for row in rows[:limit]]
        more = len(rows) > limit
        return Page(fires, encode_key(rows[limit - 1][2], fires[-1].pipeline_id) if more else None)

    def _statements(self, firing: Firing, now: datetime) -> Sequence[Statement]:
        armed = firing.armed
        this = {"team": self._team, "pipeline_id": armed.pipeline_id}
        moved = _MOVE(
            **this,
            revision=armed.revision,
            seen=iso(armed.last_expected),
            last_expected=iso(firing.last_expected),
            next_fire=iso(firing.next_fire),
        )
        cancels = [
            _CANCEL_WAITING(**this, now=iso(now)),
            counters.add_changed(self._team, "hakiri_runs_finished_total", labels={"state": RunState.CANCELLED}),
            _CANCEL_ACTIVE(**this, now=iso(now)),
        ]
        runs = [part for run in firing.runs for part in self._run(run)]
        return [moved, *self._ledger(firing, now), *(cancels if firing.cancel_active else ()), *runs]

    def _run(self, run: NewRun) -> Sequence[Statement]:
        return [
            INSERT_RUN(**new_run_values(self._team, run)),
            counters.add_changed(self._team, "hakiri_runs_created_total", labels={"trigger": run.trigger}),
        ]

    def _ledger(self, firing: Firing, now: datetime) -> Sequence[Statement]:
        ids = {run.due_at: run.id for run in firing.runs}
        statements = []
        for entry in firing.entries:
            statements.append(
                _FIRE(
                    team_id=self._team,
                    pipeline_id=firing.armed.pipeline_id,
                    first_due_at=iso(entry.first),
                    last_due_at=iso(entry.last),
                    count=entry.count,
                    reason=entry.reason,
                    run_id=ids.get(entry.first) if entry.count == 1 else None,
                    recorded_at=iso(now),
                )
            )
            statements.append(
                counters.add_changed(self._team, "hakiri_fires_total", entry.count, {"reason": str(entry.reason)})
            )
        return statements


def _armed_of(row: Row) -> ArmedSchedule:
    (
        _team, pipeline_id, revision, text, zone, catchup, catchup_limit, overlap, paused, placement, armed_at,
        last_expected, next_fire, pending, running,
    ) = row  # fmt: skip
    return ArmedSchedule(
        pipeline_id=pipeline_id,
        revision=revision,
        schedule=Schedule(text, zone),
        policy=Policy(Catchup(catchup), catchup_limit, Overlap(overlap)),
        paused=bool(paused),
        placement=placement,
        armed_at=moment(armed_at),
        last_expected=moment_or_none(last_expected),
        next_fire=moment_or_none(next_fire),
        pending=pending,
        running=running,
    )


def _fire_of(row: Row) -> FireRow:
    _team, pipeline_id, first, last, count, reason, run_id, recorded_at = row
    return FireRow(pipeline_id, moment(first), moment(last), count, reason, run_id, moment(recorded_at))
