"""The `file` connector reads what the operator mounted: each file once, whole, and again when it changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import arro3.core as arrow
import pytest
from arro3.io import write_parquet

from tests.support.builtin_readings import Readings, ready


@dataclass(frozen=True, slots=True)
class Mounted:
    """The granted directory."""

    root: Path

    def put(self, path: str, content: bytes, *, at: int = 1) -> None:
        """Write a file that was last modified `at` seconds after 1970."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        os.utime(place, (at, at))

    def put_parquet(self, path: str, ids: range, *, group_rows: int, at: int = 1) -> None:
        """One column `id`, in row groups of `group_rows`."""
        place = self.root / path
        column = arrow.Array(list(ids), arrow.DataType.int64())
        write_parquet(arrow.Table.from_pydict({"id": column}), str(place), max_row_group_size=group_rows)
        os.utime(place, (at, at))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Readings]:
    with ready(tmp_path_factory.mktemp("file"), "file") as readings:
        yield readings


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    return Mounted(tmp_path)


@pytest.fixture
def files(mounted: Mounted, running: Readings) -> Readings:
    return replace(running, files_root=mounted.root)


def csv_of(*ids: int) -> bytes:
    return b"id,name\n" + b"".join(b"%d,n%d\n" % (number, number) for number in ids)


def test_files_are_read_oldest_change_first(mounted: Mounted, files: Readings) -> None:
    mounted.put("orders/b.csv", csv_of(1, 2), at=10)
    mounted.put("orders/a.csv", csv_of(3), at=20)
    mounted.put("orders/c.ndjson", b'{"id":4,"name":"n4"}', at=20)
    mounted.put("elsewhere/d.csv", csv_of(9))
    read = files.read({"path": "orders/*"})
    assert (read.ids, read.failed) == ([1, 2, 3, 4], None)


def test_a_finished_file_is_not_read_again(mounted: Mounted, files: Readings) -> None:
    mounted.put("orders/a.csv", csv_of(1), at=10)
    first = files.read({"path": "orders/*.csv"})
    assert files.read({"path": "orders/*.csv"}, cursor=first.cursor).rows == []
    mounted.put("orders/b.csv", csv_of(2), at=11)
    assert files.read({"path": "orders/*.csv"}, cursor=first.cursor).ids == [2]


def test_a_changed_file_is_read_again_whole(mounted: Mounted, files: Readings) -> None:
    mounted.put("a.csv", csv_of(1), at=10)
    mounted.put("b.csv", csv_of(2), at=10)
    first = files.read({"path": "*.csv"})
    mounted.put("a.csv", csv_of(1, 3), at=11)
    assert files.read({"path": "*.csv"}, cursor=first.cursor).ids == [1, 3]


def test_the_cursor_does_not_grow_with_the_files(mounted: Mounted, files: Readings) -> None:
    for number in range(300):
        mounted.put(f"in/{number:04}.csv", csv_of(number), at=number)
    read = files.read({"path": "in/*.csv"})
    assert read.ids == list(range(300))
    assert max(map(len, read.cursors)) < 200


def test_each_table_has_its_own_files(mounted: Mounted, files: Readings) -> None:
    mounted.put("o.csv", csv_of(1))
    mounted.put("deep/down/lines-1.csv", csv_of(2))
    config = {"path": "{table}.csv", "tables": {"o": {}, "lines": {"path": "**/lines-*.csv", "format": "csv"}}}
    assert files.read(config, table="o").ids == [1]
    assert files.read(config, table="lines").ids == [2]


def test_rows_are_filtered_by_a_field_across_files(mounted: Mounted, files: Readings) -> None:
    mounted.put("a.csv", csv_of(1, 2), at=1)
    first = files.read({"path": "*"}, incremental="id")
    mounted.put("b.ndjson", b'{"id":2}\n{"id":10}\n', at=2)
    mounted.put("c.csv", csv_of(9, 11), at=3)
    again = files.read({"path": "*"}, incremental="id", cursor=first.cursor)
    assert (again.ids, again.failed) == ([10, 9, 11], None)
    keyed = files.read({"path": "*"}, incremental="id", primary_key=["id"], cursor=first.cursor)
    assert keyed.ids == [2, 10, 9, 11]


def big_csv(first: int, last: int) -> bytes:
    filler = b"x" * 90
    return b"id,name\n" + b"".join(b'%d,"%s"\n' % (number, filler) for number in range(first, last))


def test_a_killed_run_goes_on_inside_the_file(mounted: Mounted, files: Readings) -> None:
    mounted.put("a.csv", big_csv(0, 100_000), at=1)
    mounted.put("b.csv", csv_of(100_000), at=2)
    ids: list[int] = []
    cursor: str | None = None
    for _ in range(3):
        read = files.read({"path": "*.csv"}, cursor=cursor, stop_after=1)
        ids += read.ids
        cursor = read.cursors[-1]
    rest = files.read({"path": "*.csv"}, cursor=cursor)
    assert ids + rest.ids == list(range(100_001))


def test_an_older_file_that_arrives_meanwhile_does_not_repeat_the_begun_one(mounted: Mounted, files: Readings) -> None:
    mounted.put("b.csv", big_csv(0, 100_000), at=20)
    first = files.read({"path": "*.csv"}, stop_after=1)
    mounted.put("a.csv", csv_of(-1), at=10)
    second = files.read({"path": "*.csv"}, cursor=first.cursors[-1], stop_after=1)
    rest = files.read({"path": "*.csv"}, cursor=second.cursors[-1])
    assert second.ids == [-1]
    assert first.ids + rest.ids == list(range(100_000))


