"""`schema.json` of a landed table: its columns now, and every change that led there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from appliance.core.errors import Invalid
from appliance.core.landing import Column, SchemaVersion, change, evolve
from appliance.core.strict_json import Fields, time_text, to_json

FORMAT = 1


@dataclass(frozen=True, slots=True)
class SchemaRecord:
    """A schema with its history, oldest first; each entry is one line of `schema-history.jsonl`."""

    landed_name: str
    schema: SchemaVersion
    history: tuple[Mapping[str, object], ...]

    def to_bytes(self) -> bytes:
        values = {
            "format": FORMAT,
            "table": self.landed_name,
            "version": self.schema.version,
            "fingerprint": self.schema.fingerprint,
            "columns": [asdict(column) for column in self.schema.columns],
            "history": [dict(entry) for entry in self.history],
        }
        return to_json(values, "schema.json") + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> SchemaRecord:
        """Raises Invalid, naming the field."""
        found = Fields.of(data, "schema.json")
        if (version := found.number("format")) != FORMAT:
            raise Invalid(f"schema.json: format {version}, this version reads {FORMAT}")
        found.only({"format", "table", "version", "fingerprint", "columns", "history"})
        columns = tuple(_column(item, f"schema.json: columns[{n}]") for n, item in enumerate(found.items("columns")))
        schema = SchemaVersion(found.number("version"), columns)
        # Also proves that these are columns that could have landed.
        evolve(None, columns)
        if schema.fingerprint != found.text("fingerprint"):
            raise Invalid("schema.json: fingerprint: is not that of the columns; the object was changed by hand")
        items = enumerate(found.items("history"))
        history = tuple(Fields.within(item, f"schema.json: history[{n}]").values for n, item in items)
        return cls(found.text("table"), schema, history)

    def history_bytes(self) -> bytes:
        """The whole of `schema-history.jsonl`."""
        return b"".join(to_json(entry, "schema history") + b"\n" for entry in self.history)


def next_record(
    landed_name: str, previous: SchemaRecord | None, schema: SchemaVersion, *, run_id: str, at: datetime
) -> SchemaRecord:
    """`schema` on top of what was known, with the entry that says which run brought it."""
    changed = change(previous.schema if previous else None, schema)
    entry = {
        "version": schema.version,
        "fingerprint": schema.fingerprint,
        "run_id": run_id,
        "recorded_at": time_text(at),
        "added": [{"name": c.name, "type": c.type} for c in schema.columns if c.name in changed.added],
        "widened": [{"name": name, "from": old, "to": new} for name, (old, new) in changed.widened.items()],
        "relaxed": list(changed.relaxed),
    }
    return SchemaRecord(landed_name, schema, (*(previous.history if previous else ()), entry))


def _column(item: object, where: str) -> Column:
    found = Fields.within(item, where)
    found.only({"name", "type", "nullable"})
    return Column(found.text("name"), found.text("type"), found.flag("nullable"))
