"""JSON that we wrote ourselves and read back: whatever is not exactly right is refused by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from appliance.core.errors import Invalid

# What a reader's 64-bit integers hold.
_MOST = 2**63 - 1
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object read field by field. Every method raises Invalid, naming the field."""

    values: dict[str, object]
    where: str

    @classmethod
    def of(cls, data: bytes, where: str) -> Fields:
        """Read a whole object; `where` begins every complaint."""
        try:
            value = json.loads(data, parse_constant=_no_constant, object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise Invalid(f"{where}: not JSON: {error}") from None
        return cls.within(value, where)

    @classmethod
    def within(cls, value: object, where: str) -> Fields:
        """An object inside another."""
        if not isinstance(value, dict):
            raise Invalid(f"{where}: must be a JSON object")
        return cls(value, where)

    def text(self, name: str) -> str:
        return cast("str", self._typed(name, str, "text"))

    def number(self, name: str) -> int:
        value = cast("int", self._typed(name, int, "a whole number"))
        if not 0 <= value <= _MOST:
            raise Invalid(f"{self.where}: {name}: must be from 0 to {_MOST}")
        return value

    def flag(self, name: str) -> bool:
        value = self.values.get(name)
        if not isinstance(value, bool):
            raise Invalid(f"{self.where}: {name}: must be true or false")
        return value

    def moment(self, name: str) -> datetime:
        text = self.text(name)
        try:
            return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
        except ValueError:
            raise Invalid(f"{self.where}: {name}: {text[:80]!r} is not UTC with microseconds and Z") from None

    def items(self, name: str) -> list[object]:
        return cast("list[object]", self._typed(name, list, "a list"))

    def is_null(self, name: str) -> bool:
        return name in self.values and self.values[name] is None

    def only(self, names: set[str]) -> None:
        for name in self.values.keys() - names:
            raise Invalid(f"{self.where}: {name[:80]!r}: no such field")

    def _typed(self, name: str, kind: type, called: str) -> object:
        if name not in self.values:
            raise Invalid(f"{self.where}: {name}: missing")
        value = self.values[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise Invalid(f"{self.where}: {name}: must be {called}")
        return value


def to_json(values: Mapping[str, object], where: str) -> bytes:
    """Equal values give equal bytes. Raises Invalid for text that is not Unicode."""
    try:
        return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise Invalid(f"{where}: {error.reason}") from None


def time_text(moment: datetime) -> str:
    """As `Fields.moment` reads it."""
    return moment.astimezone(UTC).strftime(_TIME)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a field is given twice")
    return values
