"""A footer that lists fewer row groups."""

from __future__ import annotations

import os
import random
from pathlib import Path

import duckdb
import pytest

from connectors_runtime.parquet_footer import FooterBroken, RowGroups, read_footer


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    path = tmp_path / "p.parquet"
    duckdb.sql(f"COPY (SELECT i, 'x' || i AS s, [i] AS l FROM range(70000) t(i)) TO '{path}' (ROW_GROUP_SIZE 2048)")
    return path


@pytest.mark.parametrize(("first", "count"), [(0, 1), (3, 2), (0, 35), (34, 1), (10, 20)])
def test_the_chosen_row_groups_are_a_file_of_their_own(parquet: Path, first: int, count: int) -> None:
    fd = os.open(parquet, os.O_RDONLY)
    footer = read_footer(fd)

    part = parquet.with_name("part.parquet")
    part.write_bytes(RowGroups(fd, footer, first, count).read())
    os.close(fd)

    low, high = first * 2048, min(70_000, (first + count) * 2048)
    found = (
        duckdb.read_parquet(str(part)).aggregate("min(i), max(i), count(*), min(s[2:]::INT), sum(l[1])").fetchall()[0]
    )
    assert found == (low, high - 1, high - low, low, sum(range(low, high)))


def test_reading_in_pieces_gives_the_same_bytes(parquet: Path) -> None:
    fd = os.open(parquet, os.O_RDONLY)
    view = RowGroups(fd, read_footer(fd), 1, 2)
    whole = view.read()

    view.seek(0)
    pieces = b"".join(iter(lambda: view.read(997), b""))
    view.seek(-8, os.SEEK_END)
    end = view.read()
    os.close(fd)

    assert pieces == whole
    assert end == whole[-8:]


def test_a_damaged_footer_is_an_error_and_nothing_else(parquet: Path) -> None:
    whole = parquet.read_bytes()
    length = int.from_bytes(whole[-8:-4], "little")
    chance = random.Random(20)  # noqa: S311 - the same damage every time
    broken = parquet.with_name("broken.parquet")

    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            damaged[chance.randrange(len(whole) - length - 8, len(whole))] = chance.randrange(256)
        broken.write_bytes(damaged)
        fd = os.open(broken, os.O_RDONLY)
        try:
            read_footer(fd).only(0, 1)
        except FooterBroken:
            pass
        finally:
            os.close(fd)


@pytest.mark.parametrize(
    "text", [b"", b"PAR1", b"PAR1PAR1", b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1", b"PAR1\0\0\0\0\0PARE"]
)
def test_what_is_no_parquet_file_is_an_error(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(text)
    with path.open("rb") as file, pytest.raises(FooterBroken):
        read_footer(file.fileno())
