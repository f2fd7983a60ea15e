"""How a landed table may change, what its objects are called, and what its JSON may say."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.errors import Invalid
from appliance.core.landing import (
    COLUMN_TYPES,
    Column,
    SchemaIncompatible,
    SchemaVersion,
    change,
    evolve,
    manifest_key,
    part_key,
    view_key,
)
from appliance.core.objects import valid_key
from appliance.core.run_manifest import Part, RunManifest
from appliance.core.schema_record import SchemaRecord, next_record
from connectors_runtime import columns as runtime
from connectors_runtime.errors import SchemaIncompatible as RuntimeIncompatible

DIGEST = "0123456789abcdef" * 4
AT = datetime(2026, 1, 1, 12, 0, 0, 1, tzinfo=UTC)
MANIFEST = RunManifest(
    run_id="orders@20260101T120000Z-1",
    pipeline_id="orders",
    table="Orders",
    landed_name="orders_orders",
    node_id="node.1",
    revision=3,
    sequence=7,
    fence=2,
    committed_at=AT,
    cursor=None,
    parts=(Part.of(0, rows=2, size=100, sha256=DIGEST), Part.of(1, rows=0, size=50, sha256="f" * 64)),
    schema_version=1,
    schema_fingerprint="00ff",
)
NAMES = st.sampled_from(["id", "a", "A", "b", "ä", 'q"', "", "x" * 256, "new\nline"])
COLUMNS = st.lists(
    st.builds(Column, NAMES, st.sampled_from(COLUMN_TYPES), st.booleans()), max_size=5, unique_by=lambda c: c.name
)


def test_the_first_columns_are_version_one() -> None:
    assert evolve(None, [Column("id", "int64", nullable=False)]) == SchemaVersion(1, (Column("id", "int64", False),))
    assert evolve(None, []) is None


def test_a_schema_that_does_not_change_is_the_same_one() -> None:
    known = SchemaVersion(4, (Column("id", "int64"), Column("amount", "float64")))

    assert evolve(known, known.columns) is known
    assert evolve(known, [Column("amount", "int64")]) is known
    assert evolve(known, []) is known


def test_new_columns_come_last_and_may_be_null_in_older_rows() -> None:
    known = SchemaVersion(1, (Column("id", "int64", nullable=False),))

    grown = evolve(known, [Column("b", "text", nullable=False), Column("id", "float64", nullable=False)])

    assert grown == SchemaVersion(2, (Column("id", "float64", nullable=False), Column("b", "text")))
    found = change(known, grown)
    assert (found.added, found.widened, found.relaxed) == (("b",), {"id": ("int64", "float64")}, ())


def test_a_column_that_rows_lack_may_be_null_from_then_on() -> None:
    known = SchemaVersion(1, (Column("id", "int64", False), Column("a", "text", False)))

    relaxed = evolve(known, [Column("id", "int64", False)])

    assert relaxed is not None
    assert change(known, relaxed).relaxed == ("a",)
    assert evolve(known, []) is known


@pytest.mark.parametrize("new", COLUMN_TYPES)
@pytest.mark.parametrize("old", COLUMN_TYPES)
def test_only_int64_to_float64_is_a_widening(old: str, new: str) -> None:
    known = SchemaVersion(1, (Column("c", old),))

    if old == new or {old, new} == {"int64", "float64"}:
        result = evolve(known, [Column("c", new)])
        assert result is not None
        assert result.columns[0].type == ("float64" if "float64" in {old, new} else old)
    else:
        with pytest.raises(SchemaIncompatible, match=f"'c': the table has {old}, these rows have {new}"):
            evolve(known, [Column("c", new)])


@pytest.mark.parametrize(
    "columns",
    [
        [Column("", "text")],
        [Column("a\nb", "text")],
        [Column("\ud800", "text")],
        [Column("x" * 256, "text")],
        [Column("a", "decimal")],
        [Column("a", "text"), Column("a", "text")],
        [Column("a", "text"), Column("A", "text")],
        [Column(f"c{number}", "text") for number in range(2_001)],
    ],
    ids=["empty", "line break", "surrogate", "long", "type", "twice", "case", "many"],
)
def test_columns_that_cannot_be_told_apart_or_read_are_refused(columns: list[Column]) -> None:
    with pytest.raises((Invalid, SchemaIncompatible)):
        evolve(None, columns)


def test_a_column_that_differs_in_case_from_a_known_one_is_refused() -> None:
    with pytest.raises(SchemaIncompatible, match="must differ in more than case"):
        evolve(SchemaVersion(1, (Column("Id", "int64"),)), [Column("id", "int64")])


@given(COLUMNS, COLUMNS)
def test_the_connector_host_and_the_store_accept_the_same_changes(old: list[Column], new: list[Column]) -> None:
    try:
        known = evolve(None, old)
    except (Invalid, SchemaIncompatible):
        return

    assert _by_the_store(known, new) == _by_the_host(known, new)


def _by_the_store(known: SchemaVersion | None, new: list[Column]) -> list[tuple[str, str]] | str:
    try:
        schema = evolve(known, new)
    except (Invalid, SchemaIncompatible):
        return "refused"
    return [(column.name, column.type) for column in schema.columns] if schema else []


def _by_the_host(known: SchemaVersion | None, new: list[Column]) -> list[tuple[str, str]] | str:
    before = tuple(runtime.Column(c.name, c.type, c.nullable) for c in known.columns) if known else ()
    try:
        merged = runtime.merge(before, [runtime.Column(c.name, c.type, c.nullable) for c in new])
    except RuntimeIncompatible:
        return "refused"
    return [(column.name, column.type) for column in merged]


def test_the_layout_is_what_the_documentation_says() -> None:
    run = "orders@20260101T120000Z"

    assert part_key("shop_orders", run, "n1", seq=3, sha256=DIGEST) == (
        "tables/shop_orders/data/runs/orders@20260101T120000Z/n1/part-00003-0123456789abcdef.parquet"
    )
    assert manifest_key("shop_orders", run, "n1") == (
        "tables/shop_orders/data/runs/orders@20260101T120000Z/n1/_manifest.json"
    )
    assert view_key("shop_orders") == "views/shop_orders.sql"


def test_the_longest_names_still_make_a_key() -> None:
    key = part_key("t" * 200, "r" * 200, "n" * 64, seq=99_999, sha256=DIGEST)

    with pytest.raises(Invalid, match="longer than 512"):
        valid_key(key)
    assert valid_key(part_key("t" * 129, "r" * 129, "n" * 64, seq=99_999, sha256=DIGEST))


@pytest.mark.parametrize("name", ["", "Orders", "a b", "a/b", "..", "x" * 201, 'a"', "ä"])
def test_a_landed_name_that_is_no_folder_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="landed name"):
        view_key(name)


BAD_IDS = [
    ("..", "n"), (".r", "n"), ("a/b", "n"), ("", "n"), ("r*", "n"), ("r?", "n"), ("r:1", "n"), ("r\n", "n"),
    ("r", ""), ("r", ".."), ("r", "a b"), ("r", "n" * 65), ("r", "n\n"),
]  # fmt: skip


@pytest.mark.parametrize(("run", "node"), BAD_IDS)
def test_ids_that_are_no_folders_are_refused(run: str, node: str) -> None:
    with pytest.raises(Invalid, match="id"):
        manifest_key("t", run, node)


def test_a_run_manifest_reads_back_as_it_was() -> None:
    data = MANIFEST.to_bytes()

    assert RunManifest.from_bytes(data) == MANIFEST
    assert data.count(b"\n") == 1
    assert data.endswith(b"\n")
    assert b'"committed_at":"2026-01-01T12:00:00.000001Z"' in data
    assert b'"rows":2' in data
    assert b'"bytes":150' in data


@given(st.text(max_size=40), st.text(max_size=40), st.integers(0, 2**63 - 1))
def test_any_text_survives_a_run_manifest(cursor: str, table: str, sequence: int) -> None:
    manifest = replace(MANIFEST, cursor=cursor, table=table, sequence=sequence)

    assert RunManifest.from_bytes(manifest.to_bytes()) == manifest


BROKEN: dict[str, object] = {
    "format": 2, "run_id": 1, "pipeline_id": None, "table": [], "landed_name": "../x", "node_id": True,
    "revision": -1, "sequence": 1.0, "fence": "2", "committed_at": "2026-01-01T12:00:00Z", "cursor": 5,
    "rows": 3, "bytes": 2**63, "schema_version": "1", "schema_fingerprint": 1, "more": 1,
}  # fmt: skip
BROKEN_PARTS: list[object] = [
    {}, [1], [{}], "x", None, [{"name": "../x.parquet", "rows": 1, "bytes": 1, "sha256": DIGEST}],
    [{"name": "part-00000-0000000000000000.parquet", "rows": 2, "bytes": 150, "sha256": DIGEST}],
    [{"name": f"part-00000-{DIGEST[:16]}.parquet", "rows": 2, "bytes": 150, "sha256": DIGEST[:63]}],
    [{"name": f"part-00000-{DIGEST[:16]}.parquet", "rows": True, "bytes": 150, "sha256": DIGEST}],
    [{"name": f"part-00000-{DIGEST[:16]}.parquet", "rows": 1, "bytes": 75, "sha256": DIGEST}] * 2,
]  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_run_manifest_with_a_wrong_field_is_refused_by_name(name: str) -> None:
    values = json.loads(MANIFEST.to_bytes()) | {name: BROKEN[name]}

    with pytest.raises(
        Invalid, match="table '../x'" if name == "landed_name" else "rows and bytes" if name == "rows" else name
    ):
        RunManifest.from_bytes(json.dumps(values).encode())


@pytest.mark.parametrize("name", [*json.loads(MANIFEST.to_bytes())])
def test_a_run_manifest_without_a_field_is_refused_by_name(name: str) -> None:
    values = {key: value for key, value in json.loads(MANIFEST.to_bytes()).items() if key != name}

    with pytest.raises(Invalid, match=f"run manifest: {name}: missing"):
        RunManifest.from_bytes(json.dumps(values).encode())


@pytest.mark.parametrize("parts", BROKEN_PARTS, ids=range(len(BROKEN_PARTS)))
def test_a_run_manifest_with_wrong_parts_is_refused(parts: object) -> None:
    with pytest.raises(Invalid, match="parts"):
        RunManifest.from_bytes(json.dumps(json.loads(MANIFEST.to_bytes()) | {"parts": parts}).encode())


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"1", b"\xff", b"[" * 100_000, b'{"a":NaN}', b'{"a":1,"a":1}', b"1" * 5_000]
)
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    for parse in (RunManifest.from_bytes, SchemaRecord.from_bytes):
        with pytest.raises(Invalid):
            parse(data)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parsers(data: bytes) -> None:
    for parse in (RunManifest.from_bytes, SchemaRecord.from_bytes):
        try:
            parse(data)
        except Invalid:
            continue


def test_a_manifest_that_could_not_be_read_back_is_not_written() -> None:
    for wrong in (
        replace(MANIFEST, sequence=-1),
        replace(MANIFEST, cursor="\ud800"),
        replace(MANIFEST, landed_name="X"),
    ):
        with pytest.raises(Invalid):
            wrong.to_bytes()


def test_a_schema_record_reads_back_with_its_history() -> None:
    first = SchemaVersion(1, (Column("id", "int64"),))
    second = evolve(first, [Column("id", "float64"), Column("n", "text")])
    assert second is not None
    record = next_record("t", None, first, run_id="r1", at=AT)
    record = next_record("t", record, second, run_id="r2", at=AT)

    assert SchemaRecord.from_bytes(record.to_bytes()) == record
    lines = [json.loads(line) for line in record.history_bytes().splitlines()]
    assert [line["version"] for line in lines] == [1, 2]
    assert lines[1]["added"] == [{"name": "n", "type": "text"}]
    assert lines[1]["widened"] == [{"name": "id", "from": "int64", "to": "float64"}]


def test_a_schema_that_was_changed_by_hand_is_refused() -> None:
    record = next_record("t", None, SchemaVersion(1, (Column("id", "int64"),)), run_id="r1", at=AT)

    for old, new in (
        (b"int64", b"text"),
        (b'"nullable":true', b'"nullable":false'),
        (b'"version":1', b'"version":"1"'),
    ):
        with pytest.raises(Invalid, match=r"schema\.json"):
            SchemaRecord.from_bytes(record.to_bytes().replace(old, new))
