"""The committed modules are what their source compiles to, wherever it lies, and hold nothing but the contract."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import wasmtime

from connectors_runtime.builtin import build
from tests.support.builtin_readings import module_of
from tests.support.tools import find

NAMES = ("file", "http")


def test_these_are_the_built_in_connectors() -> None:
    assert tuple(build.names()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_module_is_what_its_source_compiles_to(name: str) -> None:
    assert build.differs(name, build.compile_connector(name)) is None


@pytest.mark.parametrize("name", NAMES)
def test_another_directory_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    runtime = build.HOME.parent
    for part in ("builtin", "sdk"):
        shutil.copytree(runtime / part, tmp_path / "some where" / part)
    moved = build.compile_connector(name, home=tmp_path / "some where" / "builtin")
    assert build.digest(moved) == build.noted_digest(name)


def test_a_changed_source_is_noticed(tmp_path: Path) -> None:
    runtime = build.HOME.parent
    for part in ("builtin", "sdk"):
        shutil.copytree(runtime / part, tmp_path / part)
    source = tmp_path / "builtin" / "http" / "request.h"
    source.write_text(source.read_text().replace("did not answer in time", "was too slow"))
    trouble = build.differs("http", build.compile_connector("http", home=tmp_path / "builtin"))
    assert trouble is not None
    assert trouble.startswith("http: http.wasm is not what the source compiles to")


def test_a_source_that_does_not_compile_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "connector.c").write_text("int main(")
    with pytest.raises(build.BuildFailed, match=r"broken: .*error"):
        build.compile_connector("broken", home=tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_the_description_names_the_module(name: str) -> None:
    about = tomllib.loads((build.HOME / name / "connector.toml").read_text())
    assert about["name"] == name
    assert about["wasm"] == module_of(name).name
    assert about["contract"] == "hakiri:connector@1.0.0"
    assert about["config"]


@pytest.mark.parametrize(
    ("name", "interfaces"), [("file", {"files", "log", "source"}), ("http", {"http", "log", "source"})]
)
def test_a_module_imports_only_what_it_needs(name: str, interfaces: set[str]) -> None:
    module = wasmtime.Module.from_file(wasmtime.Engine(), str(module_of(name)))
    assert {str(wanted.module).split("/")[1].split("@")[0] for wanted in module.imports} == interfaces


@pytest.mark.parametrize("name", NAMES)
def test_a_module_becomes_a_component_of_the_contract(name: str, tmp_path: Path) -> None:
    tools = find("wasm-tools")
    typed, component = tmp_path / "typed.wasm", tmp_path / "component.wasm"
    wit, module = build.HOME.parent / "wit", module_of(name)
    subprocess.run([tools, "component", "embed", wit, "-w", "connector", module, "-o", typed], check=True)
    subprocess.run([tools, "component", "new", typed, "-o", component], check=True)
    subprocess.run([tools, "validate", component], check=True)
    described = subprocess.run(
        [tools, "component", "wit", component], check=True, capture_output=True, text=True
    ).stdout
    assert "export hakiri:connector/source@1.0.0" in described
