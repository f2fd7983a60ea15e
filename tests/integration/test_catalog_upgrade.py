"""A catalog that was made by an earlier version goes on in this one, with all that is in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.adapters.sql.drafts import SqlDrafts
from appliance.adapters.sql.gateway import Statement
from appliance.adapters.sql.local import LocalSql
from appliance.adapters.sql.migrate import migrate, read_migrations
from appliance.adapters.sql.revisions import SqlRevisions
from appliance.bootstrap import MIGRATIONS, TEAM
from appliance.core.draft import MAIN, Heads, Merge
from appliance.core.revision import NewRevision, Revision
from tests.support.draft_rows import FIRST, new_epoch, update
from tests.support.rows import NOW, SECOND, noted

INSERT = (
    "INSERT INTO revision (team_id, number, digest, manifest, value, uploads, applied_by, applied_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


def _old(number: int) -> Revision:
    at = NOW + number * SECOND
    return Revision(number, f"digest of {number}", "text", {"pipeline": []}, {"a.toml": "text"}, "alice", at)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[LocalSql]:
    """A catalog from before there were drafts, with three revisions, brought to this version."""
    path = str(tmp_path / "catalog.db")
    before = LocalSql(path)
    migrate(before, read_migrations(MIGRATIONS)[:1], NOW)
    for number in (1, 2, 3):
        at = (NOW + number * SECOND).isoformat(timespec="microseconds")
        row = (TEAM, number, f"digest of {number}", "text", '{"pipeline": []}', '{"a.toml": "text"}', "alice", at)
        before.batch([Statement(INSERT, row)])
    before.close()
    gateway = LocalSql(path)
    migrate(gateway, read_migrations(MIGRATIONS), NOW)
    yield gateway
    gateway.close()


def test_revisions_from_before_there_were_drafts_are_as_they_were(gateway: LocalSql) -> None:
    revisions = SqlRevisions(gateway, TEAM)

    assert revisions.list(before=None, limit=9).items == [_old(3), _old(2), _old(1)]
    assert revisions.number_at(NOW + 2.5 * SECOND) == 2
    assert revisions.undone("digest of 2") is None


def test_a_draft_is_begun_on_the_revisions_from_before_and_reverts_to_one_of_them(gateway: LocalSql) -> None:
    revisions, drafts = SqlRevisions(gateway, TEAM), SqlDrafts(gateway, TEAM)
    assert drafts.list() == []
    drafts.create(new_epoch(applied=3), noted())

    new = NewRevision(3, "digest of 1", "text", {}, {}, "bob", NOW, MAIN, FIRST, Heads("back"), reverts=1)
    revisions.add(new, [], noted(), [Merge(FIRST, Heads("back"), update(1))])

    assert [found.undone_by for found in revisions.list(before=None, limit=9).items] == [None, 4, 4, None]
    assert (drafts.get(MAIN).applied, drafts.get(MAIN).applied_heads) == (4, "back")
