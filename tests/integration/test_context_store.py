"""The context store as its readers see it: DuckDB, with nothing of ours installed."""
# ruff: noqa: F811 - a fixture that is imported has the name of the argument that asks for it

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.adapters.selfhosted.files import DirectoryObjects
from appliance.core.errors import Conflict, Invalid
from appliance.core.landing import (
    Column,
    SchemaIncompatible,
    history_key,
    manifest_key,
    part_key,
    run_prefix,
    schema_key,
    view_key,
)
from appliance.services.land import Land
from tests.support.landing import NODE, TABLE, Orders, copied, parquet, run_id
from tests.support.stores import Stores, stores  # noqa: F401 - fixtures

ID = Column("id", "int64", nullable=False)
NAME = Column("name", "text")
COLUMNS = (ID, NAME)


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    return Orders(DirectoryObjects(tmp_path / "store"))


def test_the_view_shows_the_latest_row_of_each_key(orders: Orders) -> None:
    orders.land(1, COLUMNS, [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}], [{"id": 1, "name": "a in a later part"}])
    assert orders.query() == [{"id": 1, "name": "a in a later part"}, {"id": 2, "name": "b"}]

    orders.land(2, COLUMNS, [{"id": 2, "name": "b2"}, {"id": 2, "name": "b3"}, {"id": 3, "name": None}])
    assert orders.query() == [
        {"id": 1, "name": "a in a later part"},
        {"id": 2, "name": "b3"},
        {"id": 3, "name": None},
    ]


def test_the_later_run_wins_whatever_its_name_and_its_clock_say(orders: Orders) -> None:
    parts = orders.put_parts(9, COLUMNS, [{"id": 1, "name": "early"}])
    orders.commit(replace(orders.draft(9, parts), sequence=1), COLUMNS)
    parts = orders.put_parts(1, COLUMNS, [{"id": 1, "name": "late"}])
    orders.commit(replace(orders.draft(1, parts), sequence=10), COLUMNS)

    assert orders.query() == [{"id": 1, "name": "late"}]


def test_without_a_key_every_row_is_kept(tmp_path: Path) -> None:
    orders = Orders(DirectoryObjects(tmp_path), primary_key=())
    orders.land(1, COLUMNS, [{"id": 1, "name": "a"}, {"id": 1, "name": "a"}])
    orders.land(2, COLUMNS, [{"id": 1, "name": "a"}])

    assert orders.query() == [{"id": 1, "name": "a"}] * 3


def test_a_key_of_two_columns_is_one_key(tmp_path: Path) -> None:
    orders = Orders(DirectoryObjects(tmp_path), primary_key=("id", "name"))
    orders.land(1, COLUMNS, [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}, {"id": 1, "name": None}])
    orders.land(2, COLUMNS, [{"id": 1, "name": "a"}, {"id": 1, "name": None}])

    assert orders.query() == [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}, {"id": 1, "name": None}]


def test_what_no_run_manifest_names_is_not_shown(orders: Orders, tmp_path: Path) -> None:
    landed = orders.land(1, COLUMNS, [{"id": 1, "name": "a"}])
    # A run that is half done, one whose folder is empty, a late writer's orphan, and a write cut short.
    orders.put_parts(2, COLUMNS, [{"id": 1, "name": "half"}], [{"id": 7, "name": "done"}])
    (tmp_path / "store" / run_prefix(TABLE, run_id(3), NODE)).mkdir(parents=True)
    orphan = parquet(COLUMNS, [{"id": 1, "name": "orphan"}])
    orders.objects.put(part_key(TABLE, run_id(1), NODE, seq=0, sha256="0" * 64), orphan)
    (tmp_path / "store" / ".staging" / "0123.part").write_bytes(b"PAR1 cut sho")

    assert orders.query() == [{"id": 1, "name": "a"}]
    assert [part.name for part in landed.manifest.parts] != []


def test_new_columns_and_wider_ones_are_shown_for_old_rows_too(orders: Orders) -> None:
    orders.land(1, (ID, Column("amount", "int64")), [{"id": 1, "amount": 5}])
    wider = (ID, Column("amount", "float64"), Column("at", "timestamp"))
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)

    landed = orders.land(2, wider, [{"id": 2, "amount": 2.5, "at": at}])
    orders.land(3, (ID,), [{"id": 3}])

    assert orders.query() == [
        {"id": 1, "amount": 5.0, "at": None},
        {"id": 2, "amount": 2.5, "at": at},
        {"id": 3, "amount": None, "at": None},
    ]
    assert landed.schema is not None
    assert landed.schema.version == 2
    assert [line["version"] for line in _history(orders)] == [1, 2]
    assert _history(orders)[1]["added"] == [{"name": "at", "type": "timestamp"}]
    assert _history(orders)[1]["widened"] == [{"name": "amount", "from": "int64", "to": "float64"}]
    assert _history(orders)[1]["run_id"] == run_id(2)


