"""Adding to a counter as part of a batch."""

from __future__ import annotations

import json
from collections.abc import Mapping

from peewee import EXCLUDED, fn

from appliance.adapters.sql.gateway import Statement
from appliance.adapters.sql.prepared import Prepared, param
from appliance.adapters.sql.tables import Counter as K

_ADD = Prepared(
    K.insert(
        {K.team_id: param("team"), K.name: param("name"), K.labels: param("labels"), K.value: param("value")}
    ).on_conflict(conflict_target=(K.team_id, K.name, K.labels), update={K.value: K.value + EXCLUDED.value})
)


_ADD_CHANGED = Prepared(
    K.insert(
        {
            K.team_id: param("team"),
            K.name: param("name"),
            K.labels: param("labels"),
            K.value: param("value") * fn.CHANGES(),
        }
    ).on_conflict(conflict_target=(K.team_id, K.name, K.labels), update={K.value: K.value + EXCLUDED.value})
)


def add(team: str, name: str, value: float = 1, labels: Mapping[str, str] | None = None) -> Statement:
    return _ADD(team=team, name=name, labels=_text(labels), value=value)


def add_changed(team: str, name: str, value: float = 1, labels: Mapping[str, str] | None = None) -> Statement:
    """Add `value` for each row that the statement before this one changed."""
    return _ADD_CHANGED(team=team, name=name, labels=_text(labels), value=value)


def _text(labels: Mapping[str, str] | None) -> str:
    return json.dumps(dict(sorted((labels or {}).items())))