def test_a_begun_file_that_changed_is_read_from_its_start(mounted: Mounted, files: Readings) -> None:
    mounted.put("a.csv", big_csv(0, 100_000), at=1)
    first = files.read({"path": "*.csv"}, stop_after=1)
    mounted.put("a.csv", csv_of(5), at=2)
    rest = files.read({"path": "*.csv"}, cursor=first.cursors[-1])
    assert rest.ids == [5]
    assert '"a.csv" changed since the last attempt: it is read again from its start' in rest.logs


def test_parquet_is_read_by_row_groups_and_resumes_between_them(mounted: Mounted, files: Readings) -> None:
    mounted.put_parquet("a.parquet", range(2_000_000), group_rows=100_000)
    first = files.read({"path": "*.parquet"}, stop_after=1)
    rest = files.read({"path": "*.parquet"}, cursor=first.cursors[-1])
    assert first.ids + rest.ids == list(range(2_000_000))
    assert len(rest.pages) < 20
    assert files.read({"path": "*.parquet"}, cursor=rest.cursor).rows == []


def test_small_row_groups_share_a_page(mounted: Mounted, files: Readings) -> None:
    mounted.put_parquet("a.parquet", range(1_000), group_rows=10)
    read = files.read({"path": "*.parquet"}, incremental="id")
    assert (len(read.pages), len(read.rows)) == (1, 1_000)
    assert any("each new or changed file is read whole" in line for line in read.logs)


def test_no_match_is_said_and_is_no_error(files: Readings) -> None:
    read = files.read({"path": "nothing/*.csv"})
    assert (read.rows, read.failed) == ([], None)
    assert 'no file matches "nothing/*.csv"' in read.logs


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.csv", b"id,name\n1\n", "a.csv, line 2: 1 fields, but the header has 2"),
        ("a.csv", b'id\n"1\n', "a.csv, line 2: a quote is opened and never closed"),
        ("a.csv", b"id\n\xff\xfe\n", "is not UTF-8"),
        ("a.ndjson", b'{"id":1}\n{"id"\n', "a.ndjson, line 2, byte 14: a colon is missing"),
        ("a.jsonl", b"[]\n", "a.jsonl, line 1: not a JSON object"),
        ("a.xls", b"?", '"a.xls": its ending names no format; say source.config.format'),
        ("a.parquet", b"PAR1", "is not a readable Parquet file"),
    ],
)
def test_broken_files_are_named(name: str, content: bytes, why: str, mounted: Mounted, files: Readings) -> None:
    mounted.put(name, content)
    kind, message = files.read({"path": "*"}).failure()
    assert kind == "permanent"
    assert why in message


def test_rows_before_a_broken_file_stay_read(mounted: Mounted, files: Readings) -> None:
    mounted.put("a.csv", csv_of(1), at=1)
    mounted.put("b.csv", b"id\n1,2\n", at=2)
    broken = files.read({"path": "*.csv"})
    mounted.put("b.csv", csv_of(2), at=3)
    assert broken.ids == [1]
    assert files.read({"path": "*.csv"}, cursor=broken.cursors[-1]).ids == [2]


@pytest.mark.parametrize("path", ["../*.csv", "/etc/*", "a/../../*.csv"])
def test_there_is_no_way_out_of_the_granted_directory(path: str, mounted: Mounted, running: Readings) -> None:
    inside = mounted.root / "granted"
    inside.mkdir()
    mounted.put("secret.csv", csv_of(1))
    (inside / "link.csv").symlink_to(mounted.root / "secret.csv")
    for wanted in (path, "*.csv"):
        assert replace(running, files_root=inside).read({"path": wanted}).rows == []


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({}, "source.config.path is missing"),
        ({"path": 1}, "source.config.path must be a text"),
        ({"path": "*", "glob": "x"}, 'source.config: unknown key "glob"; known are: path format delimiter tables'),
        ({"path": "*", "tables": {"orders": {"url": "x"}}}, 'source.config.tables: unknown key "url"'),
        ({"path": "*", "tables": {"lines": {}}}, 'table "orders" is not in source.config.tables'),
        ({"path": "*", "format": "json"}, "source.config.format must be one of csv ndjson parquet"),
        ({"path": "*", "delimiter": ""}, "source.config.delimiter must be one ASCII character"),
        ({"path": "x" * 5000}, "source.config.path is longer than 4096 bytes"),
    ],
)
def test_settings_are_refused_by_name(config: dict[str, Any], why: str, files: Readings) -> None:
    kind, message = files.read(config).failure()
    assert kind == "permanent"
    assert why in message


@pytest.mark.parametrize("cursor", ["", "{}", '{"v":1,"at":[{}]}', '{"v":1,"mark":{"path":"a","modified":"x"}}'])
def test_a_damaged_cursor_is_refused(cursor: str, mounted: Mounted, files: Readings) -> None:
    mounted.put("a.csv", csv_of(1))
    kind, message = files.read({"path": "*.csv"}, cursor=cursor).failure()
    assert (kind, "the stored cursor" in message) == ("permanent", True)