def test_a_column_that_changes_its_type_otherwise_lands_nothing(orders: Orders) -> None:
    orders.land(1, COLUMNS, [{"id": 1, "name": "a"}])
    before = {info.key: orders.objects.get(info.key) for info in list(orders.objects.list(""))}
    changed = (ID, Column("name", "int64"))
    parts = orders.put_parts(2, changed, [{"id": 1, "name": 5}])

    with pytest.raises(SchemaIncompatible, match="column 'name': the table has text, these rows have int64"):
        orders.commit(orders.draft(2, parts), changed)
    assert Land(orders.objects).discard(TABLE, run_id(2), NODE) == 1

    assert {info.key: orders.objects.get(info.key) for info in list(orders.objects.list(""))} == before
    assert orders.query() == [{"id": 1, "name": "a"}]


def test_a_primary_key_that_is_no_column_lands_nothing(tmp_path: Path) -> None:
    orders = Orders(DirectoryObjects(tmp_path), primary_key=("order_id",))

    with pytest.raises(SchemaIncompatible, match="primary key 'order_id' is not a column; there are id, name"):
        orders.land(1, COLUMNS, [{"id": 1}])

    assert [info.key for info in orders.objects.list("") if not info.key.endswith(".parquet")] == []


def test_a_key_that_is_configured_later_holds_for_old_rows(tmp_path: Path) -> None:
    objects = DirectoryObjects(tmp_path)
    Orders(objects, primary_key=()).land(1, COLUMNS, [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}])

    Orders(objects).land(2, COLUMNS, [{"id": 2, "name": "c"}])

    assert Orders(objects).query() == [{"id": 1, "name": "b"}, {"id": 2, "name": "c"}]


def test_a_table_without_rows_has_an_empty_view_once_its_columns_are_known(orders: Orders) -> None:
    landed = orders.land(1, ())
    assert landed.schema is None
    assert orders.objects.head(view_key(TABLE)) is None

    orders.land(2, COLUMNS)
    assert orders.query() == []
    assert orders.query("SELECT column_name, column_type FROM (DESCRIBE shop_orders)") == [
        {"column_name": "id", "column_type": "BIGINT"},
        {"column_name": "name", "column_type": "VARCHAR"},
    ]

    orders.put_parts(3, COLUMNS, [{"id": 1, "name": "not committed"}])
    orders.land(4, (*COLUMNS, Column("more", "boolean")))
    assert orders.query() == []

    orders.land(5, COLUMNS, [{"id": 1, "name": "a"}])
    orders.land(6, ())
    assert orders.query() == [{"id": 1, "name": "a", "more": None}]


HOSTILE = {
    'quo"te': ("text", "a"),
    "it's": ("int64", 1),
    "semi; DROP TABLE x; --": ("float64", 1.5),
    "{braces} %s $1 ?": ("boolean", True),
    "filename": ("text", "b"),
    "file_row_number": ("int64", 2),
    "file_index": ("int64", 3),
    "c0": ("text", "c"),
    "c1": ("bytes", b"\x00\xff'"),
    "parts": ("json", '{"a":[1,"\\u00e9"]}'),
    "select": ("timestamp", datetime(2026, 1, 1, 23, 59, 59, 999999, tzinfo=UTC)),
    "sequence": ("text", "it's"),
    " leading": ("text", ""),
    "ünï 日本 🦆": ("text", "🦆"),
    "*": ("int64", 2**63 - 1),
    "x" * 255: ("int64", -(2**63)),
}


def test_hostile_column_names_and_values_come_back_as_they_were(tmp_path: Path) -> None:
    orders = Orders(DirectoryObjects(tmp_path / "it's [a*b]? x=1"), primary_key=tuple(HOSTILE)[:6])
    columns = tuple(Column(name, kind) for name, (kind, _) in HOSTILE.items())
    row = {name: value for name, (_, value) in HOSTILE.items()}

    orders.land(1, columns, [row])
    orders.land(2, columns, [row, {**row, 'quo"te': "b"}])

    assert orders.query('SELECT * FROM shop_orders ORDER BY "quo""te"') == [row, {**row, 'quo"te': "b"}]


def test_a_moved_store_is_read_where_it_is(orders: Orders, tmp_path: Path) -> None:
    orders.land(1, COLUMNS, [{"id": 1, "name": "a"}])
    shutil.move(tmp_path / "store", tmp_path / "moved")
    moved = Orders(DirectoryObjects(tmp_path / "moved"))

    assert moved.query(root=tmp_path / "moved") == [{"id": 1, "name": "a"}]


