"""Batches of a guest become Parquet that DuckDB reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors_runtime.columns import TYPES, Column
from connectors_runtime.contract import ArrowIpc, Batch, Csv, Ndjson, ParquetPart
from connectors_runtime.errors import Failure, SchemaIncompatible
from connectors_runtime.pages import PageWriter, Written
from connectors_runtime.parquet_footer import Footer, read_footer


def opened(path: str) -> tuple[int, Footer]:
    fd = os.open(path, os.O_RDONLY)
    return fd, read_footer(fd)


@pytest.fixture
def pages(tmp_path: Path) -> PageWriter:
    return PageWriter(tmp_path, (), opened)


def knowing(pages: PageWriter, *columns: Column) -> PageWriter:
    return PageWriter(pages.staging, columns, opened)


def rows(written: Written | None) -> list[Any]:
    assert written is not None
    return duckdb.read_parquet(str(written.path)).fetchall()


def types(pages: PageWriter) -> dict[str, str]:
    return {column.name: column.type for column in pages.columns}


def ndjson(text: str) -> Batch:
    return Ndjson(text.encode())


def csv(text: str) -> Batch:
    return Csv(text.encode())


def test_csv_is_typed_by_what_it_holds(pages: PageWriter) -> None:
    page = pages.write(csv("id,price,name,ok,day\n1,2.5,x,true,2024-01-31\n2,,,FALSE,2024-02-01\n"))

    assert rows(page) == [(1, 2.5, "x", True, "2024-01-31"), (2, None, None, False, "2024-02-01")]
    assert types(pages) == {"id": "int64", "price": "float64", "name": "text", "ok": "boolean", "day": "text"}


def test_quoted_fields_may_hold_lines_commas_and_quotes(pages: PageWriter) -> None:
    assert rows(pages.write(csv('a,b\r\n"x, ""y""\r\nz",1\r\n'))) == [('x, "y"\r\nz', 1)]


def test_digits_with_leading_zeros_stay_text(pages: PageWriter) -> None:
    assert rows(pages.write(csv("zip,n\n10001,1\n00501,2\n"))) == [("10001", 1), ("00501", 2)]


@pytest.mark.parametrize("later", ["id\n7\n007\n", "id,new\n007,x\n", 'id\n"-01"\n'])
def test_digits_with_leading_zeros_do_not_silently_become_numbers(pages: PageWriter, later: str) -> None:
    pages.write(csv("id\n7\n"))

    with pytest.raises(SchemaIncompatible, match="'id'"):
        pages.write(csv(later))


def test_a_known_text_column_takes_any_csv_value(pages: PageWriter) -> None:
    assert rows(knowing(pages, Column("code", "text")).write(csv("code\n17\n"))) == [("17",)]


def test_json_keeps_the_order_of_its_first_record(pages: PageWriter) -> None:
    assert rows(pages.write(ndjson('{"z":1,"a":"x"}\n{"a":"y","m":true}\n'))) == [(1, "x", None), (None, "y", True)]
    assert list(types(pages)) == ["z", "a", "m"]


def test_a_known_column_that_a_page_lacks_is_null(pages: PageWriter) -> None:
    pages.write(ndjson('{"a":1,"b":"x"}'))

    assert rows(pages.write(ndjson('{"c":2.5}'))) == [(None, None, 2.5)]


@pytest.mark.parametrize("kind", TYPES)
def test_a_known_column_of_any_type_may_be_lacking(pages: PageWriter, kind: str) -> None:
    writer = knowing(pages, Column("id", "int64", nullable=True), Column("other", kind, nullable=True))

    assert rows(writer.write(ndjson('{"id":1}\n'))) == [(1, None)]
    assert rows(writer.write(ndjson('{"id":2,"other":null}\n'))) == [(2, None)]


def test_nothing_but_nulls_has_no_type_until_a_value_comes(pages: PageWriter) -> None:
    for batch in (ndjson('{"a":1,"n":null}'), csv("a,n\n2,\n"), csv("a,n\n3,\n")):
        pages.write(batch)
    assert types(pages) == {"a": "int64"}

    assert rows(pages.write(csv("a,n\n4,now\n"))) == [(4, "now")]


@pytest.mark.parametrize("batch", [csv("n\n2.5\n"), ndjson('{"n":2.5}')])
def test_whole_numbers_widen_to_fractions(pages: PageWriter, batch: Batch) -> None:
    pages.write(csv("n\n1\n"))

    assert rows(pages.write(batch)) == [(2.5,)]
    assert types(pages) == {"n": "float64"}


@pytest.mark.parametrize(
    ("first", "second", "trouble"),
    [
        (csv("n\n1\n"), csv("n\nabc\n"), "column 'n': was int64, now text"),
        (csv("n\n1\n"), csv("n\n9223372036854775808\n"), "column 'n': was int64, now text"),
        (csv("n\ntrue\n"), csv("n\n1\n"), "column 'n': was boolean, now int64"),
        (ndjson('{"n":1}'), ndjson('{"n":"1"}'), "column 'n': was int64, now text"),
        (ndjson('{"n":"x"}'), ndjson('{"n":1}'), "column 'n': was text, now int64"),
        (ndjson('{"n":1}'), ndjson('{"n":1}\n{"n":"x"}'), "column 'n': was int64, now text"),
        (ndjson('{"m":1}'), ndjson('{"n":"x"}\n{"n":1}'), "column 'n': expected string got 1"),
        (ndjson('{"m":1}'), ndjson('{"n":true}\n{"n":1}'), "column 'n': expected string got true"),
        (ndjson('{"n":1}'), ndjson('{"N":1}'), "must differ in more than case"),
    ],
)
def test_a_change_of_type_names_the_column(pages: PageWriter, first: Batch, second: Batch, trouble: str) -> None:
    pages.write(first)
    before = sorted(pages.staging.iterdir())

    with pytest.raises(SchemaIncompatible) as caught:
        pages.write(second)

    assert trouble in caught.value.message
    assert sorted(pages.staging.iterdir()) == before


def test_json_numbers_beyond_int64_become_fractions(pages: PageWriter) -> None:
    assert rows(pages.write(ndjson('{"n":9223372036854775808}'))) == [(9223372036854775808.0,)]


def test_csv_numbers_beyond_int64_keep_their_digits(pages: PageWriter) -> None:
    assert rows(pages.write(csv("n\n9223372036854775808\n"))) == [("9223372036854775808",)]


@pytest.mark.parametrize("batch", [csv("t\n2024-01-31T12:00:00+02:00\n"), ndjson('{"t":"2024-01-31T12:00:00+02:00"}')])
def test_a_declared_timestamp_is_read_from_text(pages: PageWriter, batch: Batch) -> None:
    page = knowing(pages, Column("t", "timestamp")).write(batch)

    assert page is not None
    assert duckdb.read_parquet(str(page.path)).project("epoch_us(t)").fetchall() == [(1706695200000000,)]


@pytest.mark.parametrize("batch", [csv("t\nyesterday\n"), ndjson('{"t":"yesterday"}')])
def test_text_that_is_no_timestamp_is_refused(pages: PageWriter, batch: Batch) -> None:
    with pytest.raises(SchemaIncompatible, match="column 't'"):
        knowing(pages, Column("t", "timestamp")).write(batch)


@pytest.mark.parametrize(
    "batch",
    [
        csv("a,b\n1\n"),
        csv("a,b\n1,2,3\n"),
        Csv(b"a\n\xff\n"),
        ndjson("[1]"),
        ndjson('{"a":1'),
        ndjson('{"a":' + "[" * 9_999),
        ndjson('{"a":{"b":1}}'),
        Ndjson(b'{"a":"\xff"}'),
        ArrowIpc(b""),
        ArrowIpc(b"junk"),
        csv(",b\n1,2\n"),
        csv("a,a\n1,2\n"),
        csv('"' + "a" * 200_000),
    ],
)
def test_a_broken_batch_is_a_failure_and_leaves_nothing(pages: PageWriter, batch: Batch) -> None:
    with pytest.raises(Failure):
        pages.write(batch)

    assert not list(pages.staging.iterdir())


@pytest.mark.parametrize("batch", [csv(""), csv("a,b\n"), ndjson(""), ndjson("\n\n"), ndjson("{}\n{}")])
def test_no_rows_are_no_page(pages: PageWriter, batch: Batch) -> None:
    assert pages.write(batch) is None
    assert not list(pages.staging.iterdir())


def test_the_same_batch_gives_the_same_bytes(pages: PageWriter) -> None:
    batch = csv("a,b\n" + "".join(f"{n},x{n % 7}\n" for n in range(20_000)))

    first, second = knowing(pages).write(batch), knowing(pages).write(batch)

    assert first is not None
    assert second is not None
    assert first.sha256 == second.sha256
    assert (first.rows, first.bytes) == (20_000, first.path.stat().st_size)


ALL_TYPES = """
    SELECT i AS id, i::UTINYINT AS small, i::UBIGINT AS big, i::DECIMAL(10, 2) AS money, DATE '2020-01-05' AS day,
           TIMESTAMP '2020-01-05 10:00:00' AS moment, [i, NULL] AS many, {'k': i} AS pair, 'x' || i AS word,
           NULL::INT AS nothing, i / 2 AS half, 'b'::BLOB AS raw, TIME '10:00:00' AS hour, i % 2 = 0 AS even
    FROM range(200) t(i)
