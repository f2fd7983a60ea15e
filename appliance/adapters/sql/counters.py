"""Adding to a counter as part of a batch."""

from __future__ import annotations

import json
from collections.abc import Mapping

from peewee import EXCLUDED

from appliance.adapters.sql.gateway import Statement
from appliance.adapters.sql.prepared import Prepared, param
from appliance.adapters.sql.tables import Counter as K

_ADD = Prepared(
    K.insert(
        {K.team_id: param("team"), K.name: param("name"), K.labels: param("labels"), K.value: param("value")}
    ).on_conflict(conflict_target=(K.team_id, K.name, K.labels), update={K.value: K.value + EXCLUDED.value})
)


def add(team: str, name: str, value: float = 1, labels: Mapping[str, str] | None = None) -> Statement:
    text = json.dumps(dict(sorted((labels or {}).items())))
    return _ADD(team=team, name=name, labels=text, value=value)
