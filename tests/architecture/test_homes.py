"""One library, one home: what only one place knows can be replaced in one place."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

from tests.architecture.sources import PACKAGES, ROOT, imports

# An empty home: nobody may import it.
HOMES: dict[str, tuple[str, ...]] = {
    "arro3": ("connectors_runtime",),
    "click": ("appliance.entrypoints.cli",),
    "granian": ("appliance.entrypoints",),
    "huey": ("appliance.adapters.selfhosted.doorbell",),
    "litestar": ("appliance.entrypoints",),
    "loro": ("appliance.adapters.loro_doc",),
    "minio": ("appliance.adapters.selfhosted.s3",),
    "peewee": ("appliance.adapters.sql",),
    "pickle": (),
    "prometheus_client": ("appliance.entrypoints.metrics",),
    "sqlite3": ("appliance.adapters.sql.local",),
    "urllib3": ("appliance.adapters.selfhosted.s3", "connectors_runtime"),
    "wasmtime": ("connectors_runtime",),
}

# Needed without an import: data that the standard library's zoneinfo looks for.
DATA_ONLY = {"tzdata"}


def _is_home(module: str, home: str) -> bool:
    # A home may grow into a family: `s3` and `s3_multipart` are one place.
    return f"{module}.".startswith((f"{home}.", f"{home}_"))


def _libraries() -> set[str]:
    return {name.partition(".")[0] for name in imports().modules} - set(PACKAGES) - sys.stdlib_module_names


def _importers(library: str) -> set[str]:
    # A namespace package appears by its parts: `arro3.core`, `arro3.io`.
    parts = {name for name in imports().modules if name == library or name.startswith(f"{library}.")}
    return set().union(*map(imports().find_modules_that_directly_import, parts))


def _declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {re.split(r"[<>=!~ ;\[]", line, maxsplit=1)[0] for line in project["dependencies"]}


def _distributions(library: str) -> set[str]:
    return {name.lower().replace("_", "-") for name in packages_distributions().get(library, [library])}


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_imported_only_at_home(library: str) -> None:
    strays = {name for name in _importers(library) if not any(_is_home(name, home) for home in HOMES[library])}

    assert strays == set()


def test_every_library_that_is_imported_is_declared() -> None:
    undeclared = {name for name in _libraries() if not _distributions(name) & _declared()}

    assert undeclared == set()


def test_every_declared_library_is_imported() -> None:
    imported = set().union(*map(_distributions, _libraries()))

    assert _declared() - imported == DATA_ONLY
