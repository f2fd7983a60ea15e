"""One batch of a guest becomes one Parquet file in the staging directory, by way of Arrow."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import arro3.core as arrow
from arro3.io import read_ipc_stream, read_parquet, write_parquet

from .arrow_tables import Incoming, NotNull, Shape, arrow_errors, batch_rows, column_type
from .columns import Column, check_names, merge
from .contract import ArrowIpc, Batch, Csv, Ndjson, ParquetPart
from .errors import Failure
from .parquet_footer import Footer, RowGroups
from .text_batches import inferred_csv, known_csv, misfit, ndjson, undecided_names

CREATED_BY = "hakiri"
COMPRESSION = "zstd(1)"
# Small enough that a row group being written stays far below the memory of the guest.
ROW_GROUP_ROWS = 128 << 10


@dataclass(frozen=True, slots=True)
class Written:
    """A Parquet file, not yet synced."""

    path: Path
    rows: int
    bytes: int
    sha256: str
    columns: tuple[Column, ...]


@dataclass(slots=True)
class PageWriter:
    """Carries the columns of the table over the pages of one reading.

    `open_parquet` gives a file descriptor and the footer of a granted file. The bytes of a page depend on its
    batch and the columns before it only.
    """

    staging: Path
    columns: tuple[Column, ...]
    open_parquet: Callable[[str], tuple[int, Footer]]
    _undecided: frozenset[str] = frozenset()
    _pages: int = 0

    def write(self, batch: Batch) -> Written | None:
        """None if the batch holds no rows. Raises Failure, SchemaIncompatible."""
        match batch:
            case Csv(text):
                return self._write_csv(text)
            case Ndjson(text):
                return self._write_text(ndjson(text, self.columns))
            case ArrowIpc(data):
                with arrow_errors("Arrow page"):
                    reader = read_ipc_stream(data)
                return self._write(_typed(reader))
            case ParquetPart():
                return self._write_part(batch)

    def _write_csv(self, text: bytes) -> Written | None:
        quick = known_csv(text, self.columns, self._undecided)
        if quick is not None:
            try:
                return self._write(quick)
            except (NotNull, Failure):
                # Something does not fit the known types; what the page holds decides whether they may widen.
                pass
        return self._write_text(inferred_csv(text, self.columns))

    def _write_text(self, incoming: Incoming) -> Written | None:
        try:
            return self._write(incoming)
        except Failure as failure:
            raise misfit(failure, incoming.reader.schema.names) from None

    def _write_part(self, part: ParquetPart) -> Written | None:
        fd, footer = self.open_parquet(part.path)
        groups = len(footer.row_groups)
        if not 0 < part.row_groups <= groups or part.first_row_group > groups - part.row_groups:
            wanted = f"{part.first_row_group} to {part.first_row_group + part.row_groups - 1}"
            raise Failure("permanent", f"{part.path!r} has {groups} row groups, not {wanted}")
        view: Any = RowGroups(fd, footer, part.first_row_group, part.row_groups)
        with arrow_errors(f"Parquet file {part.path!r}"):
            reader = read_parquet(view, batch_size=batch_rows(1))
        return self._write(_typed(reader))

    def _write(self, incoming: Incoming) -> Written | None:
        merged = merge(self.columns, incoming.columns)
        if not merged:
            return None
        shape = Shape(merged)
        unfinished = self.staging / f"{os.getpid()}-{self._pages:06d}.unfinished"
        try:
            with unfinished.open("xb", buffering=0) as file:
                size, digest = _store(shape, incoming, file)
            if not shape.rows:
                return None
            path = unfinished.with_name(f"{os.getpid()}-{self._pages:06d}-{digest[:16]}.parquet")
            unfinished.rename(path)
        finally:
            unfinished.unlink(missing_ok=True)
        self._pages += 1
        self._undecided = (self._undecided | undecided_names(incoming)) - {column.name for column in merged}
        self.columns = merged
        return Written(path, shape.rows, size, digest, merged)


class _Digested(io.RawIOBase):
    """A file that is hashed while it is written, so that no page is read back."""

    def __init__(self, file: io.FileIO) -> None:
        super().__init__()
        self._file = file
        self.size = 0
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override] # arro3 hands over bytes
        """All of it."""
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]
        self.sha256.update(data)
        self.size += len(data)
        return len(data)


@dataclass(slots=True)
class _Kept:
    """What a generator raised, which arro3 would hand on as text."""

    error: BaseException | None = None


def _store(shape: Shape, incoming: Incoming, file: io.FileIO) -> tuple[int, str]:
    sink, kept = _Digested(file), _Kept()
    out: Any = sink  # arro3 asks for typing.IO, and needs only this
    batches = arrow.RecordBatchReader.from_batches(shape.schema, _keeping(shape.align(incoming), kept))
    try:
        with arrow_errors("page"):
            write_parquet(
                batches,
                out,
                compression=COMPRESSION,
                created_by=CREATED_BY,
                max_row_group_size=ROW_GROUP_ROWS,
                skip_arrow_metadata=True,
            )
    except Failure:
        if kept.error is not None:
            raise kept.error from None
        raise
    return sink.size, sink.sha256.hexdigest()


def _keeping(batches: Iterator[arrow.RecordBatch], kept: _Kept) -> Iterator[arrow.RecordBatch]:
    try:
        with arrow_errors("page"):
            yield from batches
    except BaseException as error:
        kept.error = error
        raise


def _typed(reader: arrow.RecordBatchReader) -> Incoming:
    names = reader.schema.names
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Failure("schema_incompatible", f"column {twice!r} appears twice in one page")
    check_names(names)
    fields = [reader.schema.field(position) for position in range(len(names))]
    kinds = [(f.name, column_type(f.type), f.nullable) for f in fields]
    return Incoming(tuple(Column(name, kind, nullable) for name, kind, nullable in kinds if kind), reader)
