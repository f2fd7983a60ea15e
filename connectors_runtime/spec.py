"""What one reading is to read, and the limits it must keep to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .columns import TYPES, Column, check_names
from .egress import Egress
from .errors import SchemaIncompatible, SpecInvalid

MAX_CONFIG_BYTES = 64 << 10
MAX_CURSOR_BYTES = 64 << 10
MAX_TABLE_BYTES = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSpec:
    """One table of one connector, from a cursor on.

    `wasm` is the connector; its machine code is kept in `cache_dir`. `columns` are the table's known columns,
    empty for a new table. Finished pages are written to `staging`. `call_seconds` limits the guest's own time in
    one call, `stall_seconds` any single wait for the network. `max_page_bytes` limits one batch of the guest and
    `max_body_bytes`, if given, one response body. Raises SpecInvalid.
    """

    wasm: Path
    cache_dir: Path
    staging: Path
    config: str
    table: str
    cursor: str | None = None
    columns: tuple[Column, ...] = ()
    egress: tuple[str, ...] = ()
    files_root: Path | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    memory_bytes: int = 256 << 20
    call_seconds: float = 30.0
    stall_seconds: float = 60.0
    compile_seconds: float = 120.0
    max_page_bytes: int = 16 << 20
    max_body_bytes: int | None = None

    def __post_init__(self) -> None:
        _check_text(self)
        _check_numbers(self)
        Egress.parse(self.egress)
        try:
            check_names(column.name for column in self.columns)
        except SchemaIncompatible as error:
            raise SpecInvalid(f"columns: {error}") from None
        for column in self.columns:
            if column.type not in TYPES:
                raise SpecInvalid(f"columns: {column.name!r}: {column.type!r} must be one of {', '.join(TYPES)}")

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values. Holds the secrets: for the socket only."""
        value = asdict(self)
        for name in ("wasm", "cache_dir", "staging", "files_root"):
            value[name] = None if value[name] is None else str(value[name])
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ReadSpec:
        """The spec that `to_json` wrote."""
        fields = dict(value)
        for name in ("wasm", "cache_dir", "staging", "files_root"):
            fields[name] = None if fields[name] is None else Path(fields[name])
        fields["columns"] = tuple(Column(**column) for column in fields["columns"])
        fields["egress"] = tuple(fields["egress"])
        return cls(**fields)


def _check_text(spec: ReadSpec) -> None:
    if len(spec.config.encode()) > MAX_CONFIG_BYTES:
        raise SpecInvalid(f"config: longer than {MAX_CONFIG_BYTES:,} bytes")
    if spec.cursor is not None and len(spec.cursor.encode()) > MAX_CURSOR_BYTES:
        raise SpecInvalid(f"cursor: longer than {MAX_CURSOR_BYTES:,} bytes")
    if not 0 < len(spec.table.encode()) <= MAX_TABLE_BYTES:
        raise SpecInvalid("table: must be 1 to 1,024 bytes")
    for name in ("wasm", "cache_dir", "staging", "files_root"):
        path = getattr(spec, name)
        if path is not None and not path.is_absolute():
            raise SpecInvalid(f"{name}: {path}: must be an absolute path")
    empty = [name for name, value in spec.secrets.items() if not value]
    if empty:
        raise SpecInvalid(f"secrets: {empty[0]!r} is empty")


def _check_numbers(spec: ReadSpec) -> None:
    for name in ("memory_bytes", "call_seconds", "stall_seconds", "compile_seconds", "max_page_bytes"):
        if getattr(spec, name) <= 0:
            raise SpecInvalid(f"{name}: must be more than 0")
    if spec.max_body_bytes is not None and spec.max_body_bytes <= 0:
        raise SpecInvalid("max_body_bytes: must be more than 0")