def test_two_nodes_with_one_run_id_stay_apart(orders: Orders) -> None:
    first = orders.land(1, COLUMNS, [{"id": 1, "name": "a"}])
    data = parquet(COLUMNS, [{"id": 2, "name": "b"}])
    part = replace(first.manifest.parts[0], bytes=len(data))
    orders.objects.put(run_prefix(TABLE, run_id(1), "laptop") + part.name, data)
    orders.commit(replace(orders.draft(1, (part,)), node_id="laptop"), COLUMNS)

    assert orders.query() == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]


def test_the_manifest_that_is_there_first_wins(orders: Orders) -> None:
    won = orders.land(1, COLUMNS, [{"id": 1, "name": "won"}])
    parts = orders.put_parts(1, COLUMNS, [{"id": 1, "name": "late"}])
    late = orders.commit(replace(orders.draft(1, parts), fence=2, sequence=5), COLUMNS)

    assert late.manifest == won.manifest
    assert orders.query() == [{"id": 1, "name": "won"}]
    with pytest.raises(Conflict, match="its parts stay"):
        Land(orders.objects).discard(TABLE, run_id(1), NODE)


def test_writers_that_add_different_columns_at_once_lose_none(orders: Orders) -> None:
    extra = [Column(f"extra_{number}", "int64") for number in range(1, 9)]

    def land(number: int) -> None:
        orders.land(number, (*COLUMNS, extra[number - 1]), [{"id": number, f"extra_{number}": number}])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(land, range(1, 9)))

    rows = orders.query()
    assert len(rows) == 8
    assert all(row[f"extra_{row['id']}"] == row["id"] for row in rows)
    assert [line["version"] for line in _history(orders)] == list(range(1, 9))


@pytest.mark.parametrize("damage", [b"{", b"[]", b'{"format":2}', b"\xff"])
def test_a_damaged_object_is_named_and_nothing_lands_on_it(orders: Orders, damage: bytes) -> None:
    orders.land(1, COLUMNS, [{"id": 1, "name": "a"}])
    orders.objects.put(schema_key(TABLE), damage)

    with pytest.raises(Invalid, match=schema_key(TABLE)):
        orders.land(2, COLUMNS, [{"id": 2, "name": "b"}])
    orders.objects.put(manifest_key(TABLE, run_id(1), NODE), damage)
    with pytest.raises(Invalid, match=manifest_key(TABLE, run_id(1), NODE)):
        Land(orders.objects).manifest(TABLE, run_id(1), NODE)


def test_what_a_cut_upload_left_empty_counts_as_absent(orders: Orders) -> None:
    for key in (schema_key(TABLE), history_key(TABLE), view_key(TABLE), manifest_key(TABLE, run_id(1), NODE)):
        orders.objects.put(key, b"")

    assert Land(orders.objects).manifest(TABLE, run_id(1), NODE) is None
    orders.land(1, COLUMNS, [{"id": 1, "name": "a"}])
    assert orders.query() == [{"id": 1, "name": "a"}]


def test_a_manifest_in_the_wrong_place_is_not_taken(orders: Orders) -> None:
    landed = orders.land(1, COLUMNS, [{"id": 1, "name": "a"}])
    orders.objects.put(manifest_key(TABLE, run_id(2), NODE), landed.manifest.to_bytes())

    with pytest.raises(Invalid, match=f"is the run manifest of {run_id(1)}"):
        Land(orders.objects).manifest(TABLE, run_id(2), NODE)


@pytest.mark.parametrize("server", ["seaweedfs", "localbucket", "deaf"])
def test_a_bucket_holds_the_same_layout(stores: Stores, server: str, orders: Orders, tmp_path: Path) -> None:
    bucket = Orders(stores.new(server))
    for store in (bucket, orders):
        store.land(1, (ID,), [{"id": 1}], [{"id": 2}])
        store.land(2, COLUMNS, [{"id": 1, "name": "new"}])

    # The httpfs extension cannot be had without a network: the objects are fetched, the view is the bucket's own.
    copy = copied(bucket.objects, tmp_path / "copy")

    assert bucket.query(root=copy) == orders.query() == [{"id": 1, "name": "new"}, {"id": 2, "name": None}]
    views = {view_key(TABLE)}
    assert {info.key for info in bucket.objects.list("")} == {info.key for info in orders.objects.list("")}
    assert all(
        bucket.objects.get(info.key) == orders.objects.get(info.key)
        for info in list(bucket.objects.list(""))
        if info.key not in views
    )
    assert f"'{bucket.objects.location}'" in bucket.objects.get(view_key(TABLE)).decode()


def _history(orders: Orders) -> list[dict[str, object]]:
    return [json.loads(line) for line in orders.objects.get(history_key(TABLE)).decode().splitlines()]
