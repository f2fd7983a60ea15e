"""Everything durable that one attempt of a run writes, under its lease."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from appliance.core.checkpoint import Checkpoint, TableCommit, check_cursor, check_result, step_of
from appliance.core.connector import Page
from appliance.core.landing import Column, part_key
from appliance.core.limits import LEASE_TTL, LOG_LINE_BYTES, LOG_LINES_PER_RUN
from appliance.core.objects import ObjectStore
from appliance.core.pipeline import Pipeline, Table
from appliance.core.ports import Clock, Journal, Progress, Records
from appliance.core.run import Lease, Run
from appliance.core.run_manifest import Part
from appliance.services.land import Landed

# Lines wait this long for company, in seconds: one commit for all.
LINGER = 1.0


@dataclass(slots=True)
class KeepRun:
    """One attempt's hand on the run: it renews the lease with everything it writes."""

    journal: Journal
    progress: Progress
    records: Records
    objects: ObjectStore
    clock: Clock
    node_id: str
    pipeline: Pipeline
    run: Run
    lease: Lease
    checkpoints: int = field(default=0, init=False)
    _done: dict[str, list[Checkpoint]] = field(default_factory=dict, init=False)
    _table: Table | None = field(default=None, init=False)
    _lines: list[tuple[datetime, str, str]] = field(default_factory=list, init=False)
    _line_count: int = field(default=0, init=False)
    _flushed_at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        for page in self.progress.checkpoints(self.run.id):
            self._add(page)
        # The first line waits for company, too: its commit would delay the connector.
        self._flushed_at = self.clock.monotonic()

    def begin(self, table: Table) -> None:
        self._table = table

    def pages(self, table: Table) -> Sequence[Checkpoint]:
        return self._done.get(table.name, [])

    def cursor(self, table: Table) -> str | None:
        """After this run's last page, else where the run before ended."""
        pages = self.pages(table)
        return pages[-1].cursor if pages else self.progress.position(self.pipeline.id, table.name)

    def columns(self, table: Table) -> tuple[Column, ...]:
        pages = self.pages(table)
        if pages:
            return pages[-1].columns
        schema = self.progress.schema(self.pipeline.landed_name(table))
        return schema.columns if schema else ()

    def page(self, page: Page) -> None:
        """Object first, checkpoint second: a checkpoint never names a missing object."""
        table = self._table
        assert table is not None  # noqa: S101 - begin() comes first
        check_cursor(page.cursor)
        key, step = self._key(table, page), step_of(self.checkpoints, tables=len(self.pipeline.tables))
        checkpoint = Checkpoint(
            self.run.id, self.checkpoints, step, table.name, key, page.sha256, page.rows, page.bytes, page.cursor,
            page.columns,
        )  # fmt: skip
        check_result(checkpoint)
        if page.rows:
            self.objects.put_file(key, page.path)
        self.lease = self.journal.checkpoint(self.lease, checkpoint, now=self.clock.now(), ttl=LEASE_TTL)
        self._add(checkpoint)
        self._flush_soon()

    def _key(self, table: Table, page: Page) -> str:
        if not page.rows:
            return ""
        landed_name, number = self.pipeline.landed_name(table), len(self.pages(table))
        return part_key(landed_name, self.run.id, self.node_id, seq=number, sha256=page.sha256)

    def _add(self, page: Checkpoint) -> None:
        self._done.setdefault(page.table, []).append(page)
        self.checkpoints += 1

    def parts(self, table: Table) -> tuple[Part, ...]:
        """What this run landed of the table, in order. A page without rows has no object."""
        return tuple(
            Part(each.key.rpartition("/")[2], each.rows, each.bytes, each.sha256)
            for each in self.pages(table)
            if each.key
        )

    def commit(self, table: Table, landed: Landed) -> None:
        """Record that the table's run manifest is written, publish its cursor, renew."""
        manifest = landed.manifest
        commit = TableCommit(
            run_id=self.run.id,
            table=table.name,
            landed_name=manifest.landed_name,
            sequence=manifest.sequence,
            manifest_key=landed.manifest_key,
            cursor=manifest.cursor,
            rows=manifest.rows,
            bytes=manifest.total_bytes,
            parts=len(manifest.parts),
            committed_at=manifest.committed_at,
        )
        self.lease = self.journal.commit_table(
            self.lease, commit, landed.schema, pipeline_id=self.pipeline.id, now=self.clock.now(), ttl=LEASE_TTL
        )
        self.say("info", f"table {table.name}: {manifest.rows} rows in {len(manifest.parts)} parts are committed")

    def alive(self) -> None:
        now = self.clock.now()
        if self.lease.expires_at - now < LEASE_TTL * 2 / 3:
            self.lease = self.journal.renew(self.lease, now=now, ttl=LEASE_TTL)
        self._flush_soon()

    def said(self, at: datetime, level: str, message: str) -> None:
        self._line_count += 1
        if self._line_count < LOG_LINES_PER_RUN:
            self._lines.append((at, level, message[:LOG_LINE_BYTES]))
        elif self._line_count == LOG_LINES_PER_RUN:
            self._lines.append((at, "warning", f"more than {LOG_LINES_PER_RUN} lines: the rest is not kept"))
        self._flush_soon()

    def say(self, level: str, message: str) -> None:
        self.said(self.clock.now(), level, message)

    def flush(self) -> None:
        """Store the lines that wait."""
        lines, self._lines = self._lines, []
        if lines:
            self.records.log(self.run.id, lines)
        self._flushed_at = self.clock.monotonic()

    def _flush_soon(self) -> None:
        if self._lines and self.clock.monotonic() - self._flushed_at >= LINGER:
            self.flush()

    def committed(self) -> dict[str, TableCommit]:
        return {commit.table: commit for commit in self.progress.commits(self.run.id)}
