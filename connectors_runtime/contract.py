"""The values of `hakiri:connector` in Python: what a guest hands over, whatever form it was compiled to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ndjson:
    """One JSON object a line, UTF-8 as it came."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Csv:
    """RFC 4180 with a header line, UTF-8 as it came."""

    text: bytes


@dataclass(frozen=True, slots=True)
class ArrowIpc:
    """One Arrow IPC stream."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ParquetPart:
    """Row groups of a Parquet file under the granted root."""

    path: str
    first_row_group: int
    row_groups: int


Batch = Ndjson | Csv | ArrowIpc | ParquetPart
