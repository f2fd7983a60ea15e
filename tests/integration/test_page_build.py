"""The committed page is what its source builds to, and is made of the packages that the client tests drive."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.page import BUILT, CONSOLE, build
from tests.support.tools_node import CLIENT
from tests.support.tools_run import ROOT

FILES = ("LICENSES.txt", "console.css", "console.js", "index.html", "loro.wasm.gz")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    # A compressor may differ between machines, so the module is built on top of the one that is there.
    shutil.copy(BUILT / "loro.wasm.gz", folder)
    build(folder)
    return folder


def test_the_page_has_these_files() -> None:
    assert tuple(sorted(path.name for path in BUILT.iterdir())) == FILES


@pytest.mark.parametrize("name", FILES)
def test_the_page_is_what_its_source_builds_to(built: Path, name: str) -> None:
    again = (built / name).read_bytes() == (BUILT / name).read_bytes()
    assert again, f"{name}: run `node console/build.mjs` and commit what it wrote"


def test_the_module_is_the_one_of_the_package() -> None:
    published = CLIENT / "node_modules" / "loro-crdt" / "web" / "loro_wasm_bg.wasm"
    assert gzip.decompress((BUILT / "loro.wasm.gz").read_bytes()) == published.read_bytes()


def test_another_module_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "loro.wasm.gz").write_bytes(gzip.compress(b"another one"))
    build(tmp_path)
    assert gzip.decompress((tmp_path / "loro.wasm.gz").read_bytes())[:4] == b"\0asm"


def test_the_page_and_the_client_tests_have_the_same_packages() -> None:
    page, tests = (_packages(folder) for folder in (CONSOLE, CLIENT))
    assert page.keys() >= {"node_modules/loro-crdt", "node_modules/loro-websocket", "node_modules/esbuild"}
    assert page.items() - tests.items() == set()


def test_the_lock_names_versions_and_hashes_and_no_address() -> None:
    text = (CONSOLE / "package-lock.json").read_text()
    assert "://" not in text
    assert all(integrity.startswith("sha512-") for _, integrity in _packages(CONSOLE).values())


def test_every_package_inside_is_named_with_its_licence() -> None:
    told = (BUILT / "LICENSES.txt").read_text()
    wanted: dict[str, str] = json.loads((CONSOLE / "package.json").read_text())["dependencies"]
    assert all(f"{name} {version}: MIT" in told for name, version in wanted.items())
    assert "Permission is hereby granted" in told


def test_a_source_file_stays_under_300_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in CONSOLE.glob("src/*")}
    assert {path: length for path, length in lengths.items() if length >= 300} == {}


def test_no_source_file_makes_elements_out_of_text() -> None:
    makes = re.compile(r"(?:inner|outer)HTML\s*=(?!=)|insertAdjacentHTML|document\.write|\beval\(|new Function")
    assert [path.name for path in CONSOLE.glob("src/*.js") if makes.search(path.read_text())] == []


def _packages(folder: Path) -> dict[str, tuple[str, str]]:
    lock: dict[str, Any] = json.loads((folder / "package-lock.json").read_text())
    return {name: (one["version"], one["integrity"]) for name, one in lock["packages"].items() if name}
