"""Lands rows as a run would, with the shipped Parquet types, and reads them back with DuckDB alone."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import arro3.core as arrow
import duckdb
from arro3.io import write_parquet

from appliance.core.landing import Column, part_key, view_key
from appliance.core.objects import ObjectStore
from appliance.core.run_manifest import Part, RunManifest
from appliance.services.land import Land, Landed
from connectors_runtime.arrow_tables import TYPES

TABLE = "shop_orders"
NODE = "node-1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = Mapping[str, object]


def parquet(columns: Sequence[Column], rows: Sequence[Row]) -> bytes:
    """A Parquet file of these rows, as a connector's page is written."""
    schema = arrow.Schema([arrow.Field(column.name, TYPES[column.type], nullable=True) for column in columns])
    arrays = [_array(column, [row.get(column.name) for row in rows]) for column in columns]
    file = io.BytesIO()
    write_parquet(arrow.Table.from_arrays(arrays, schema=schema), file, skip_arrow_metadata=True)
    return file.getvalue()


def _array(column: Column, values: list[object]) -> arrow.Array:
    if column.type != "timestamp":
        return arrow.Array(values, type=TYPES[column.type])
    # arro3 makes no timestamps out of Python values.
    micros = [
        (value - _EPOCH) // timedelta(microseconds=1) if isinstance(value, datetime) else None for value in values
    ]
    return arrow.Array(micros, type=TYPES["int64"]).cast(TYPES["timestamp"])


@dataclass(frozen=True)
class Orders:
    """One landed table of a store. `pages` of a run become one part each."""

    objects: ObjectStore
    primary_key: tuple[str, ...] = ("id",)

    def land(self, sequence: int, columns: Sequence[Column], *pages: Sequence[Row]) -> Landed:
        """A whole run."""
        return self.commit(self.draft(sequence, self.put_parts(sequence, columns, *pages)), columns)

    def put_parts(self, sequence: int, columns: Sequence[Column], *pages: Sequence[Row]) -> tuple[Part, ...]:
        """What a run does before it commits."""
        parts = []
        for seq, rows in enumerate(pages):
            data = parquet(columns, rows)
            digest = hashlib.sha256(data).hexdigest()
            self.objects.put(part_key(TABLE, run_id(sequence), NODE, seq=seq, sha256=digest), data)
            parts.append(Part.of(seq, rows=len(rows), size=len(data), sha256=digest))
        return tuple(parts)

    def draft(self, sequence: int, parts: tuple[Part, ...]) -> RunManifest:
        return RunManifest(
            run_id=run_id(sequence),
            pipeline_id="shop",
            table="Orders",
            landed_name=TABLE,
            node_id=NODE,
            revision=1,
            sequence=sequence,
            fence=1,
            committed_at=datetime(2026, 1, 1, 12, sequence % 60, tzinfo=UTC),
            cursor=f"after {sequence}",
            parts=parts,
        )

    def commit(self, draft: RunManifest, columns: Sequence[Column]) -> Landed:
        return Land(self.objects).commit_table(draft, columns, primary_key=self.primary_key)

    def query(self, sql: str = "SELECT * FROM shop_orders ORDER BY ALL", *, root: Path | None = None) -> list[Row]:
        """What somebody sees who has nothing but DuckDB and the store."""
        with duckdb.connect() as connection:
            if root is not None:
                connection.execute(f"SET VARIABLE hakiri_root = '{root}'")
            connection.execute(self.objects.get(view_key(TABLE)).decode())
            found = connection.sql(sql)
            names = found.columns
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def run_id(sequence: int) -> str:
    return f"shop@20260101T12{sequence:02d}00Z"


def copied(objects: ObjectStore, folder: Path) -> Path:
    """Every object of the store as a file of the same name under `folder`."""
    for info in list(objects.list("")):
        file = folder / info.key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(objects.get(info.key))
    return folder
