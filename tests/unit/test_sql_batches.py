"""Batches share commits and nothing else: what one gets wrong is its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, SupportsIndex

import pytest

from appliance.adapters.sql.gateway import Refused, Statement
from appliance.adapters.sql.local import GROUP, LocalSql
from appliance.core.errors import Unavailable
from tests.support.rows import HOSTILE, THREADS, at_once


@pytest.fixture
def gateway() -> Iterator[LocalSql]:
    gateway = LocalSql(":memory:")
    gateway.batch([Statement("CREATE TABLE kept (name TEXT PRIMARY KEY, value ANY) STRICT")])
    yield gateway
    gateway.close()


def put(name: object, value: object = 0) -> Statement:
    return Statement("INSERT INTO kept (name, value) VALUES (?, ?)", (name, value))


def names(gateway: LocalSql) -> list[str]:
    return [name for (name,) in gateway.query(Statement("SELECT name FROM kept ORDER BY name"))]


def test_each_statement_gets_its_rows(gateway: LocalSql) -> None:
    select = Statement("SELECT name, value FROM kept")
    returning = Statement("INSERT INTO kept (name, value) VALUES ('b', 2) RETURNING name")

    assert gateway.batch([put("a", 1), select, returning]) == [[], [("a", 1)], [("b",)]]


def test_an_empty_batch_is_nothing(gateway: LocalSql) -> None:
    assert gateway.batch([]) == []


def test_a_statement_that_must_change_something_and_does_not_undoes_its_batch(gateway: LocalSql) -> None:
    nothing = Statement("UPDATE kept SET value = 1 WHERE name = 'nobody'", must_change=True)

    with pytest.raises(Refused) as refused:
        gateway.batch([put("a"), nothing, put("b")])

    assert refused.value.index == 1
    assert names(gateway) == []


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO kept (name) VALUES ('new')",
        "UPDATE kept SET value = 1 WHERE name = 'a'",
        "UPDATE kept SET value = value WHERE name = 'a'",
        "UPDATE kept SET value = 1 WHERE name = 'a' RETURNING name",
        "DELETE FROM kept WHERE name = 'a'",
        "INSERT INTO kept (name) VALUES ('a') ON CONFLICT DO UPDATE SET value = 2",
    ],
)
def test_a_statement_that_changed_something_is_not_refused(gateway: LocalSql, sql: str) -> None:
    gateway.batch([put("a")])

    gateway.batch([Statement(sql, must_change=True)])


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT OR IGNORE INTO kept (name) VALUES ('a')",
        "INSERT OR IGNORE INTO kept (name) VALUES ('a') RETURNING name",
        "INSERT INTO kept (name) SELECT 'new' WHERE 1 = 0",
        "INSERT INTO kept (name) VALUES ('a') ON CONFLICT DO UPDATE SET value = 2 WHERE value = 9",
        "DELETE FROM kept WHERE name = 'nobody'",
    ],
)
def test_a_statement_that_changed_nothing_is_refused(gateway: LocalSql, sql: str) -> None:
    gateway.batch([put("a")])

    with pytest.raises(Refused):
        gateway.batch([Statement(sql, must_change=True)])


# What a batch may get wrong alone, and what it is told.
WRONG: dict[str, tuple[Statement, type[Exception]]] = {
    "a name that is taken": (put("taken"), sqlite3.IntegrityError),
    "a missing parameter": (Statement("INSERT INTO kept (name) VALUES (?)"), sqlite3.ProgrammingError),
    "a kind of value that SQLite does not have": (put("x", object()), sqlite3.ProgrammingError),
    "text that is not Unicode": (put("half \ud800"), UnicodeEncodeError),
    "a number of more than 64 bits": (put("x", 1 << 64), OverflowError),
    "two statements in one": (Statement("DELETE FROM kept; DELETE FROM kept"), sqlite3.ProgrammingError),
    "no change": (Statement("DELETE FROM kept WHERE name = 'nobody'", must_change=True), Refused),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_one_batch_gets_wrong_is_undone_and_told_to_it_alone(gateway: LocalSql, wrong: str) -> None:
    statement, error = WRONG[wrong]
    gateway.batch([put("taken")])

    def act(number: int) -> None:
        if number % 2:
            with pytest.raises(error):
                gateway.batch([put(f"undone {number}"), statement])
        else:
            gateway.batch([put(f"kept {number}")])

    at_once(act)

    assert names(gateway) == [*(f"kept {number}" for number in range(0, THREADS, 2)), "taken"]
    gateway.batch([put("later")])


class Endless(tuple[int, ...]):
    """Parameters that do not fit in memory, as SQLite sees it when it reads them."""

    __slots__ = ()

    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        raise MemoryError


def test_a_batch_that_runs_out_of_memory_keeps_nobody_waiting(gateway: LocalSql) -> None:
    def act(number: int) -> None:
        with suppress(Unavailable):
            gateway.batch(
                [Statement("INSERT INTO kept (name) VALUES (?)", Endless((1,)))] if number % 2 else [put(str(number))]
            )

    at_once(act)

    before = names(gateway)
    gateway.batch([put("later")])
    assert names(gateway) == [*before, "later"]


def test_many_threads_lose_nothing_and_see_their_own_writes(gateway: LocalSql) -> None:
    def work(number: int) -> bool:
        name = f"{number:04}"
        gateway.batch([put(name)])
        return name in names(gateway)

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(work, range(1000)))

    assert names(gateway) == [f"{number:04}" for number in range(1000)]


def test_more_batches_than_share_a_commit_are_all_committed(gateway: LocalSql) -> None:
    with ThreadPoolExecutor(GROUP * 2) as pool:
        list(pool.map(lambda number: gateway.batch([put(str(number))]), range(GROUP * 2)))

    assert len(names(gateway)) == GROUP * 2


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_comes_back_as_it_went(gateway: LocalSql, text: str) -> None:
    gateway.batch([put(text, text)])

    assert gateway.query(Statement("SELECT value FROM kept WHERE name = ?", (text,))) == [(text,)]
