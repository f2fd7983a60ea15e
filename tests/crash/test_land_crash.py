"""The process dies before or after any write of a commit: readers never notice, a resumed run finishes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from appliance.adapters.selfhosted.files import DirectoryObjects
from appliance.core.landing import Column, history_key, schema_key, view_key
from appliance.core.objects import ObjectInfo, ObjectStore
from tests.support.landing import TABLE, Orders, Row

pytestmark = pytest.mark.crash

T = TypeVar("T")

ID = Column("id", "int64")
AMOUNT = Column("amount", "int64")
WIDER = Column("amount", "float64")
NOTE = Column("note", "text")


class Killed(BaseException):
    """The process is gone: nothing in the product may catch this."""


@dataclass
class Fuse:
    """Burns at the write with number `at`, before or after it is done."""

    objects: ObjectStore
    at: int
    before: bool
    writes: int = 0

    @property
    def location(self) -> str:
        return self.objects.location

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> bool:
        return self._burning(lambda: self.objects.put(key, data, if_absent=if_absent))

    def put_file(self, key: str, path: str, *, if_absent: bool = False) -> bool:
        return self._burning(lambda: self.objects.put_file(key, path, if_absent=if_absent))

    def get(self, key: str) -> bytes:
        return self.objects.get(key)

    def head(self, key: str) -> ObjectInfo | None:
        return self.objects.head(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return self.objects.list(prefix)

    def delete(self, key: str) -> None:
        self._burning(lambda: self.objects.delete(key))

    def compare_and_set(self, key: str, data: bytes, *, expected: str | None) -> str:
        return self._burning(lambda: self.objects.compare_and_set(key, data, expected=expected))

    def check(self) -> None:
        self.objects.check()

    def _burning(self, write: Callable[[], T]) -> T:
        self.writes += 1
        if self.before and self.writes == self.at:
            raise Killed
        result = write()
        if self.writes == self.at:
            raise Killed
        return result


@dataclass(frozen=True)
class Case:
    """Runs that landed before, and the one whose commit is killed."""

    earlier: tuple[tuple[tuple[Column, ...], tuple[Row, ...]], ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    old: list[Row] | None
    new: list[Row]
    writes: int


CASES = {
    "the first run": Case((), (ID, AMOUNT), ({"id": 1, "amount": 1},), None, [{"id": 1, "amount": 1}], 4),
    "the first run, without rows": Case((), (ID,), (), None, [], 4),
    "rows after runs without": Case(
        (((ID,), ()), ((ID, AMOUNT), ())), (ID, AMOUNT), ({"id": 1, "amount": 1},), [], [{"id": 1, "amount": 1}], 2,
    ),
    "the same columns": Case(
        (((ID,), ({"id": 1}, {"id": 2})),), (ID,), ({"id": 2}, {"id": 3}), [{"id": 1}, {"id": 2}],
        [{"id": 1}, {"id": 2}, {"id": 3}], 1,
    ),
    "a wider column and a new one": Case(
        (((ID, AMOUNT), ({"id": 1, "amount": 1},)),),
        (ID, WIDER, NOTE),
        ({"id": 2, "amount": 0.5, "note": "n"},),
        [{"id": 1, "amount": 1}],
        [{"id": 1, "amount": 1.0, "note": None}, {"id": 2, "amount": 0.5, "note": "n"}],
        4,
    ),
    "no rows after rows, with a new column": Case(
        (((ID,), ({"id": 1},)),), (ID, NOTE), (), [{"id": 1}], [{"id": 1, "note": None}], 4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("name", CASES)
def test_a_commit_that_is_killed_at_any_write_is_finished_by_the_next_try(
    name: str, tmp_path: Path, *, before: bool
) -> None:
    case = CASES[name]
    kills = 0
    for at in range(1, 20):
        orders = _earlier(case, tmp_path / str(at))
        number = len(case.earlier) + 1
        draft = orders.draft(number, orders.put_parts(number, case.columns, case.rows) if case.rows else ())
        fuse = Fuse(orders.objects, at, before)
        try:
            Orders(fuse).commit(draft, case.columns)
        except Killed:
            kills += 1
        else:
            break
        assert _visible(orders) in _allowed(case)

        orders.commit(draft, case.columns)

        assert _visible(orders) == case.new
        assert _objects(orders) == _objects(_undisturbed(case, tmp_path / f"{at}-undisturbed"))

    assert kills == case.writes


def test_a_commit_that_is_done_writes_nothing_when_it_is_done_again(tmp_path: Path) -> None:
    orders = Orders(DirectoryObjects(tmp_path))
    draft = orders.draft(1, orders.put_parts(1, (ID,), [{"id": 1}]))
    first = orders.commit(draft, (ID,))

    again = Fuse(orders.objects, at=1, before=True)

    assert Orders(again).commit(draft, (ID,)) == first
    assert again.writes == 0


def _allowed(case: Case) -> list[list[Row] | None]:
    """Old or new rows; old rows may already show the new columns. No view yet counts as old where there was none."""
    names = [column.name for column in case.columns]
    widened: list[Row] = [{name: row.get(name) for name in names} for row in case.old or []]
    # The very first view comes after the run manifest, and until then a table without rows looks empty.
    return [case.old, case.new, widened, *([] if case.old else [None, []])]


def _earlier(case: Case, folder: Path) -> Orders:
    orders = Orders(DirectoryObjects(folder))
    for number, (columns, rows) in enumerate(case.earlier, start=1):
        orders.land(number, columns, *([rows] if rows else []))
    return orders


def _undisturbed(case: Case, folder: Path) -> Orders:
    orders = _earlier(case, folder)
    orders.land(len(case.earlier) + 1, case.columns, *([case.rows] if case.rows else []))
    return orders


def _visible(orders: Orders) -> list[Row] | None:
    return orders.query() if orders.objects.head(view_key(TABLE)) else None


def _objects(orders: Orders) -> dict[str, bytes]:
    found = {info.key: orders.objects.get(info.key) for info in list(orders.objects.list(""))}
    assert {schema_key(TABLE), history_key(TABLE), view_key(TABLE)} <= found.keys()
    # The view names the directory, which differs.
    return {key: data.replace(orders.objects.location.encode(), b"") for key, data in found.items()}
