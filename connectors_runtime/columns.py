"""The columns of a table, and which changes of them are accepted. Pure.

The lattice is small on purpose: `int64` widens to `float64` (exact up to 2**53), a column may become
nullable, and new columns may appear. Every other change of type is refused. A column that has held
nothing but nulls has no type yet; it is left out until a value decides it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .errors import SchemaIncompatible

MAX_COLUMNS = 2_000
MAX_NAME_BYTES = 255
TYPES = ("boolean", "int64", "float64", "text", "bytes", "timestamp", "json")


@dataclass(frozen=True, slots=True)
class Column:
    """One column as it lands. `timestamp` is microseconds in UTC; `json` is text that holds JSON."""

    name: str
    type: str
    nullable: bool = True


def check_names(names: Iterable[str]) -> None:
    """Refuse names that DuckDB or a file could not tell apart. Raises SchemaIncompatible."""
    seen: dict[str, str] = {}
    for name in names:
        _check_name(name)
        twin = seen.setdefault(name.casefold(), name)
        if twin is not name:
            raise SchemaIncompatible(
                f"column {name!r}: the table already has {twin!r}; names must differ in more than case"
            )
    if len(seen) > MAX_COLUMNS:
        raise SchemaIncompatible(f"{len(seen)} columns; a table may have {MAX_COLUMNS:,}")


def merge(known: tuple[Column, ...], seen: Iterable[Column]) -> tuple[Column, ...]:
    """The known columns in their order, widened where `seen` needs it, then the new ones. Raises SchemaIncompatible."""
    merged = {column.name: column for column in known}
    arrived = tuple(seen)
    for column in arrived:
        old = merged.get(column.name)
        merged[column.name] = column if old is None else _widen(old, column)
    absent = merged.keys() - {column.name for column in arrived}
    result = tuple(replace(c, nullable=True) if c.name in absent else c for c in merged.values())
    check_names(column.name for column in result)
    return result


def _widen(old: Column, new: Column) -> Column:
    nullable = old.nullable or new.nullable
    if old.type == new.type or (old.type, new.type) == ("float64", "int64"):
        return replace(old, nullable=nullable)
    if (old.type, new.type) == ("int64", "float64"):
        return Column(old.name, "float64", nullable)
    raise SchemaIncompatible(f"column {old.name!r}: was {old.type}, now {new.type}")


def _check_name(name: str) -> None:
    if not name:
        raise SchemaIncompatible("a column has an empty name")
    if len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        raise SchemaIncompatible(f"column {name[:40]!r}...: the name is longer than {MAX_NAME_BYTES} bytes")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        raise SchemaIncompatible(f"column {name[:80]!r}: the name holds control characters")
