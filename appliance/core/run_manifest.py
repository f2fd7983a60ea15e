"""The run manifest: the object whose writing commits what a run landed of one table."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from appliance.core.errors import Invalid
from appliance.core.landing import check_landed_name, is_part_name, part_name
from appliance.core.strict_json import Fields, time_text, to_json

FORMAT = 1

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Part:
    """One committed Parquet file, beside its run manifest. `sha256` is of the whole file, 64 hex digits."""

    name: str
    rows: int
    bytes: int
    sha256: str

    @classmethod
    def of(cls, seq: int, *, rows: int, size: int, sha256: str) -> Part:
        return cls(name=part_name(seq, sha256), rows=rows, bytes=size, sha256=sha256)


@dataclass(frozen=True, slots=True)
class RunManifest:
    """What one node landed of one run into one table, in the order of `parts`.

    `sequence` orders the runs of a table: of two rows with one primary key, the later sequence is shown.
    `cursor` is where the next run starts. The schema is None while no row has named a column.
    """

    run_id: str
    pipeline_id: str
    table: str
    landed_name: str
    node_id: str
    revision: int
    sequence: int
    fence: int
    committed_at: datetime
    cursor: str | None
    parts: tuple[Part, ...]
    schema_version: int | None = None
    schema_fingerprint: str | None = None

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)

    @property
    def total_bytes(self) -> int:
        return sum(part.bytes for part in self.parts)

    def to_bytes(self) -> bytes:
        """Equal manifests give equal bytes. Raises Invalid for one that `from_bytes` would refuse."""
        values = asdict(self) | {
            "format": FORMAT,
            "committed_at": time_text(self.committed_at),
            "rows": self.rows,
            "bytes": self.total_bytes,
        }
        data = to_json(values, "run manifest") + b"\n"
        self.from_bytes(data)
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> RunManifest:
        """Raises Invalid, naming the field, for anything that this version would not have written."""
        return _parsed(Fields.of(data, "run manifest"))


def _parsed(found: Fields) -> RunManifest:
    if (version := found.number("format")) != FORMAT:
        raise Invalid(f"run manifest: format {version}, this version reads {FORMAT}")
    found.only({field.name for field in fields(RunManifest)} | {"format", "rows", "bytes"})
    manifest = RunManifest(
        run_id=found.text("run_id"),
        pipeline_id=found.text("pipeline_id"),
        table=found.text("table"),
        landed_name=check_landed_name(found.text("landed_name")),
        node_id=found.text("node_id"),
        revision=found.number("revision"),
        sequence=found.number("sequence"),
        fence=found.number("fence"),
        committed_at=found.moment("committed_at"),
        cursor=None if found.is_null("cursor") else found.text("cursor"),
        parts=_parts(found.items("parts")),
        schema_version=None if found.is_null("schema_version") else found.number("schema_version"),
        schema_fingerprint=None if found.is_null("schema_fingerprint") else found.text("schema_fingerprint"),
    )
    if (manifest.rows, manifest.total_bytes) != (found.number("rows"), found.number("bytes")):
        raise Invalid("run manifest: rows and bytes are not the sums of the parts")
    return manifest


def _parts(items: list[object]) -> tuple[Part, ...]:
    parts = tuple(_part(item, f"run manifest: parts[{place}]") for place, item in enumerate(items))
    if len({part.name for part in parts}) != len(parts):
        raise Invalid("run manifest: parts: a part is named twice")
    return parts


def _part(item: object, where: str) -> Part:
    found = Fields.within(item, where)
    found.only({field.name for field in fields(Part)})
    part = Part(found.text("name"), found.number("rows"), found.number("bytes"), found.text("sha256"))
    if not is_part_name(part.name):
        raise Invalid(f"{where}: name: {part.name[:80]!r} is not the name of a part")
    if not _DIGEST.fullmatch(part.sha256) or not part.name.endswith(f"-{part.sha256[:16]}.parquet"):
        raise Invalid(f"{where}: sha256: not 64 hex digits that begin as the part's name says")
    return part
