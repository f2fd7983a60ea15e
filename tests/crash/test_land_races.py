"""Another writer comes in between, right before any write of a commit: nothing of either is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from appliance.adapters.selfhosted.files import DirectoryObjects
from appliance.core.landing import Column, history_key, manifest_key, schema_key, view_key
from tests.support.landing import NODE, TABLE, Orders, run_id

pytestmark = pytest.mark.crash

ID = Column("id", "int64")
MINE = Column("mine", "int64")
THEIRS = Column("theirs", "int64")


@dataclass(frozen=True)
class Doorway:
    """A directory store that lets someone in before the first write of one key."""

    objects: DirectoryObjects
    key: str
    visit: Callable[[], object]
    visited: list[str]

    @property
    def location(self) -> str:
        return self.objects.location

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> bool:
        self._open(key)
        return self.objects.put(key, data, if_absent=if_absent)

    def compare_and_set(self, key: str, data: bytes, *, expected: str | None) -> str:
        self._open(key)
        return self.objects.compare_and_set(key, data, expected=expected)

    def __getattr__(self, name: str) -> object:
        return getattr(self.objects, name)

    def _open(self, key: str) -> None:
        if key == self.key and not self.visited:
            self.visited.append(key)
            self.visit()


KEYS = [schema_key(TABLE), history_key(TABLE), view_key(TABLE), manifest_key(TABLE, run_id(1), NODE)]


@pytest.mark.parametrize("earlier", [True, False], ids=["a known table", "a new table"])
@pytest.mark.parametrize("key", KEYS)
def test_two_runs_that_meet_at_one_object_both_land(key: str, tmp_path: Path, *, earlier: bool) -> None:
    objects = DirectoryObjects(tmp_path)
    alone = Orders(objects)
    if earlier:
        alone.land(0, (ID,), [{"id": 0}])
    visited: list[str] = []
    doorway = Doorway(objects, key, lambda: alone.land(2, (ID, THEIRS), [{"id": 2, "theirs": 2}]), visited)

    Orders(doorway).land(1, (ID, MINE), [{"id": 1, "mine": 1}])  # type: ignore[arg-type] # the rest is passed on

    assert visited == [key]
    rows = alone.query("SELECT id, mine, theirs FROM shop_orders WHERE id > 0 ORDER BY id")
    assert rows == [{"id": 1, "mine": 1, "theirs": None}, {"id": 2, "mine": None, "theirs": 2}]
    versions = [json.loads(line)["version"] for line in objects.get(history_key(TABLE)).decode().splitlines()]
    assert versions == list(range(1, len(versions) + 1))
    assert len(versions) == json.loads(objects.get(schema_key(TABLE)))["version"] == (3 if earlier else 2)


def test_a_run_without_rows_does_not_hide_the_rows_of_another(tmp_path: Path) -> None:
    objects = DirectoryObjects(tmp_path)
    alone = Orders(objects)
    doorway = Doorway(objects, view_key(TABLE), lambda: alone.land(2, (ID, THEIRS)), [])

    Orders(doorway).land(1, (ID, MINE), [{"id": 1, "mine": 1}])  # type: ignore[arg-type] # the rest is passed on

    assert alone.query() == [{"id": 1, "mine": 1, "theirs": None}]


def test_a_paused_writer_that_was_overtaken_takes_what_is_there(tmp_path: Path) -> None:
    objects = DirectoryObjects(tmp_path)
    alone = Orders(objects)
    parts = alone.put_parts(1, (ID,), [{"id": 1}])
    resumed = replace(alone.draft(1, parts), fence=2, sequence=7)
    key = manifest_key(TABLE, run_id(1), NODE)
    doorway = Doorway(objects, key, lambda: alone.commit(resumed, (ID,)), [])

    landed = Orders(doorway).commit(alone.draft(1, parts), (ID,))  # type: ignore[arg-type] # the rest is passed on

    assert (landed.manifest.fence, landed.manifest.sequence) == (2, 7)
    assert objects.get(key) == landed.manifest.to_bytes()
