"""What a landed table looks like: its columns, how they may change, and the keys of its objects."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from appliance.core.errors import Conflict, Invalid

COLUMN_TYPES = ("boolean", "int64", "float64", "text", "bytes", "timestamp", "json")
MAX_COLUMNS = 2_000
MAX_COLUMN_NAME_BYTES = 255

_LANDED_NAME = re.compile(r"[a-z0-9_]{1,200}")
_NODE_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_RUN_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._@+-]{0,199}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PART_NAME = re.compile(r"part-[0-9]{5,}-[0-9a-f]{16}\.parquet")


class SchemaIncompatible(Conflict):
    """The rows do not fit the table they should land in. Nothing landed."""

    code = "schema_incompatible"


@dataclass(frozen=True, slots=True)
class Column:
    """One column as it lands. `timestamp` is microseconds in UTC; `json` is text that holds JSON."""

    name: str
    type: str
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """The columns of a landed table, in order. `version` counts from 1 and grows with every change."""

    version: int
    columns: tuple[Column, ...]

    @property
    def fingerprint(self) -> str:
        """Equal for equal columns, whatever their version; 16 hex digits."""
        text = json.dumps([[c.name, c.type, c.nullable] for c in self.columns], separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """What one version changed: names of new columns, of widened ones with both types, of ones that may now be null."""

    added: tuple[str, ...]
    widened: Mapping[str, tuple[str, str]]
    relaxed: tuple[str, ...]


def evolve(previous: SchemaVersion | None, columns: Iterable[Column]) -> SchemaVersion | None:
    """The schema after rows with these columns: `previous` itself if nothing changes, None if nothing is known yet.

    New columns, int64 to float64, and a column that may now be null are accepted. A column that these
    rows lack stays. Raises SchemaIncompatible for any other change, Invalid for columns that cannot be.
    """
    known = {column.name: column for column in previous.columns} if previous else {}
    merged = dict(known)
    arrived = _checked(tuple(columns))
    for column in arrived:
        old = known.get(column.name)
        # Rows that landed before the column appeared have no value for it.
        new = replace(column, nullable=column.nullable or previous is not None)
        merged[column.name] = _widened(old, column) if old else new
    for name in known.keys() - {column.name for column in arrived}:
        if arrived:
            merged[name] = replace(merged[name], nullable=True)
    result = _checked(tuple(merged.values()))
    if not result or (previous and result == previous.columns):
        return previous
    return SchemaVersion(previous.version + 1 if previous else 1, result)


def change(previous: SchemaVersion | None, current: SchemaVersion) -> SchemaChange:
    """What `current` has that `previous` had not."""
    known = {column.name: column for column in previous.columns} if previous else {}
    kept = [(known[column.name], column) for column in current.columns if column.name in known]
    return SchemaChange(
        added=tuple(column.name for column in current.columns if column.name not in known),
        widened={new.name: (old.type, new.type) for old, new in kept if old.type != new.type},
        relaxed=tuple(new.name for old, new in kept if new.nullable and not old.nullable),
    )


def schema_key(landed_name: str) -> str:
    return f"{_table(landed_name)}/schema.json"


def history_key(landed_name: str) -> str:
    return f"{_table(landed_name)}/schema-history.jsonl"


def view_key(landed_name: str) -> str:
    return f"views/{check_landed_name(landed_name)}.sql"


def runs_prefix(landed_name: str) -> str:
    """Under which every run of the table has a folder for each node that worked on it."""
    return f"{_table(landed_name)}/data/runs/"


def run_prefix(landed_name: str, run_id: str, node_id: str) -> str:
    """The folder of what one node landed of one run. Raises Invalid for ids that are no folder names."""
    if not _RUN_ID.fullmatch(run_id):
        raise Invalid(f"run id {run_id[:80]!r}: a run's folder is named by letters, digits and . _ @ + -")
    if not _NODE_ID.fullmatch(node_id):
        raise Invalid(f"node id {node_id[:80]!r}: at most 64 letters, digits and . _ -")
    return f"{runs_prefix(landed_name)}{run_id}/{node_id}/"


def part_name(seq: int, sha256: str) -> str:
    """The digest is in the name: a late writer can leave an orphan, never overwrite a committed part."""
    if seq < 0 or not _DIGEST.fullmatch(sha256):
        raise Invalid(f"part {seq}, sha256 {sha256[:80]!r}: a part has a number from 0 and a digest of 64 hex digits")
    return f"part-{seq:05d}-{sha256[:16]}.parquet"


def part_key(landed_name: str, run_id: str, node_id: str, *, seq: int, sha256: str) -> str:
    return run_prefix(landed_name, run_id, node_id) + part_name(seq, sha256)


def is_part_name(name: str) -> bool:
    return _PART_NAME.fullmatch(name) is not None


def manifest_key(landed_name: str, run_id: str, node_id: str) -> str:
    """The run manifest: what commits the run, for this table and node."""
    return f"{run_prefix(landed_name, run_id, node_id)}_manifest.json"


def check_landed_name(landed_name: str) -> str:
    """Return it unchanged. Raises Invalid for a name that is no folder of the store."""
    if not _LANDED_NAME.fullmatch(landed_name):
        raise Invalid(f"table {landed_name[:80]!r}: a landed name has 1 to 200 of a-z, 0-9 and _")
    return landed_name


def _table(landed_name: str) -> str:
    return f"tables/{check_landed_name(landed_name)}"


def _widened(old: Column, new: Column) -> Column:
    nullable = old.nullable or new.nullable
    if old.type == new.type or (old.type, new.type) == ("float64", "int64"):
        return replace(old, nullable=nullable)
    if (old.type, new.type) == ("int64", "float64"):
        return Column(old.name, "float64", nullable)
    raise SchemaIncompatible(f"column {old.name!r}: the table has {old.type}, these rows have {new.type}")


def _checked(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    seen: dict[str, str] = {}
    for column in columns:
        _check_column(column)
        twin = seen.setdefault(column.name.casefold(), column.name)
        if twin != column.name:
            raise SchemaIncompatible(f"column {column.name!r}: there is {twin!r}; names must differ in more than case")
    if len(seen) != len(columns):
        raise Invalid("a column is named twice")
    if len(columns) > MAX_COLUMNS:
        raise SchemaIncompatible(f"{len(columns)} columns, a table may have {MAX_COLUMNS}")
    return columns


def _check_column(column: Column) -> None:
    if column.type not in COLUMN_TYPES:
        raise Invalid(f"column {column.name[:80]!r}: type {column.type[:80]!r} is none of {', '.join(COLUMN_TYPES)}")
    if not column.name:
        raise Invalid("a column has an empty name")
    if len(column.name.encode("utf-8", "surrogatepass")) > MAX_COLUMN_NAME_BYTES:
        raise Invalid(f"column {column.name[:40]!r}…: the name is longer than {MAX_COLUMN_NAME_BYTES} bytes")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in column.name):
        raise Invalid(f"column {column.name[:80]!r}: the name holds control characters")
