"""No statement reads a whole table that grows with history: the scheduler must not slow down with age."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.adapters import sql
from appliance.adapters.sql.local import LocalSql
from appliance.adapters.sql.migrate import migrate, read_migrations
from appliance.adapters.sql.prepared import Prepared
from appliance.bootstrap import MIGRATIONS

GROWING = (
    "run", "fire", "checkpoint", "table_commit", "run_log", "audit", "idempotency", "draft_epoch", "draft_piece",
    "draft_update",
)  # fmt: skip

# From pipeline to pipeline, one row each: the first of an index, or the last.
STEPWISE = (
    "SEARCH t1 USING COVERING INDEX run_of_pipeline (team_id=?)",
    "SEARCH newest USING COVERING INDEX run_of_pipeline (team_id=? AND pipeline_id=?)",
)


def _statements() -> Iterator[tuple[str, Prepared]]:
    for module in pkgutil.iter_modules(sql.__path__, f"{sql.__name__}."):
        for name, value in vars(importlib.import_module(module.name)).items():
            found = value.items() if isinstance(value, dict) else [("", value)]
            yield from (
                (f"{module.name.rpartition('.')[2]}.{name}{key or ''}", each)
                for key, each in found
                if isinstance(each, Prepared)
            )


STATEMENTS = dict(_statements())


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path: Path = tmp_path_factory.mktemp("catalog") / "catalog.db"
    gateway = LocalSql(str(path))
    migrate(gateway, read_migrations(MIGRATIONS), datetime.now(UTC))
    gateway.close()
    connection = sqlite3.connect(path)
    yield connection
    connection.close()


def _plan(catalog: sqlite3.Connection, statement: Prepared) -> list[str]:
    names = {slot.name for slot in statement._template if hasattr(slot, "name")}
    bound = statement(**dict.fromkeys(names, 1))
    return [row[3] for row in catalog.execute(f"EXPLAIN QUERY PLAN {bound.sql}", bound.params)]


def _table_of(index: str, catalog: sqlite3.Connection) -> str:
    [[table]] = catalog.execute("SELECT tbl_name FROM sqlite_schema WHERE name = ?", [index])
    return str(table)


def _reads_all(step: str, catalog: sqlite3.Connection, tables: dict[str, str]) -> bool:
    """A scan of a table that grows, or a search by nothing but the team or a pipeline of it.

    A table without rowid is searched by its key, which names neither an index nor, of an alias, the table.
    """
    whole = re.fullmatch(r"SEARCH \S+ USING (?:COVERING )?INDEX (\S+) \(team_id=\?(?: AND pipeline_id=\?)?\)", step)
    if whole and step not in STEPWISE:
        return _table_of(whole[1], catalog) in GROWING
    if keyed := re.fullmatch(r"SEARCH (\S+) USING PRIMARY KEY \(team_id=\?\)", step):
        return tables.get(keyed[1], keyed[1]) in GROWING
    scanned = re.match(r"SCAN (\w+)", step)
    # An alias does not tell its table, so every scan counts but that of a list made on the way.
    return scanned is not None and scanned[1] not in ("pipelines", "CONSTANT")


def test_there_are_statements_to_look_at() -> None:
    assert len(STATEMENTS) > 40


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_does_not_read_all_of_history(catalog: sqlite3.Connection, name: str) -> None:
    plan = _plan(catalog, STATEMENTS[name])
    tables = {alias: table for table, alias in re.findall(r'"(\w+)" AS "(\w+)"', STATEMENTS[name]._sql)}

    assert [step for step in plan if _reads_all(step, catalog, tables)] == []


def test_an_append_looks_for_the_newest_number_of_its_document_alone(catalog: sqlite3.Connection) -> None:
    """It is what every edit waits for: a step from the end of the log, not a walk through it."""
    plan = _plan(catalog, STATEMENTS["drafts_log._FIRST"])

    assert plan == [
        "SEARCH t1 USING INDEX sqlite_autoindex_draft_epoch_1 (team_id=? AND epoch=?)",
        "CORRELATED SCALAR SUBQUERY 1",
        "SEARCH logged USING PRIMARY KEY (team_id=? AND epoch=?)",
    ]


def test_no_manifest_is_read_to_tell_a_number(catalog: sqlite3.Connection) -> None:
    """A row of `revision` is as long as its manifest."""
    assert _plan(catalog, STATEMENTS["revisions._NUMBER_AT"]) == [
        "SEARCH t1 USING COVERING INDEX revision_moment (team_id=?)"
    ]
    assert _plan(catalog, STATEMENTS["revisions._OF_DIGEST"]) == [
        "SEARCH t1 USING INDEX revision_of_digest (team_id=? AND digest=?)"
    ]
