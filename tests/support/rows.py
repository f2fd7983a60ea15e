"""Rows that the test of a port starts from, and eight threads that do one thing at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import TypeVar

from appliance.bootstrap import Substrate
from appliance.core.checkpoint import Checkpoint, TableCommit
from appliance.core.event import AuditEntry
from appliance.core.landing import Column, SchemaVersion
from appliance.core.paging import Page
from appliance.core.run import Lease, NewRun, Run, RunId, Trigger
from tests.support.clock import START

T = TypeVar("T")

NOW = START
SECOND = timedelta(seconds=1)
TTL = timedelta(seconds=30)
DEADLINE = NOW + timedelta(hours=6)
SCHEMA = SchemaVersion(1, (Column("id", "int64"), Column('naïve "name"; --', "text", nullable=False)))

# What a store must keep as it is: quotes, wildcards, comments, controls, other scripts, and a lot of it.
HOSTILE = (
    "'; DROP TABLE run; --",
    '"double" `back` [square] \\ %_?:x@y$1',
    "nul \0 tab \t bell \a newline \r\n",
    "Ünïcödé 漢字 \u202eright to left\u202c 👩‍👩‍👧 e\u0301",
    "x" * 100_000,
    " ",
    "NULL",
)

THREADS = 8


def noted(action: str = "test", subject: str = "", actor: str = "alice") -> AuditEntry:
    return AuditEntry(NOW, actor, action, subject)


def new_run(
    pipeline_id: str = "orders",
    *,
    due_at: datetime = NOW,
    created_at: datetime = NOW,
    exclusive: bool = False,
    trigger: Trigger = Trigger.MANUAL,
    created_by: str = "alice",
    deadline_at: datetime = DEADLINE,
) -> NewRun:
    return NewRun(
        RunId(""),
        pipeline_id,
        1,
        due_at,
        trigger,
        exclusive,
        created_by,
        created_at=created_at,
        deadline_at=deadline_at,
    )


def create(on: Substrate, run: NewRun | None = None) -> Run:
    return on.runs.create(run or new_run(), noted("run.create"))


def held(on: Substrate, run: NewRun | None = None, *, now: datetime = NOW) -> Lease:
    """A new run, claimed."""
    return claimed(on, create(on, run).id, now=now)


def claimed(on: Substrate, run_id: RunId, *, holder: str = "node/boot/worker", now: datetime = NOW) -> Lease:
    claim = on.journal.claim(run_id, holder, now=now, ttl=TTL, deadline_at=DEADLINE)
    assert claim is not None
    return claim.lease


def page(run_id: RunId, seq: int = 0, *, table: str = "orders", step: int | None = None, rows: int = 2) -> Checkpoint:
    return Checkpoint(
        run_id, seq, seq if step is None else step, table, f"tables/{table}/{seq}", "0" * 64, rows, 10 * rows,
        f"after page {seq}", SCHEMA.columns,
    )  # fmt: skip


def table_commit(
    run_id: RunId, table: str = "orders", *, sequence: int = 1, cursor: str | None = "end", at: datetime = NOW
) -> TableCommit:
    return TableCommit(
        run_id, table, f"landed_{table}", sequence, f"tables/{table}/_manifest.json", cursor, rows=5, bytes=50,
        parts=3, committed_at=at,
    )  # fmt: skip


def counted(on: Substrate) -> dict[str, float]:
    """Every counter that is not 0, as `name{label=value}`."""
    return {
        one.name + ("{" + ",".join(f"{key}={text}" for key, text in one.labels.items()) + "}" if one.labels else ""): (
            one.value
        )
        for one in on.records.counters()
        if one.value
    }


def audited(on: Substrate) -> list[tuple[str, str, str]]:
    """Actor, action and subject of every audit row, oldest first."""
    entries = on.records.audit(before=None, limit=500).items
    return [(entry.actor, entry.action, entry.subject) for entry in reversed(entries)]


def all_pages(page_from: Callable[[str | None], Page[T]], *, between: Callable[[], object] = lambda: None) -> list[T]:
    """Every item, page after page; `between` happens while somebody reads."""
    items: list[T] = []
    before: str | None = None
    while True:
        found = page_from(before)
        items += found.items
        if found.next is None:
            return items
        before = found.next
        between()


def at_once(act: Callable[[int], T]) -> list[T]:
    """What each of eight threads got from `act`, given its number, all starting together."""
    barrier = Barrier(THREADS)

    def one(number: int) -> T:
        barrier.wait()
        return act(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(THREADS)))