"""


def test_every_type_of_a_parquet_file_finds_its_column(pages: PageWriter, tmp_path: Path) -> None:
    source = tmp_path / "all.parquet"
    duckdb.sql(f"COPY ({ALL_TYPES}) TO '{source}'")

    page = pages.write(ParquetPart(str(source), 0, 1))

    assert types(pages) == {
        "id": "int64", "small": "int64", "big": "int64", "money": "text", "day": "text", "moment": "timestamp",
        "many": "json", "pair": "json", "word": "text", "nothing": "int64", "half": "float64", "raw": "bytes",
        "hour": "text", "even": "boolean",
    }  # fmt: skip
    assert rows(page)[7][:5] == (7, 7, 7, "7.00", "2020-01-05")
    assert rows(page)[7][6:] == ("[7,null]", '{"k":7}', "x7", None, 3.5, b"b", "10:00:00", False)


def test_a_number_that_does_not_fit_is_refused_not_dropped(pages: PageWriter, tmp_path: Path) -> None:
    source = tmp_path / "big.parquet"
    duckdb.sql(f"COPY (SELECT 18446744073709551615::UBIGINT AS n) TO '{source}'")

    with pytest.raises(SchemaIncompatible, match="column 'n': a value of type UInt64 does not fit int64"):
        pages.write(ParquetPart(str(source), 0, 1))


def test_row_groups_that_are_not_there_are_an_error(pages: PageWriter, tmp_path: Path) -> None:
    source = tmp_path / "one.parquet"
    duckdb.sql(f"COPY (SELECT 1 AS n) TO '{source}'")

    for first, count in ((0, 0), (0, 2), (1, 1), (4_294_967_295, 1)):
        with pytest.raises(Failure, match="has 1 row groups"):
            pages.write(ParquetPart(str(source), first, count))


def test_a_very_wide_page_is_landed(pages: PageWriter) -> None:
    names = [f"c{n}" for n in range(2_000)]

    assert rows(pages.write(csv(",".join(names) + "\n" + ",".join("7" for _ in names) + "\n"))) == [(7,) * 2_000]
