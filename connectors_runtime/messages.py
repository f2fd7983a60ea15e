"""What a reading tells the process that asked for it, and how both ends write it: length-prefixed JSON."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .columns import Column
from .errors import ProtocolBroken

FAILURE_KINDS = ("transient", "permanent", "auth_expired", "rate_limited", "schema_incompatible", "limit", "cancelled")
LEVELS = ("debug", "info", "warning", "error")
MAX_MESSAGE = 8 << 20
PREFIX = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Started:
    """`monotonic_ns` is CLOCK_MONOTONIC just before the first instruction of the guest, comparable across processes."""

    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class Log:
    """One masked line. `level` is one of LEVELS."""

    level: str
    message: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Totals of the reading so far; at most one a second."""

    bytes: int
    requests: int


@dataclass(frozen=True, slots=True)
class Page:
    """A finished Parquet file in the staging directory, and the cursor that resumes after it.

    `path` is absolute; whoever receives it owns the file and syncs it. `columns` are all columns of the
    table so far. The next page is asked for only after `acknowledge`.
    """

    path: str
    rows: int
    bytes: int
    sha256: str
    cursor: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing more to read now; `cursor` resumes here."""

    cursor: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The end without success. `kind` is one of FAILURE_KINDS; the message is masked."""

    kind: str
    message: str
    retry_after_seconds: int | None = None


Message = Started | Log | Progress | Page | Done | Failed
_BY_NAME: Mapping[str, Callable[..., Message]] = {
    "started": Started,
    "log": Log,
    "progress": Progress,
    "page": Page,
    "done": Done,
    "failed": Failed,
}


def frame(value: Mapping[str, Any]) -> bytes:
    """One JSON object as it travels."""
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    if len(body) > MAX_MESSAGE:
        raise ProtocolBroken(f"a message of {len(body):,} bytes; the limit is {MAX_MESSAGE:,}")
    return PREFIX.pack(len(body)) + body


def unframe(buffer: bytearray) -> dict[str, Any] | None:
    """Take the first whole object off the buffer; None while it is incomplete. Raises ProtocolBroken."""
    if len(buffer) < PREFIX.size:
        return None
    (size,) = PREFIX.unpack_from(buffer)
    if size > MAX_MESSAGE:
        raise ProtocolBroken(f"a message of {size:,} bytes; the limit is {MAX_MESSAGE:,}")
    if len(buffer) < PREFIX.size + size:
        return None
    body = bytes(buffer[PREFIX.size : PREFIX.size + size])
    del buffer[: PREFIX.size + size]
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProtocolBroken(f"a message that is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ProtocolBroken("a message that is not a JSON object")
    return value


def encode(message: Message) -> bytes:
    """A message as it travels."""
    return frame({"is": type(message).__name__.lower(), **asdict(message)})


def decode(value: dict[str, Any]) -> Message:
    """The message in an object that `unframe` gave. Raises ProtocolBroken."""
    fields = dict(value)
    name = fields.pop("is", None)
    make = _BY_NAME.get(name) if isinstance(name, str) else None
    if make is None:
        raise ProtocolBroken(f"an unknown message: {str(name)[:40]!r}")
    try:
        if "columns" in fields:
            fields["columns"] = tuple(Column(**column) for column in fields["columns"])
        return make(**fields)
    except TypeError as error:
        raise ProtocolBroken(f"a broken {name} message: {error}") from None
