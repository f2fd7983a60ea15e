"""The DuckDB view of a landed table: SQL that runs with nothing of ours installed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.core.landing import SchemaIncompatible, check_landed_name, runs_prefix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.core.landing import SchemaVersion

# In the Parquet files JSON is text. DuckDB reads it as that and the view casts it.
_STORED = {
    "boolean": "BOOLEAN",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "text": "VARCHAR",
    "bytes": "BLOB",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "json": "VARCHAR",
}
_SHOWN = _STORED | {"json": "JSON"}
_VERSION = re.compile(rb"-- [a-z0-9_]+: schema version ([1-9][0-9]{0,8}), ")
_NO_ROWS = "-- No run has landed a row yet."


def view_sql(
    landed_name: str, schema: SchemaVersion, *, primary_key: Sequence[str], location: str, has_rows: bool
) -> str:
    """The statement that makes the view `landed_name` over the store at `location`.

    It shows the parts that a run manifest names and no other; of rows with one primary key the latest:
    the greatest run sequence, then the last part, then the last row. Without a primary key, every row.
    `has_rows` says that a committed run has parts; DuckDB refuses to look for files where none are.
    Raises SchemaIncompatible when a primary key's column is not in the schema.
    """
    check_primary_key(landed_name, schema, primary_key)
    lines = [
        f"-- {landed_name}: schema version {schema.version}, fingerprint {schema.fingerprint}.",
        *([] if has_rows else [_NO_ROWS]),
        "-- Written by hakiri-control whenever the schema changes; what you change here is lost.",
        "-- To read a copy of the store: SET VARIABLE hakiri_root = '/where/the/copy/is';",
        f"CREATE OR REPLACE VIEW {_name(check_landed_name(landed_name))} AS",
        *(_rows(landed_name, schema, primary_key, location) if has_rows else _no_rows(schema)),
    ]
    return "\n".join(lines) + ";\n"


def schema_version_of(view: bytes) -> int:
    """The schema version that the view was written for; 0 if it is not one of ours."""
    found = _VERSION.match(view)
    return int(found[1]) if found else 0


def shows_rows(view: bytes) -> bool:
    """Whether the view was written when a committed run had parts."""
    lines = view.split(b"\n", 2)
    return schema_version_of(view) > 0 and len(lines) > 1 and lines[1] != _NO_ROWS.encode()


def check_primary_key(landed_name: str, schema: SchemaVersion, primary_key: Sequence[str]) -> None:
    """Raises SchemaIncompatible when a column of the key is not in the schema."""
    names = [column.name for column in schema.columns]
    for name in primary_key:
        if name not in names:
            some = ", ".join(names[:20])
            raise SchemaIncompatible(f"table {landed_name}: the primary key {name!r} is not a column; there are {some}")


def _no_rows(schema: SchemaVersion) -> list[str]:
    columns = [f"CAST(NULL AS {_SHOWN[column.type]}) AS {_name(column.name)}" for column in schema.columns]
    return ["SELECT", _indented(columns), "WHERE false"]


def _rows(landed_name: str, schema: SchemaVersion, primary_key: Sequence[str], location: str) -> list[str]:
    root = f"coalesce(getvariable('hakiri_root'), {_text(_literal_glob(location))})"
    folders = f"{root} || '/{runs_prefix(landed_name)}*/*/"
    return [
        *_committed(folders),
        *_landed(folders, schema),
        "SELECT",
        _indented(_shown(schema)),
        "FROM landed JOIN committed USING (file)",
        *_latest(schema, primary_key),
    ]


def _committed(folders: str) -> list[str]:
    return [
        "WITH runs AS (",
        "  SELECT sequence, committed_at, run_id, parts, regexp_replace(filename, '[^/]+$', '') AS folder",
        f"  FROM read_json({folders}_manifest.json', format = 'unstructured', filename = true,",
        "    hive_partitioning = false, columns = {'sequence': 'BIGINT', 'committed_at': 'VARCHAR',",
        "    'run_id': 'VARCHAR', 'parts': 'STRUCT(name VARCHAR)[]'})",
        "),",
        "committed AS (",
        "  SELECT sequence, committed_at, run_id, generate_subscripts(parts, 1) AS part,",
        "    folder || unnest(parts).name AS file",
        "  FROM runs",
        "),",
    ]


def _landed(folders: str, schema: SchemaVersion) -> list[str]:
    return [
        "landed AS (",
        f"  SELECT {', '.join(f'c{place}' for place in range(len(schema.columns)))},",
        "    filename AS file, file_row_number AS place",
        f"  FROM read_parquet({folders}part-*.parquet', hive_partitioning = false, schema = MAP {{",
        _indented(_stored(schema)),
        "  })",
        ")",
    ]


def _stored(schema: SchemaVersion) -> list[str]:
    # Columns get plain names here: one that is called file_row_number would hide DuckDB's own.
    # The type and the default let files stand that are narrower or older than the column.
    return [
        f"{_text(column.name)}: {{'name': 'c{place}', 'type': '{_STORED[column.type]}', 'default_value': NULL}}"
        for place, column in enumerate(schema.columns)
    ]


def _shown(schema: SchemaVersion) -> list[str]:
    return [
        f"CAST(c{place} AS {_SHOWN[column.type]}) AS {_name(column.name)}"
        for place, column in enumerate(schema.columns)
    ]


def _latest(schema: SchemaVersion, primary_key: Sequence[str]) -> list[str]:
    if not primary_key:
        return []
    names = [column.name for column in schema.columns]
    keys = ", ".join(f"c{names.index(name)}" for name in primary_key)
    order = ", ".join(f"{name} DESC" for name in ("sequence", "committed_at", "run_id", "part", "place"))
    return [f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {order}) = 1"]


def _indented(items: list[str]) -> str:
    return ",\n".join(f"    {item}" for item in items)


def _name(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _text(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _literal_glob(path: str) -> str:
    return re.sub(r"[*?\[]", lambda found: f"[{found[0]}]", path)
