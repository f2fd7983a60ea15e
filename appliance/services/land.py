"""Commit what a run read of one table: schema, history, view, and last the run manifest.

The order makes every interruption harmless. Parts are there before any of this. A new schema and a view
made for it read older parts well, so they come before the run manifest, which alone makes rows visible.
Only the first view that looks for parts comes after it, because DuckDB refuses a view over no files; a run
that is resumed finds its manifest and writes the view. Each step is skipped when it is already done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from appliance.core.errors import Conflict, Invalid, NotFound
from appliance.core.landing import (
    Column,
    SchemaVersion,
    evolve,
    history_key,
    manifest_key,
    run_prefix,
    schema_key,
    view_key,
)
from appliance.core.objects import NotAtomic, ObjectStore
from appliance.core.run_manifest import RunManifest
from appliance.core.schema_record import SchemaRecord, next_record
from appliance.core.views import check_primary_key, schema_version_of, shows_rows, view_sql

_TRIES = 8

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Landed:
    """A committed table: its run manifest as it is in the store, and the schema that the table has now."""

    manifest: RunManifest
    manifest_key: str
    schema: SchemaVersion | None


@dataclass(frozen=True, slots=True)
class Land:
    """The context store's writer."""

    objects: ObjectStore

    def commit_table(self, draft: RunManifest, columns: Sequence[Column], *, primary_key: Sequence[str]) -> Landed:
        """Make the rows of `draft` visible. Its parts are in the store; its schema fields are filled in here.

        If the run's manifest is already there, that one holds and is returned: this is a resumed run, or
        another writer was first. Raises SchemaIncompatible, and then nothing landed.
        """
        key = manifest_key(draft.landed_name, draft.run_id, draft.node_id)
        there = self.manifest(draft.landed_name, draft.run_id, draft.node_id)
        record = self._schema(draft, columns, primary_key)
        if record:
            self._history(draft.landed_name, record)
            self._view(draft.landed_name, record.schema, primary_key, has_rows=False, first=not draft.parts)
        if there is None:
            there = self._committed(draft, record.schema if record else None)
        if record and there.parts:
            self._view(draft.landed_name, record.schema, primary_key, has_rows=True, first=True)
        return Landed(there, key, record.schema if record else None)

    def manifest(self, landed_name: str, run_id: str, node_id: str) -> RunManifest | None:
        """What the run committed of the table, or None. Raises Invalid if the object is damaged."""
        key = manifest_key(landed_name, run_id, node_id)
        _, data = self._read(key)
        if data is None:
            return None
        found = _named(key, RunManifest.from_bytes, data)
        if (found.landed_name, found.run_id, found.node_id) != (landed_name, run_id, node_id):
            raise Invalid(f"object {key}: is the run manifest of {found.run_id}, {found.landed_name}, {found.node_id}")
        return found

    def schema(self, landed_name: str) -> SchemaVersion | None:
        """The columns of the table as the store has them. Raises Invalid if the object is damaged."""
        key = schema_key(landed_name)
        try:
            data = self.objects.get(key)
        except NotFound:
            return None
        return _named(key, SchemaRecord.from_bytes, data).schema

    def discard(self, landed_name: str, run_id: str, node_id: str) -> int:
        """Remove the parts of a run that is over and did not commit the table; return how many."""
        if self.manifest(landed_name, run_id, node_id) is not None:
            raise Conflict(f"run {run_id} committed {landed_name}: its parts stay")
        keys = [info.key for info in self.objects.list(run_prefix(landed_name, run_id, node_id))]
        for key in keys:
            self.objects.delete(key)
        return len(keys)

    def _committed(self, draft: RunManifest, schema: SchemaVersion | None) -> RunManifest:
        if schema:
            draft = replace(draft, schema_version=schema.version, schema_fingerprint=schema.fingerprint)
        key = manifest_key(draft.landed_name, draft.run_id, draft.node_id)
        if self.objects.put(key, draft.to_bytes(), if_absent=True):
            return draft
        first = self.manifest(draft.landed_name, draft.run_id, draft.node_id)
        if first is None:
            # An upload of ours was cut; whoever holds the lease may write over what is left of it.
            self.objects.put(key, draft.to_bytes())
            return draft
        return first

    def _schema(self, draft: RunManifest, columns: Sequence[Column], primary_key: Sequence[str]) -> SchemaRecord | None:
        key = schema_key(draft.landed_name)

        def step(old: bytes | None) -> bytes | None:
            record = _named(key, SchemaRecord.from_bytes, old) if old is not None else None
            known = record.schema if record else None
            schema = evolve(known, columns)
            if schema:
                check_primary_key(draft.landed_name, schema, primary_key)
            if schema is None or schema == known:
                return old
            new = next_record(draft.landed_name, record, schema, run_id=draft.run_id, at=draft.committed_at)
            return new.to_bytes()

        data = self._advance(key, step)
        return SchemaRecord.from_bytes(data) if data is not None else None

    def _history(self, landed_name: str, record: SchemaRecord) -> None:
        lines = record.history_bytes()
        # A writer that was overtaken must not shorten what the other wrote.
        self._advance(history_key(landed_name), lambda old: old if old and len(old) > len(lines) else lines)

    def _view(
        self, landed_name: str, schema: SchemaVersion, primary_key: Sequence[str], *, has_rows: bool, first: bool
    ) -> None:
        def step(old: bytes | None) -> bytes | None:
            if old is None and not first:
                return old
            # Someone was faster and knows more columns: the view is read first, so this schema is no older.
            overtaken = old is not None and schema_version_of(old) > schema.version
            newest = (self.schema(landed_name) if overtaken else None) or schema
            rows = has_rows or (old is not None and shows_rows(old))
            location = self.objects.location
            return view_sql(landed_name, newest, primary_key=primary_key, location=location, has_rows=rows).encode()

        self._advance(view_key(landed_name), step)

    def _advance(self, key: str, step: Callable[[bytes | None], bytes | None]) -> bytes | None:
        """Apply `step` to the object's content until no one else was in between; return what is there."""
        for _ in range(_TRIES):
            version, old = self._read(key)
            new = step(old)
            if new is None or new == old:
                return old
            try:
                self.objects.compare_and_set(key, new, expected=version)
            except NotAtomic:
                # The lease keeps other writers of this pipeline's tables away.
                self.objects.put(key, new)
            except Conflict:
                continue
            return new
        raise Conflict(f"object {key}: others changed it {_TRIES} times in a row")

    def _read(self, key: str) -> tuple[str | None, bytes | None]:
        """Version and content. Nothing of ours is empty: an empty object is what some servers leave of a cut upload."""
        info = self.objects.head(key)
        if info is None:
            return None, None
        try:
            return info.version, self.objects.get(key) or None
        except NotFound:
            return None, None


def _named(key: str, parse: Callable[[bytes], _T], data: bytes) -> _T:
    try:
        return parse(data)
    except Invalid as error:
        raise Invalid(f"object {key}: {error}") from None
