"""Every method of a port is one batch on SQL: a kill finds it done, or not begun."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from appliance.adapters.memory.objects import MemoryObjects
from appliance.adapters.sql.gateway import Row, Statement
from appliance.adapters.sql.local import LocalSql
from appliance.bootstrap import Substrate, on_sql
from appliance.core.event import Sample
from appliance.core.fires import LedgerEntry, Policy, Reason
from appliance.core.ledger import Firing, NewSchedule
from appliance.core.revision import NewRevision
from appliance.core.run import RunError, RunId, RunState
from appliance.core.schedule import Schedule
from appliance.core.team import Member, Role, Token
from tests.support.clock import SetClock
from tests.support.rings import HeldRings
from tests.support.rows import NOW, SCHEMA, SECOND, TTL, claimed, create, held, new_run, noted, page, table_commit
from tests.support.scripted import ScriptedSource


@dataclass(slots=True)
class Watched:
    """A gateway that counts the batches that went through."""

    inner: LocalSql
    batches: list[Sequence[Statement]] = field(default_factory=list)

    def batch(self, statements: Sequence[Statement]) -> list[list[Row]]:
        rows = self.inner.batch(statements)
        self.batches.append(statements)
        return rows

    def query(self, statement: Statement) -> list[Row]:
        return self.inner.query(statement)

    def close(self) -> None:
        self.inner.close()


@pytest.fixture
def watched() -> Iterator[Watched]:
    gateway = Watched(LocalSql(":memory:"))
    yield gateway
    gateway.close()


@pytest.fixture
def on(watched: Watched, tmp_path: Path) -> Substrate:
    return on_sql(
        watched, objects=MemoryObjects(), connectors=ScriptedSource(tmp_path, {}), doorbell=HeldRings(),
        clock=SetClock(), close=watched.close,
    )  # fmt: skip


OneStep = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def one_step(watched: Watched) -> OneStep:
    @contextmanager
    def counted() -> Iterator[None]:
        before = len(watched.batches)
        yield
        assert len(watched.batches) == before + 1

    return counted


SCHEDULE = NewSchedule("orders", Schedule("every 1m", "UTC"), Policy(), False, "appliance", NOW)


def test_each_change_of_a_run_is_one_step(on: Substrate, one_step: OneStep) -> None:
    with one_step():
        waiting = create(on)
    with one_step():
        create(on)  # its number is taken: the first try was undone
    with one_step():
        on.runs.request_cancel(waiting.id, now=NOW, audit=noted())
    running = held(on)
    with one_step():
        on.runs.request_cancel(running.run_id, now=NOW, audit=noted())


def test_each_write_of_the_journal_is_one_step(on: Substrate, one_step: OneStep) -> None:
    run = create(on)
    with one_step():
        lease = claimed(on, run.id)
    with one_step():
        on.journal.renew(lease, now=NOW, ttl=TTL)
    with one_step():
        on.journal.checkpoint(lease, page(run.id), now=NOW, ttl=TTL)
    for _ in range(2):
        with one_step():
            on.journal.commit_table(lease, table_commit(run.id), SCHEMA, pipeline_id="orders", now=NOW, ttl=TTL)
    with one_step():
        on.journal.retry(lease, RunError("transient", "reset"), at=NOW, now=NOW)
    lease = claimed(on, run.id)
    with one_step():
        on.journal.release(lease)
    lease = claimed(on, run.id)
    with one_step():
        on.journal.finish(lease, RunState.FAILED, None, now=NOW)


def test_each_change_of_the_sweeper_is_one_step(on: Substrate, one_step: OneStep) -> None:
    lease = held(on)
    with one_step():
        on.sweep.free_leases("node", "next")
    with one_step():
        on.sweep.end(lease.run_id, RunState.FAILED, None, now=NOW)
    with one_step():
        on.sweep.forget(before=NOW + SECOND, limit=10)


def test_an_apply_is_one_step_and_so_is_a_tick(on: Substrate, one_step: OneStep) -> None:
    with one_step():
        on.revisions.add(NewRevision(0, "", "", {}, {}, "alice", NOW), [SCHEDULE], noted())
    create(on)
    held(on)
    [armed] = on.schedules.list()
    run = replace(new_run(), id=RunId("orders@20260601T000000Z"))
    firing = Firing(armed, [LedgerEntry(NOW, NOW, 1, Reason.CANCELLED_OTHER)], [run], True, NOW, NOW + SECOND)
    with one_step():
        assert on.schedules.record([firing], [Sample("late", {}, 1)], now=NOW) == [run.id]


def test_each_change_of_the_team_is_one_step(on: Substrate, one_step: OneStep) -> None:
    with one_step():
        on.teams.found("team", "node", NOW)
    for name in ("alice", "bob"):
        with one_step():
            on.teams.add_member(Member(name, Role.OWNER, NOW), noted())
    with one_step():
        on.teams.add_token(Token("t1", "bob", "laptop", Role.VIEWER, NOW, None, None), "digest", noted())
    with one_step():
        on.teams.revoke_token("t1", NOW, noted())
    with one_step():
        on.teams.change_role("bob", Role.EDITOR, noted())
    with one_step():
        on.teams.remove_member("bob", NOW, noted())


def test_each_record_is_one_step(on: Substrate, one_step: OneStep) -> None:
    run = create(on)
    with one_step():
        on.records.log(run.id, [(NOW, "info", "one"), (NOW, "info", "two")])
    with one_step():
        on.records.count([Sample("a", {}, 1), Sample("b", {}, 1)])
    with one_step():
        on.records.remember("alice", "k", "f", now=NOW, stale=NOW, old=NOW)
    with one_step():
        on.records.answer("alice", "k", 200, "")
    with one_step():
        on.records.forget("alice", "k")
