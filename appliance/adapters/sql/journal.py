"""Journal over any SqlGateway: every write is guarded by the lease's fence."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from peewee import EXCLUDED, SQL, Case, fn

from appliance.adapters.sql import counters
from appliance.adapters.sql.gateway import Refused, SqlGateway, Statement
from appliance.adapters.sql.prepared import Prepared, param
from appliance.adapters.sql.rows import columns_text, run_of
from appliance.adapters.sql.tables import Checkpoint as C
from appliance.adapters.sql.tables import Position as P
from appliance.adapters.sql.tables import Run as R
from appliance.adapters.sql.tables import TableCommit as T
from appliance.adapters.sql.tables import TableSchema as S
from appliance.adapters.sql.tables import columns, insert
from appliance.adapters.sql.times import iso
from appliance.core.checkpoint import Checkpoint, TableCommit
from appliance.core.errors import LeaseLost
from appliance.core.landing import SchemaVersion
from appliance.core.run import Claim, Lease, RunError, RunId, RunState

_other = R.alias("other")
_of_same_pipeline = (_other.team_id == R.team_id) & (_other.pipeline_id == R.pipeline_id) & (_other.id != R.id)
_another_runs = _other.select(_other.id).where(_of_same_pipeline & (_other.state == "running"))
_an_older_waits = _other.select(_other.id).where(
    _of_same_pipeline
    & (_other.state == "pending")
    & ((_other.due_at < R.due_at) | ((_other.due_at == R.due_at) & (_other.id < R.id)))
)
# An exclusive run waits for its pipeline's running one, and among those that wait the oldest goes first.
_has_its_turn = (R.exclusive == 0) | (~fn.EXISTS(_another_runs) & ~fn.EXISTS(_an_older_waits))
CLAIMABLE = (
    ((R.state == "running") | ((R.state == "pending") & _has_its_turn))
    & (R.lease_expires_at.is_null() | (R.lease_expires_at <= param("now")))
    & (R.retry_at.is_null() | (R.retry_at <= param("now")))
)

_this_run = (R.team_id == param("team")) & (R.id == param("run_id"))
_held = _this_run & (R.fence == param("fence")) & (R.state == "running") & R.holder.is_null(False)

_HOLDER = Prepared(R.select(R.holder).where(_this_run))
_CLAIM = Prepared(
    R.update(
        {
            R.deadline_at: Case(None, [(R.state == "pending", param("deadline_at"))], R.deadline_at),
            R.state: "running",
            R.holder: param("holder"),
            R.fence: R.fence + 1,
            R.lease_expires_at: param("expires_at"),
            R.started_at: fn.COALESCE(R.started_at, param("now")),
            R.retry_at: None,
        }
    )
    .where(_this_run & CLAIMABLE)
    .returning(*columns(R))
)
_RENEW = Prepared(R.update({R.lease_expires_at: param("expires_at")}).where(_held), must_change=True)
_PAGE_COUNTED = Prepared(
    R.update(
        {
            R.lease_expires_at: param("expires_at"),
            R.failures: 0,
            R.first_failure_at: None,
            R.rows: R.rows + param("rows"),
            R.bytes: R.bytes + param("bytes"),
            R.pages: R.pages + 1,
        }
    ).where(_held),
    must_change=True,
)
_CHECKPOINT = Prepared(insert(C))
_COMMIT = Prepared(insert(T).on_conflict("IGNORE"), must_change=True)
_POSITION = Prepared(
    insert(P).on_conflict(
        conflict_target=(P.team_id, P.pipeline_id, P.table_name),
        update={
            P.cursor: EXCLUDED.cursor,
            # Two runs at once may have counted alike; the next one counts on from the higher.
            P.sequence: fn.MAX(P.sequence, EXCLUDED.sequence),
            P.run_id: EXCLUDED.run_id,
            P.updated_at: EXCLUDED.updated_at,
        },
    )
)
_SCHEMA = Prepared(insert(S).on_conflict("IGNORE"))
_GIVE_BACK: dict[Any, Any] = {R.holder: None, R.lease_expires_at: None}
_RELEASE = Prepared(R.update(_GIVE_BACK).where(_held), must_change=True)
_RETRY = Prepared(
    R.update(
        _GIVE_BACK
        | {
            R.failures: R.failures + 1,
            R.first_failure_at: fn.COALESCE(R.first_failure_at, param("now")),
            R.retry_at: param("retry_at"),
            R.error_code: param("code"),
            R.error_message: param("message"),
        }
    ).where(_held),
    must_change=True,
)
ENDED: dict[Any, Any] = _GIVE_BACK | {
    R.state: param("state"),
    R.finished_at: param("now"),
    R.retry_at: None,
    R.error_code: param("code"),
    R.error_message: param("message"),
}
_FINISH = Prepared(R.update(ENDED).where(_held), must_change=True)
_NEXT = Prepared(
    _other.select(_other.id)
    .where(
        (_other.team_id == param("team"))
        & (_other.state == "pending")
        & (_other.pipeline_id == R.select(R.pipeline_id).where(_this_run))
    )
    .order_by(SQL("due_at"), SQL("id"))
    .limit(1)
)


class SqlJournal:
    """The run journal of one team."""

    def __init__(self, gateway: SqlGateway, team: str) -> None:
        self._gateway = gateway
        self._team = team

    def claim(
        self, run_id: RunId, holder: str, *, now: datetime, ttl: timedelta, deadline_at: datetime
    ) -> Claim | None:
        expires_at = now + ttl
        before, rows = self._gateway.batch(
            [
                _HOLDER(team=self._team, run_id=run_id),
                _CLAIM(
                    team=self._team,
                    run_id=run_id,
                    holder=holder,
                    now=iso(now),
                    expires_at=iso(expires_at),
                    deadline_at=iso(deadline_at),
                ),
            ]
        )
        if not rows:
            return None
        run = run_of(rows[0])
        return Claim(Lease(run_id, holder, run.fence, expires_at), run, taken_over=before[0][0] is not None)

    def renew(self, lease: Lease, *, now: datetime, ttl: timedelta) -> Lease:
        renewed = replace(lease, expires_at=now + ttl)
        self._guarded(lease, _RENEW(**self._lease(lease), expires_at=iso(renewed.expires_at)))
        return renewed

    def checkpoint(self, lease: Lease, page: Checkpoint, *, now: datetime, ttl: timedelta) -> Lease:
        renewed = replace(lease, expires_at=now + ttl)
        self._guarded(
            lease,
            _PAGE_COUNTED(**self._lease(lease), expires_at=iso(renewed.expires_at), rows=page.rows, bytes=page.bytes),
            _CHECKPOINT(
                team_id=self._team,
                run_id=page.run_id,
                seq=page.seq,
                step=page.step,
                table_name=page.table,
                key=page.key,
                sha256=page.sha256,
                rows=page.rows,
                bytes=page.bytes,
                cursor=page.cursor,
                columns=columns_text(page.columns),
                fence=lease.fence,
                committed_at=iso(now),
            ),
        )
        return renewed

    def commit_table(
        self, lease: Lease, commit: TableCommit, schema: SchemaVersion | None, *, pipeline_id: str, now: datetime,
        ttl: timedelta,
    ) -> Lease:  # fmt: skip
        renewed = replace(lease, expires_at=now + ttl)
        renew = _RENEW(**self._lease(lease), expires_at=iso(renewed.expires_at))
        commits = (
            self._commit(commit, lease.fence),
            self._position(commit, pipeline_id),
            counters.add(self._team, "hakiri_rows_landed_total", commit.rows),
            counters.add(self._team, "hakiri_bytes_landed_total", commit.bytes),
            *([self._schema(commit, schema)] if schema else []),
        )
        try:
            self._gateway.batch([renew, *commits])
        except Refused:
            # The lease moved on, or the commit is recorded already, and counted: renewing alone tells which.
            self._guarded(lease, renew)
        return renewed

    def retry(self, lease: Lease, error: RunError, *, at: datetime, now: datetime) -> None:
        self._guarded(
            lease,
            _RETRY(**self._lease(lease), now=iso(now), retry_at=iso(at), code=error.code, message=error.message),
            counters.add(self._team, "hakiri_run_retries_total"),
        )

    def release(self, lease: Lease) -> None:
        self._guarded(lease, _RELEASE(**self._lease(lease)))

    def finish(self, lease: Lease, state: RunState, error: RunError | None, *, now: datetime) -> RunId | None:
        code, message = (error.code, error.message) if error else (None, None)
        rows = self._guarded(
            lease,
            _FINISH(**self._lease(lease), state=state, now=iso(now), code=code, message=message),
            counters.add(self._team, "hakiri_runs_finished_total", labels={"state": state}),
            _NEXT(team=self._team, run_id=lease.run_id),
        )[-1]
        return RunId(rows[0][0]) if rows else None

    def _commit(self, commit: TableCommit, fence: int) -> Statement:
        return _COMMIT(
            team_id=self._team,
            run_id=commit.run_id,
            table_name=commit.table,
            landed_name=commit.landed_name,
            sequence=commit.sequence,
            manifest_key=commit.manifest_key,
            cursor=commit.cursor,
            rows=commit.rows,
            bytes=commit.bytes,
            parts=commit.parts,
            fence=fence,
            committed_at=iso(commit.committed_at),
        )

    def _position(self, commit: TableCommit, pipeline_id: str) -> Statement:
        return _POSITION(
            team_id=self._team,
            pipeline_id=pipeline_id,
            table_name=commit.table,
            landed_name=commit.landed_name,
            cursor=commit.cursor,
            sequence=commit.sequence,
            run_id=commit.run_id,
            updated_at=iso(commit.committed_at),
        )

    def _schema(self, commit: TableCommit, schema: SchemaVersion) -> Statement:
        return _SCHEMA(
            team_id=self._team,
            landed_name=commit.landed_name,
            version=schema.version,
            columns=columns_text(schema.columns),
            run_id=commit.run_id,
            recorded_at=iso(commit.committed_at),
        )

    def _lease(self, lease: Lease) -> dict[str, Any]:
        return {"team": self._team, "run_id": lease.run_id, "fence": lease.fence}

    def _guarded(self, lease: Lease, *statements: Statement) -> list[list[Any]]:
        """The first statement holds the fence. Raises LeaseLost."""
        try:
            return self._gateway.batch(statements)
        except Refused as error:
            raise LeaseLost(f"run {lease.run_id}: fence {lease.fence} is not the run's any more") from error
