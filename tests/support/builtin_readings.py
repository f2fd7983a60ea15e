"""Runs a built-in connector through the real zygote and collects what it landed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arro3.io import read_parquet

from connectors_runtime import builtin
from connectors_runtime.client import Done, Failed, Log, Page, ReadSpec, Zygote

Row = dict[str, Any]
_PATIENCE = 60.0


def module_of(connector: str) -> Path:
    """The committed module of a built-in connector."""
    return Path(builtin.__file__).parent / connector / f"{connector}.wasm"


@dataclass(slots=True)
class Read:
    """What came of one reading. `pages` holds each page's rows, `cursors` the cursor after it."""

    pages: list[list[Row]] = field(default_factory=list)
    cursors: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    cursor: str | None = None
    failed: Failed | None = None

    @property
    def rows(self) -> list[Row]:
        """All rows, in the order they landed."""
        return [row for page in self.pages for row in page]

    @property
    def ids(self) -> list[Any]:
        """The `id` of every row."""
        return [row["id"] for row in self.rows]

    def failure(self) -> tuple[str, str]:
        """Kind and message; the reading must have failed."""
        assert self.failed is not None, f"read {len(self.rows)} rows instead of failing"
        return self.failed.kind, self.failed.message


@dataclass(frozen=True, slots=True)
class Readings:
    """Reads tables with one connector and one set of grants."""

    zygote: Zygote
    home: Path
    connector: str
    egress: tuple[str, ...] = ()
    files_root: Path | None = None

    def read(
        self,
        config: Mapping[str, object],
        *,
        table: str = "orders",
        cursor: str | None = None,
        incremental: str | None = None,
        primary_key: Sequence[str] = (),
        secrets: Mapping[str, str] | None = None,
        memory_bytes: int = 256 << 20,
        keep_rows: bool = True,
        stop_after: int | None = None,
    ) -> Read:
        """To the end, or killed after `stop_after` acknowledged pages."""
        given = {
            "config": config,
            "table": {"name": table, "primary_key": list(primary_key)},
            "incremental": {"field": incremental} if incremental else None,
        }
        spec = ReadSpec(
            wasm=module_of(self.connector),
            cache_dir=self.home / "cache",
            staging=self.home / "staging",
            config=json.dumps(given),
            table=table,
            cursor=cursor,
            egress=self.egress,
            files_root=self.files_root,
            secrets=secrets or {},
            memory_bytes=memory_bytes,
        )
        return self._collect(spec, keep_rows=keep_rows, stop_after=stop_after)

    def _collect(self, spec: ReadSpec, *, keep_rows: bool, stop_after: int | None) -> Read:
        read = Read()
        with self.zygote.open(spec) as reading:
            while len(read.pages) != stop_after:
                match reading.receive(_PATIENCE):
                    case None:
                        raise AssertionError(f"no word from the connector for {_PATIENCE} s")
                    case Page() as page:
                        read.pages.append(_rows(page) if keep_rows else [{"rows": page.rows}])
                        read.cursors.append(page.cursor)
                        Path(page.path).unlink()
                        reading.acknowledge()
                    case Log() as line:
                        read.logs.append(line.message)
                    case Done() as done:
                        read.cursor = done.cursor
                        return read
                    case Failed() as failed:
                        read.failed = failed
                        return read
        return read


def _rows(page: Page) -> list[Row]:
    rows: list[Row] = read_parquet(page.path).read_all().to_struct_array().to_pylist()
    return rows


@contextmanager
def ready(
    home: Path, connector: str, *, egress: tuple[str, ...] = (), files_root: Path | None = None
) -> Iterator[Readings]:
    """Everything that the readings keep is under `home`; the zygote and the compiled module serve all of them."""
    for name in ("cache", "staging"):
        (home / name).mkdir(exist_ok=True)
    with Zygote() as zygote:
        yield Readings(zygote, home, connector, egress, files_root)
