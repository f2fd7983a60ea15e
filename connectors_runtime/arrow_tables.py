"""arro3's errors as ours, its types as columns, and batches brought into the shape of a table."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import arro3.core as arrow
from arro3.io import write_ndjson

from .columns import Column
from .errors import Failure, RuntimeFault, SchemaIncompatible

TYPES: dict[str, arrow.DataType] = {
    "boolean": arrow.DataType.bool(),
    "int64": arrow.DataType.int64(),
    "float64": arrow.DataType.float64(),
    "text": arrow.DataType.utf8(),
    "bytes": arrow.DataType.binary(),
    "timestamp": arrow.DataType.timestamp("us", tz="UTC"),
    "json": arrow.DataType.utf8(),
}
_PREFIX = b'{"v":'
_CELLS = 2_000_000
_ROWS = 8_192


@contextlib.contextmanager
def arrow_errors(what: str) -> Iterator[None]:
    """Turn whatever arro3 raises into Failure('permanent')."""
    try:
        yield
    except (RuntimeFault, KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
        raise
    except BaseException as error:  # noqa: BLE001 - arro3 raises bare Exception, and BaseException when it panics
        text = str(error).removeprefix("C Data interface error: ")
        raise Failure("permanent", f"{what}: {text[:500]}") from None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A batch opened for reading: its typed columns, and the records they are made of.

    `undecided` names columns read as text that must turn out to hold nothing.
    """

    columns: tuple[Column, ...]
    reader: arrow.RecordBatchReader
    undecided: frozenset[str] = frozenset()


class NotNull(RuntimeFault):
    """A column that never held a value now holds one: its type must be inferred."""


@dataclass(slots=True)
class Shape:
    """Brings batches to the columns of a table: casts, and nulls for what is missing."""

    columns: tuple[Column, ...]
    rows: int = 0
    _nulls: dict[tuple[str, int], arrow.Array] = field(default_factory=dict)

    @property
    def schema(self) -> arrow.Schema:
        """All columns nullable, so that every file of a table has the same schema."""
        return arrow.Schema([arrow.Field(c.name, TYPES[c.type], nullable=True) for c in self.columns])

    def align(self, incoming: Incoming) -> Iterator[arrow.RecordBatch]:
        """The records in this shape. Raises Failure, NotNull."""
        schema = self.schema
        for raw in incoming.reader:
            batch = arrow.RecordBatch.from_arrow(raw)
            present = {name: position for position, name in enumerate(batch.column_names)}
            for name in incoming.undecided:
                if batch.column(present[name]).null_count != batch.num_rows:
                    raise NotNull(name)
            arrays = [
                converted(batch.column(present[c.name]), c) if c.name in present else self._null(c.type, batch.num_rows)
                for c in self.columns
            ]
            self.rows += batch.num_rows
            yield arrow.RecordBatch.from_arrays(arrays, schema=schema)

    def _null(self, kind: str, rows: int) -> arrow.Array:
        key = (kind, rows)
        if key not in self._nulls:
            self._nulls[key] = _nulls(rows, TYPES[kind])
        return self._nulls[key]


def _nulls(rows: int, kind: arrow.DataType) -> arrow.Array:
    if arrow.DataType.is_timestamp(kind):
        # arro3 cannot make timestamps out of Python values.
        return arrow.Array([None] * rows, type=arrow.DataType.int64()).cast(kind)
    return arrow.Array([None] * rows, type=kind)


def batch_rows(columns: int) -> int:
    """How many rows to hold at once, so that wide tables do not fill the memory."""
    return max(64, min(_ROWS, _CELLS // max(1, columns)))


def column_type(kind: arrow.DataType) -> str | None:
    """The column type that holds an Arrow type; None for the type of nothing but nulls."""
    if arrow.DataType.is_dictionary(kind):
        return column_type(kind.value_type) if kind.value_type is not None else "text"
    for name, fits in _FITS:
        if any(test(kind) for test in fits):
            return name
    # Decimals, dates and times keep every digit as text.
    return None if arrow.DataType.is_null(kind) else "text"


def converted(array: arrow.Array, column: Column) -> arrow.Array:
    """The array as the column's type; a value that does not fit is refused. Raises SchemaIncompatible."""
    target = TYPES[column.type]
    if array.type == target:
        return array
    if arrow.DataType.is_null(array.type):
        return _nulls(len(array), target)
    if arrow.DataType.is_nested(array.type) and not arrow.DataType.is_dictionary(array.type):
        return _as_json(array)
    with arrow_errors(f"column {column.name!r}"):
        result = array.cast(target)
    if result.null_count != array.null_count:
        raise SchemaIncompatible(
            f"column {column.name!r}: a value of type {_name(array.type)} does not fit {column.type}"
        )
    return result


def _as_json(array: arrow.Array) -> arrow.Array:
    holder = arrow.Schema([arrow.Field("v", array.type, nullable=True)])
    out = io.BytesIO()
    with arrow_errors("nested values"):
        write_ndjson(arrow.RecordBatch.from_arrays([array], schema=holder), out, explicit_nulls=True)
    texts: list[Any] = [line[len(_PREFIX) : -1].decode() for line in out.getvalue().splitlines()]
    return arrow.Array([None if text == "null" else text for text in texts], type=TYPES["json"])


def first_keys(text: bytes) -> list[str]:
    """The keys of the first object, in its order; arro3 sorts them."""
    line = text.lstrip()[: 1 << 20].partition(b"\n")[0]
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):
        return []
    return list(first) if isinstance(first, dict) else []


def _name(kind: arrow.DataType) -> str:
    return str(kind).removeprefix("arro3.core.DataType<").strip().removesuffix(">")


_Test = Callable[[arrow.DataType], bool]
_FITS: tuple[tuple[str, tuple[_Test, ...]], ...] = (
    ("boolean", (arrow.DataType.is_boolean,)),
    ("int64", (arrow.DataType.is_integer,)),
    ("float64", (arrow.DataType.is_floating,)),
    ("text", (arrow.DataType.is_string, arrow.DataType.is_large_string, arrow.DataType.is_string_view)),
    (
        "bytes",
        (
            arrow.DataType.is_binary,
            arrow.DataType.is_large_binary,
            arrow.DataType.is_binary_view,
            arrow.DataType.is_fixed_size_binary,
        ),
    ),
    ("timestamp", (arrow.DataType.is_timestamp,)),
    ("json", (arrow.DataType.is_nested,)),
)
