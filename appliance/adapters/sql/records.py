"""Records over any SqlGateway: logs, audit, counters, and answers to repeated requests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from peewee import fn

from appliance.adapters.sql import counters
from appliance.adapters.sql.audits import audit_of
from appliance.adapters.sql.gateway import Refused, SqlGateway
from appliance.adapters.sql.prepared import Prepared, param
from appliance.adapters.sql.tables import Audit as A
from appliance.adapters.sql.tables import Counter as K
from appliance.adapters.sql.tables import Idempotency as I
from appliance.adapters.sql.tables import RunLog as L
from appliance.adapters.sql.tables import columns
from appliance.adapters.sql.times import iso, moment
from appliance.core.errors import Conflict
from appliance.core.event import AuditEntry, Sample
from appliance.core.paging import Page, decode_key, encode_key
from appliance.core.run import LogLine, RunId

# An answer is kept this long; a request that was never answered (its process died) gives way sooner.
_NEWEST = 1 << 62

_next_seq = L.select(fn.COALESCE(fn.MAX(L.seq), 0) + 1).where(
    (L.team_id == param("team")) & (L.run_id == param("run_id"))
)
_LOG = Prepared(
    L.insert(
        {
            L.team_id: param("team"),
            L.run_id: param("run_id"),
            L.seq: _next_seq,
            L.at: param("at"),
            L.level: param("level"),
            L.message: param("message"),
        }
    )
)
_LOGS = Prepared(
    L.select(L.seq, L.at, L.level, L.message)
    .where((L.team_id == param("team")) & (L.run_id == param("run_id")) & (L.seq > param("after")))
    .order_by(L.seq)
    .limit(param("limit"))
)
_AUDIT = Prepared(
    A.select(A.team_id, A.seq, A.at, A.actor, A.action, A.subject, A.detail)
    .where((A.team_id == param("team")) & (A.seq < param("before")))
    .order_by(A.seq.desc())
    .limit(param("limit"))
)
_COUNTERS = Prepared(K.select(*columns(K)).where(K.team_id == param("team")).order_by(K.name, K.labels))

_this_key = (I.team_id == param("team")) & (I.member == param("member")) & (I.key == param("key"))
_DROP_STALE = Prepared(I.delete().where(_this_key & I.status.is_null() & (I.created_at < param("stale"))))
_DROP_OLD = Prepared(I.delete().where((I.team_id == param("team")) & (I.created_at < param("old"))))
_BEGIN = Prepared(
    I.insert(
        {
            I.team_id: param("team"),
            I.member: param("member"),
            I.key: param("key"),
            I.fingerprint: param("fingerprint"),
            I.created_at: param("now"),
        }
    ).on_conflict("IGNORE"),
    must_change=True,
)
_FORGET = Prepared(I.delete().where(_this_key & I.status.is_null()))
_KNOWN = Prepared(I.select(I.fingerprint, I.status, I.body).where(_this_key))
_ANSWER = Prepared(I.update({I.status: param("status"), I.body: param("body")}).where(_this_key))


class SqlRecords:
    """What is kept of one team for people and monitoring."""

    def __init__(self, gateway: SqlGateway, team: str) -> None:
        self._gateway = gateway
        self._team = team

    def log(self, run_id: RunId, lines: Sequence[tuple[datetime, str, str]]) -> None:
        self._gateway.batch(
            [
                _LOG(team=self._team, run_id=run_id, at=iso(at), level=level, message=message)
                for at, level, message in lines
            ]
        )

    def logs(self, run_id: RunId, *, after: int, limit: int) -> Sequence[LogLine]:
        rows = self._gateway.query(_LOGS(team=self._team, run_id=run_id, after=after, limit=limit))
        return [LogLine(seq, moment(at), level, message) for seq, at, level, message in rows]

    def audit(self, *, before: str | None, limit: int) -> Page[AuditEntry]:
        [seq] = decode_key(before, int) if before else (_NEWEST,)
        rows = self._gateway.query(_AUDIT(team=self._team, before=seq, limit=limit + 1))
        more = len(rows) > limit
        return Page([audit_of(row) for row in rows[:limit]], encode_key(rows[limit - 1][1]) if more else None)

    def count(self, samples: Sequence[Sample]) -> None:
        self._gateway.batch([counters.add(self._team, one.name, one.value, one.labels) for one in samples])

    def counters(self) -> Sequence[Sample]:
        rows = self._gateway.query(_COUNTERS(team=self._team))
        return [Sample(name, json.loads(labels), value) for _team, name, labels, value in rows]

    def remember(
        self, member: str, key: str, fingerprint: str, *, now: datetime, stale: datetime, old: datetime
    ) -> tuple[int, str] | None:
        this = {"team": self._team, "member": member, "key": key}
        try:
            self._gateway.batch(
                [
                    _DROP_OLD(team=self._team, old=iso(old)),
                    _DROP_STALE(**this, stale=iso(stale)),
                    _BEGIN(**this, fingerprint=fingerprint, now=iso(now)),
                ]
            )
        except Refused:
            [[known, status, body]] = self._gateway.query(_KNOWN(**this))
        else:
            return None
        if known != fingerprint:
            raise Conflict(f"Idempotency-Key {key!r} was used for another request")
        if status is None:
            raise Conflict(f"the request with Idempotency-Key {key!r} is still being answered")
        return status, body

    def answer(self, member: str, key: str, status: int, body: str) -> None:
        self._gateway.batch([_ANSWER(team=self._team, member=member, key=key, status=status, body=body)])

    def forget(self, member: str, key: str) -> None:
        self._gateway.batch([_FORGET(team=self._team, member=member, key=key)])
