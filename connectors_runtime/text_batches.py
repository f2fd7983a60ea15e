"""CSV and NDJSON of a guest opened as Arrow, with the types that the table knows or that the page shows.

CSV has no types, so a known column decides how its text is read: `text` takes anything, and a date stays text.
JSON has types, so a number where the table has text is refused, and the other way round.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping

import arro3.core as arrow
from arro3.io import infer_csv_schema, infer_json_schema, read_csv, read_json

from .arrow_tables import TYPES, Incoming, arrow_errors, batch_rows, column_type, first_keys
from .columns import Column, merge
from .errors import Failure, SchemaIncompatible

_HEADER_LIMIT = 1 << 20
# Cheap and wide: also finds times and dates, which the second look then clears. One pattern for each way to
# begin, because a literal beginning is searched for thirteen times as fast as a choice.
_ZEROS = tuple(re.compile(lead + sign + rb"0\d") for lead in (b",", b"\n", b'"') for sign in (b"", b"-"))
_ZERO = re.compile(r"-?0\d")
_JSON_MISFIT = re.compile(r"whilst decoding field '(.*?)': (.*)", re.DOTALL)
_CSV_MISFIT = re.compile(r"(?:for|parsing) column (\d+)")


def known_csv(text: bytes, known: tuple[Column, ...], undecided: frozenset[str]) -> Incoming | None:
    """The page read by the table's types alone; None if it has columns that the table lacks."""
    names = _header(text)
    types = {column.name: column for column in known}
    if not types or not types.keys() | undecided >= set(names):
        return None
    for name in _with_leading_zeros(text, names, {n for n in names if n in types and types[n].type == "int64"}):
        raise SchemaIncompatible(f"column {name!r}: digits with leading zeros, like 007; the table has int64")
    fields = [arrow.Field(name, TYPES[types[name].type] if name in types else TYPES["text"]) for name in names]
    columns = tuple(types[name] for name in names if name in types)
    return Incoming(columns, _csv_reader(text, fields), undecided & set(names))


def inferred_csv(text: bytes, known: tuple[Column, ...]) -> Incoming:
    """The page read by what it holds. Raises Failure, SchemaIncompatible."""
    names = _header(text)
    with arrow_errors("CSV page"):
        schema = infer_csv_schema(text, has_header=True)
    if list(schema.names) != names:
        raise Failure("permanent", f"CSV page: cannot read its header line: {', '.join(names)[:200]!r}")
    kinds = {name: _csv_type(schema.field(position).type) for position, name in enumerate(names)}
    types = {column.name: column.type for column in known}
    for name in _with_leading_zeros(text, names, {n for n, k in kinds.items() if k == "int64"}):
        kinds[name] = "text"
    seen = [Column(name, _meant(types.get(name), kind, typed=False)) for name, kind in kinds.items() if kind]
    merged = {column.name: column.type for column in merge(known, seen)}
    fields = [arrow.Field(n, TYPES[merged[n]] if n in merged else arrow.DataType.null()) for n in names]
    return Incoming(tuple(seen), _csv_reader(text, fields))


def ndjson(text: bytes, known: tuple[Column, ...]) -> Incoming:
    """The page read by what it holds. Raises Failure, SchemaIncompatible."""
    with arrow_errors("NDJSON page"):
        schema = infer_json_schema(text)
    found = {name: _json_type(name, schema.field(position).type) for position, name in enumerate(schema.names)}
    ordered = {name: found[name] for name in (*first_keys(text), *found) if name in found}
    types = {column.name: column.type for column in known}
    seen = [Column(name, _meant(types.get(name), kind, typed=True)) for name, kind in ordered.items() if kind]
    merged = {column.name: column.type for column in merge(known, seen)}
    fields = [arrow.Field(column.name, TYPES[merged[column.name]]) for column in seen]
    with arrow_errors("NDJSON page"):
        reader = read_json(text, arrow.Schema(fields), batch_size=batch_rows(len(fields)))
    return Incoming(tuple(seen), reader)


def misfit(failure: Failure, names: list[str]) -> Failure:
    """A clearer word for a value that is not of its column's type."""
    json = _JSON_MISFIT.search(failure.message)
    if json is not None:
        return SchemaIncompatible(f"column {json[1]!r}: {json[2]}")
    csv_column = _CSV_MISFIT.search(failure.message)
    if csv_column is not None and int(csv_column[1]) < len(names):
        return SchemaIncompatible(f"column {names[int(csv_column[1])]!r}: {failure.message}")
    return failure


def undecided_names(incoming: Incoming) -> frozenset[str]:
    """Columns of the page that have no type yet."""
    return frozenset(incoming.reader.schema.names) - {column.name for column in incoming.columns}


def _meant(known: str | None, kind: str, *, typed: bool) -> str:
    if known in {"timestamp", "json"} and kind == "text":
        return known
    if not typed and known in {"text", "json", "timestamp"}:
        return known
    return kind


def _csv_reader(text: bytes, fields: list[arrow.Field]) -> arrow.RecordBatchReader:
    with arrow_errors("CSV page"):
        return read_csv(text, arrow.Schema(fields), has_header=True, batch_size=batch_rows(len(fields)))


def _header(text: bytes) -> list[str]:
    lines = io.StringIO(text[:_HEADER_LIMIT].decode("utf-8-sig", "replace"), newline="")
    try:
        names = next(csv.reader(lines), [])
    except csv.Error as error:
        raise Failure("permanent", f"CSV page: cannot read its header line: {error}") from None
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SchemaIncompatible(f"column {twice!r}: the CSV header names it twice")
    return names


def _csv_type(kind: arrow.DataType) -> str | None:
    found = column_type(kind)
    return "text" if found == "timestamp" else found


def _json_type(name: str, kind: arrow.DataType) -> str | None:
    found = column_type(kind)
    if found == "json":
        raise Failure("permanent", f"column {name!r}: a nested value; the connector must encode it as JSON text")
    return found


def _with_leading_zeros(text: bytes, names: list[str], integers: Iterable[str]) -> list[str]:
    """Columns of digits that are no numbers, like 00501: reading them as int64 would change them."""
    wanted = set(integers)
    if not wanted or not any(pattern.search(text) for pattern in _ZEROS):
        return []
    fields = [arrow.Field(n, TYPES["text"] if n in wanted else arrow.DataType.null()) for n in names]
    found: Mapping[str, int] = {}
    with arrow_errors("CSV page"):
        for raw in _csv_reader(text, fields):
            batch = arrow.RecordBatch.from_arrow(raw)
            for name in wanted - found.keys():
                values = batch.column(names.index(name)).to_pylist()
                if any(value is not None and _ZERO.match(value) for value in values):
                    found = {**found, name: 1}
    return list(found)
