"""Files under the granted directory, and no way out of it."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from connectors_runtime.capabilities.faults import FileFault
from connectors_runtime.capabilities.files import Files, Glob
from connectors_runtime.capabilities.meter import Meter
from connectors_runtime.guard import Guard


@pytest.fixture
def root(tmp_path: Path) -> Path:
    granted = tmp_path / "granted"
    (granted / "2024" / "deep").mkdir(parents=True)
    (granted / "a.csv").write_text("héllo")
    (granted / "2024" / "b.csv").write_text("b")
    (granted / "2024" / "deep" / "c.csv").write_text("c")
    (granted / "note.txt").write_text("n")
    (tmp_path / "outside.csv").write_text("hidden")
    return granted


def files(root: Path | None) -> Files:
    return Files(root, Guard(10.0), Meter(lambda _: None))


@pytest.mark.parametrize(
    ("glob", "paths"),
    [
        ("*.csv", ["a.csv"]),
        ("**/*.csv", ["2024/b.csv", "2024/deep/c.csv", "a.csv"]),
        ("2024/**", ["2024/b.csv", "2024/deep/c.csv"]),
        ("**/deep/*", ["2024/deep/c.csv"]),
        ("[!a].csv", []),
        ("?.csv", ["a.csv"]),
        ("2024/*/c.csv", ["2024/deep/c.csv"]),
        ("nothing", []),
    ],
)
def test_globs_find_regular_files_sorted(root: Path, glob: str, paths: list[str]) -> None:
    assert [path for path, _, _ in files(root).find(glob)] == paths


def test_a_glob_of_a_hostile_guest_takes_no_exponential_time() -> None:
    assert not Glob.parse("**/" * 60 + "*a*a*a*a*a*a*a*b").matches("/".join(["a" * 60] * 40))


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside.csv", "2024/../../outside.csv", "", ".", "a\0b", ".."])
def test_a_path_that_leads_out_is_refused(root: Path, path: str) -> None:
    with pytest.raises(FileFault) as caught:
        files(root).read_bytes(path, 0, 10)

    assert caught.value.case == "denied"


def test_symbolic_links_are_not_followed(root: Path) -> None:
    (root / "link.csv").symlink_to(root.parent / "outside.csv")
    (root / "up").symlink_to(root.parent)

    assert [path for path, _, _ in files(root).find("**")] == ["2024/b.csv", "2024/deep/c.csv", "a.csv", "note.txt"]
    for path in ("link.csv", "up/outside.csv"):
        with pytest.raises(FileFault) as caught:
            files(root).read_bytes(path, 0, 10)
        assert caught.value.case == "denied"


def test_what_is_no_regular_file_is_refused_without_waiting(root: Path) -> None:
    os.mkfifo(root / "pipe")

    for path in ("pipe", "2024"):
        with pytest.raises(FileFault) as caught:
            files(root).read_bytes(path, 0, 10)
        assert caught.value.case == "denied"


def test_a_missing_file_is_not_found(root: Path) -> None:
    with pytest.raises(FileFault) as caught:
        files(root).read_bytes("2024/none.csv", 0, 10)

    assert caught.value.case == "not-found"


def test_without_a_grant_everything_is_denied() -> None:
    with pytest.raises(FileFault) as caught:
        files(None).find("**")

    assert caught.value.case == "denied"


def test_ranges_end_with_the_file(root: Path) -> None:
    reader = files(root)

    assert reader.read_bytes("a.csv", 1, 2) == "é".encode()
    assert reader.read_bytes("a.csv", 6, 10) is None
    assert reader.read_bytes("a.csv", 1 << 63, 10) is None


def test_text_ranges_end_at_characters(root: Path) -> None:
    (root / "euro.txt").write_text("ab€€")
    reader = files(root)

    assert reader.read_text("euro.txt", 0, 4) == b"ab"
    assert reader.read_text("euro.txt", 2, 4) == "€".encode()
    with pytest.raises(FileFault, match="not UTF-8"):
        reader.read_text("euro.txt", 3, 64)


def test_row_groups_are_counted(root: Path) -> None:
    duckdb.sql(f"COPY (SELECT * FROM range(5000)) TO '{root}/p.parquet' (ROW_GROUP_SIZE 2048)")

    assert files(root).row_groups("p.parquet") == 3
    with pytest.raises(FileFault, match="not a readable Parquet file"):
        files(root).row_groups("a.csv")
