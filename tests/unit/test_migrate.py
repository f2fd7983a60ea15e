"""A catalog is brought to this version once, in order, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.adapters.sql.gateway import Statement
from appliance.adapters.sql.local import LocalSql
from appliance.adapters.sql.migrate import Migration, NewerCatalog, migrate, read_migrations
from appliance.bootstrap import MIGRATIONS
from appliance.core.errors import Conflict, Unavailable
from tests.support.rows import NOW

ONE = Migration(1, "0001_one", "-- First; it has a table.\nCREATE TABLE one (id INTEGER) STRICT;\n")
TWO = Migration(2, "0002_two", "ALTER TABLE one ADD COLUMN two TEXT; -- after one\nCREATE TABLE two (id INTEGER);")


@pytest.fixture
def gateway() -> Iterator[LocalSql]:
    gateway = LocalSql(":memory:")
    yield gateway
    gateway.close()


def _tables(gateway: LocalSql) -> list[str]:
    rows = gateway.query(Statement("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"))
    return [name for (name,) in rows]


def _noted(gateway: LocalSql) -> list[tuple[int, str, str]]:
    return gateway.query(Statement("SELECT version, name, digest FROM migration"))


def test_migrations_are_applied_in_order_and_noted_with_their_digests(gateway: LocalSql) -> None:
    assert migrate(gateway, [TWO, ONE], NOW) == [ONE, TWO]

    assert _tables(gateway) == ["migration", "one", "two"]
    assert _noted(gateway) == [(each.version, each.name, each.digest) for each in (ONE, TWO)]
    assert ONE.digest == hashlib.sha256(ONE.sql.encode()).hexdigest()


def test_what_is_applied_is_not_applied_again(gateway: LocalSql) -> None:
    migrate(gateway, [ONE], NOW)

    assert migrate(gateway, [ONE], NOW) == []
    assert migrate(gateway, [ONE, TWO], NOW) == [TWO]
    assert migrate(gateway, [ONE, TWO], NOW) == []


def test_a_catalog_of_a_newer_version_is_refused_and_left_alone(gateway: LocalSql) -> None:
    migrate(gateway, [ONE, TWO], NOW)
    before = (_tables(gateway), _noted(gateway))

    with pytest.raises(NewerCatalog, match="has migration 2, this version knows up to 1") as refused:
        migrate(gateway, [ONE], NOW)

    assert refused.value.code == "newer_catalog"
    assert isinstance(refused.value, Conflict)
    assert (_tables(gateway), _noted(gateway)) == before


def test_a_catalog_of_other_migrations_is_refused_before_anything_is_applied(gateway: LocalSql) -> None:
    migrate(gateway, [ONE], NOW)
    changed = Migration(1, "0001_one", ONE.sql + " ")

    with pytest.raises(NewerCatalog, match="0001_one"):
        migrate(gateway, [changed, TWO], NOW)

    assert _tables(gateway) == ["migration", "one"]


@pytest.mark.parametrize("broken", ["CREATE TABEL x (id)", "INSERT INTO nowhere VALUES (1)", "CREATE TABLE one (id)"])
def test_a_migration_that_fails_leaves_nothing_of_itself_and_keeps_the_ones_before_it(
    gateway: LocalSql, broken: str
) -> None:
    damaged = Migration(2, "0002_damaged", f"CREATE TABLE half (id);\nINSERT INTO one VALUES (1);\n{broken};")

    with pytest.raises(Unavailable):
        migrate(gateway, [ONE, damaged], NOW)

    assert _tables(gateway) == ["migration", "one"]
    assert gateway.query(Statement("SELECT * FROM one")) == []
    assert [version for version, *_ in _noted(gateway)] == [1]
    assert migrate(gateway, [ONE, TWO], NOW) == [TWO]


def test_the_projects_own_migrations_make_a_catalog(gateway: LocalSql) -> None:
    migrations = read_migrations(MIGRATIONS)

    assert migrate(gateway, migrations, NOW) == migrations
    assert {"run", "checkpoint", "fire", "audit", "counter"} <= set(_tables(gateway))


def test_every_table_says_whose_its_rows_are(gateway: LocalSql) -> None:
    migrate(gateway, read_migrations(MIGRATIONS), NOW)
    own = {"migration", "team", "sqlite_sequence"}

    for table in set(_tables(gateway)) - own:
        columns = [row[1] for row in gateway.query(Statement(f"PRAGMA table_info({table})"))]
        assert "team_id" in columns, table


def test_migrations_are_read_by_number(tmp_path: Path) -> None:
    for name in ("0010_later.sql", "0002_early.sql", "README.md"):
        (tmp_path / name).write_text("SELECT 1;")

    assert [(each.version, each.name) for each in read_migrations(tmp_path)] == [(2, "0002_early"), (10, "0010_later")]
