"""A durable step through the real gateway against what the same disk takes for one commit."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from appliance.adapters.selfhosted.files import DirectoryObjects
from appliance.adapters.sql.journal import SqlJournal
from appliance.adapters.sql.local import LocalSql
from appliance.adapters.sql.migrate import migrate, read_migrations
from appliance.adapters.sql.runs import SqlRuns
from appliance.bootstrap import MIGRATIONS, TEAM
from appliance.core.checkpoint import Checkpoint
from appliance.core.event import AuditEntry
from appliance.core.landing import Column, part_key
from appliance.core.limits import LEASE_TTL, RUN_TIMEOUT
from appliance.core.run import Lease, NewRun, RunId, Trigger
from tests.bench.bench import Bench, percentile
from tests.bench.disk import RawFiles, raw_commits, seconds_of
from tests.bench.report import Line

THREADS = 16
ROUNDS = 10
PAGE_BYTES = 64 << 10
COLUMNS = tuple(
    Column(name, kind, nullable=True)
    for name, kind in (("id", "int64"), ("price", "float64"), ("name", "text"), ("at", "timestamp"), ("paid", "bool"))
)
CURSOR = '{"kind":"page","page":17,"since":"2026-01-01T00:00:00Z"}'


@dataclass(slots=True)
class Steps:
    """One run that checkpoints page after page."""

    journal: SqlJournal
    lease: Lease
    page: Path
    objects: DirectoryObjects
    seqs: Iterator[int] = field(default_factory=count)

    def checkpoint(self) -> None:
        """The checkpoint alone."""
        self._record(*self._next())

    def land(self) -> None:
        """The page into the store, then the checkpoint."""
        seq, key, sha256 = self._next()
        self.objects.put_file(key, str(self.page))
        self._record(seq, key, sha256)

    def _next(self) -> tuple[int, str, str]:
        seq = next(self.seqs)
        sha256 = hashlib.sha256(str(seq).encode()).hexdigest()
        return seq, part_key("orders_orders", self.lease.run_id, "node", seq=seq, sha256=sha256), sha256

    def _record(self, seq: int, key: str, sha256: str) -> None:
        page = Checkpoint(self.lease.run_id, seq, seq, "orders", key, sha256, 1000, PAGE_BYTES, CURSOR, COLUMNS)
        self.lease = self.journal.checkpoint(self.lease, page, now=datetime.now(UTC), ttl=LEASE_TTL)


def measure(bench: Bench) -> Iterator[Line]:
    """Raw and ours take turns, so that a disturbed second disturbs both."""
    with closing(LocalSql(str(bench.folder / "catalog.db"))) as gateway, raw_commits(bench.folder) as commits:
        migrate(gateway, read_migrations(MIGRATIONS), datetime.now(UTC))
        files = RawFiles(_made(bench.folder / "files"), os.urandom(PAGE_BYTES))
        run = _claimed(gateway, bench.folder, 0)
        each = bench.count(200, quick=20)
        raw, ours = _in_turn(commits, run.checkpoint, each)
        yield from _against("durable step, 1 thread", ours, raw, "raw commit", most=2.0)
        yield _threads(gateway, bench, raw)

        def raw_step() -> None:
            files()
            commits()

        raw, ours = _in_turn(raw_step, run.land, bench.count(50, quick=5))
        yield from _against("step with a 64 KiB page", ours, raw, "raw file + commit", most=2.0)


def _against(name: str, ours: list[float], raw: list[float], what: str, *, most: float) -> Iterator[Line]:
    for percent in (50, 95):
        yield Line(
            measurement=f"{name}, p{percent}",
            value=percentile(ours, percent) * 1e3,
            unit="ms",
            reference=percentile(raw, percent) * 1e3,
            reference_is=what,
            most_ratio=most if percent == 50 else None,
        )
    yield Line(
        measurement=name,
        value=len(ours) / sum(ours),
        unit="steps/s",
        reference=len(raw) / sum(raw),
        reference_is=what,
    )


def _in_turn(raw: Callable[[], None], ours: Callable[[], None], each: int) -> tuple[list[float], list[float]]:
    raws: list[float] = []
    steps: list[float] = []
    for _ in range(3):
        raw()
        ours()
    for _ in range(ROUNDS):
        raws += [seconds_of(raw) for _ in range(each)]
        steps += [seconds_of(ours) for _ in range(each)]
    return raws, steps


def _threads(gateway: LocalSql, bench: Bench, raw: list[float]) -> Line:
    """Runs that checkpoint at the same time share commits."""
    each = bench.count(300, quick=30)
    runs = [_claimed(gateway, bench.folder, number) for number in range(1, THREADS + 1)]

    def work(run: Steps) -> None:
        for _ in range(each):
            run.checkpoint()

    threads = [threading.Thread(target=work, args=(run,)) for run in runs]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Line(
        measurement=f"durable step, {THREADS} threads",
        value=THREADS * each / (time.perf_counter() - began),
        unit="steps/s",
        reference=len(raw) / sum(raw),
        reference_is="raw commit, 1 thread",
    )


def _claimed(gateway: LocalSql, folder: Path, number: int) -> Steps:
    now, name = datetime.now(UTC), f"orders{number}"
    new = NewRun(
        id=RunId(name), pipeline_id=name, revision=1, due_at=now, trigger=Trigger.MANUAL, exclusive=True,
        created_by="bench", created_at=now, deadline_at=now + RUN_TIMEOUT,
    )  # fmt: skip
    run = SqlRuns(gateway, TEAM).create(new, AuditEntry(now, "bench", "run.manual", name, {}))
    journal = SqlJournal(gateway, TEAM)
    claim = journal.claim(run.id, "node/boot/worker", now=now, ttl=LEASE_TTL, deadline_at=now + RUN_TIMEOUT)
    assert claim is not None
    page = folder / "page.parquet"
    page.write_bytes(os.urandom(PAGE_BYTES))
    return Steps(journal, claim.lease, page, DirectoryObjects(folder / "context"))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
