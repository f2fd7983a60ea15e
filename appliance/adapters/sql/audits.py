"""An audit row as part of the batch that makes the change."""

from __future__ import annotations

import json

from appliance.adapters.sql.gateway import Row, Statement
from appliance.adapters.sql.prepared import Prepared, param
from appliance.adapters.sql.tables import Audit as A
from appliance.adapters.sql.times import iso, moment
from appliance.core.event import AuditEntry

_INSERT = Prepared(
    A.insert(
        {
            A.team_id: param("team"),
            A.at: param("at"),
            A.actor: param("actor"),
            A.action: param("action"),
            A.subject: param("subject"),
            A.detail: param("detail"),
        }
    )
)


def audit_row(team: str, entry: AuditEntry) -> Statement:
    return _INSERT(
        team=team,
        at=iso(entry.at),
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        detail=json.dumps(entry.detail, sort_keys=True, default=str),
    )


def audit_of(row: Row) -> AuditEntry:
    _team, _seq, at, actor, action, subject, detail = row
    return AuditEntry(moment(at), actor, action, subject, json.loads(detail))
