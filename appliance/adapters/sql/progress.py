"""Progress over any SqlGateway: how far runs and tables got."""

from __future__ import annotations

from collections.abc import Sequence

from peewee import fn

from appliance.adapters.sql.gateway import SqlGateway
from appliance.adapters.sql.prepared import Prepared, param
from appliance.adapters.sql.rows import checkpoint_of, columns_of, commit_of
from appliance.adapters.sql.tables import Checkpoint as C
from appliance.adapters.sql.tables import Position as P
from appliance.adapters.sql.tables import TableCommit as T
from appliance.adapters.sql.tables import TableSchema as S
from appliance.adapters.sql.tables import columns
from appliance.core.checkpoint import Checkpoint, TableCommit
from appliance.core.landing import SchemaVersion
from appliance.core.run import RunId

_CHECKPOINTS = Prepared(
    C.select(*columns(C)).where((C.team_id == param("team")) & (C.run_id == param("run_id"))).order_by(C.seq)
)
_COMMITS = Prepared(T.select(*columns(T)).where((T.team_id == param("team")) & (T.run_id == param("run_id"))))
_POSITION = Prepared(
    P.select(P.cursor).where(
        (P.team_id == param("team")) & (P.pipeline_id == param("pipeline_id")) & (P.table_name == param("table"))
    )
)
_SCHEMA = Prepared(
    S.select(S.version, S.columns)
    .where((S.team_id == param("team")) & (S.landed_name == param("landed_name")))
    .order_by(S.version.desc())
    .limit(1)
)
_SEQUENCE = Prepared(
    P.select(fn.COALESCE(fn.MAX(P.sequence), 0) + 1).where(
        (P.team_id == param("team")) & (P.landed_name == param("landed_name"))
    )
)


class SqlProgress:
    """How far the runs and tables of one team got."""

    def __init__(self, gateway: SqlGateway, team: str) -> None:
        self._gateway = gateway
        self._team = team

    def checkpoints(self, run_id: RunId) -> Sequence[Checkpoint]:
        return [checkpoint_of(row) for row in self._gateway.query(_CHECKPOINTS(team=self._team, run_id=run_id))]

    def commits(self, run_id: RunId) -> Sequence[TableCommit]:
        return [commit_of(row) for row in self._gateway.query(_COMMITS(team=self._team, run_id=run_id))]

    def position(self, pipeline_id: str, table: str) -> str | None:
        rows = self._gateway.query(_POSITION(team=self._team, pipeline_id=pipeline_id, table=table))
        return rows[0][0] if rows else None

    def schema(self, landed_name: str) -> SchemaVersion | None:
        rows = self._gateway.query(_SCHEMA(team=self._team, landed_name=landed_name))
        return SchemaVersion(rows[0][0], columns_of(rows[0][1])) if rows else None

    def next_sequence(self, landed_name: str) -> int:
        [[sequence]] = self._gateway.query(_SEQUENCE(team=self._team, landed_name=landed_name))
        return int(sequence)
