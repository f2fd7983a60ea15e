"""SQL built with peewee once, at import, and bound many times: building costs more than running."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peewee import Value

from appliance.adapters.sql.gateway import Statement


@dataclass(frozen=True, slots=True)
class _Slot:
    name: str


def param(name: str) -> Any:
    """A value that is given when the statement is bound."""
    return Value(_Slot(name), converter=False, unpack=False)


class Prepared:
    """A query whose parameters are named. `must_change` is the statement's."""

    def __init__(self, query: Any, *, must_change: bool = False) -> None:
        self._sql, template = query.sql()
        self._template = tuple(template)
        self._must_change = must_change

    def __call__(self, **values: Any) -> Statement:
        params = tuple(values[item.name] if isinstance(item, _Slot) else item for item in self._template)
        return Statement(self._sql, params, self._must_change)
