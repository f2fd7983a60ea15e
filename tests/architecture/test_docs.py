"""Whatever an operator can meet by name is written down in docs/ under that name."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest

from appliance.core.connector import FailureKind
from appliance.core.fires import Reason
from appliance.core.manifest.schema import SCHEMA
from appliance.core.pipeline import Catchup, OnTableError, Overlap
from appliance.core.run import RunState, Trigger
from appliance.core.team import Role
from tests.architecture.sources import ROOT, package_files, project_files, text_of, tree_of

_VARIABLE = re.compile(r"\bHAKIRI_[A-Z0-9_]*[A-Z0-9]\b")
_METRIC = re.compile(r"\bhakiri_[a-z0-9_]*[a-z0-9]\b")
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)

# What Prometheus adds to a metric's own name.
_SUFFIXES = ("_bucket", "_count", "_sum")


def _docs() -> str:
    pages = [path for path in project_files(".md") if path.parts[0] == "docs" and path.parts[1] != "adr"]
    return "\n".join((ROOT / path).read_text() for path in pages)


def _named(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


def _undocumented(names: set[str]) -> list[str]:
    docs = _docs()
    return sorted(name for name in names if not _named(name, docs))


def _found(pattern: re.Pattern[str], paths: list[Path]) -> set[str]:
    return {name for path in paths for name in pattern.findall(text_of(path) or "")}


def _commands() -> set[str]:
    """Every command as it is typed: `hakiri token create`."""
    cli = importlib.import_module("appliance.entrypoints.cli")
    found: set[str] = set()
    level = {f"hakiri {name}": command for name, command in cli.main.commands.items()}
    while level:
        found |= {typed for typed, command in level.items() if not command.hidden}
        level = {
            f"{typed} {name}": child
            for typed, command in level.items()
            for name, child in getattr(command, "commands", {}).items()
        }
    return found


def _choices() -> set[str]:
    """Every word that the API, a table or a manifest may hold where there is a choice."""
    public: tuple[type[StrEnum], ...] = (Catchup, FailureKind, OnTableError, Overlap, Reason, Role, RunState, Trigger)
    return {member.value for kind in public for member in kind}


def _keys(schema: object) -> Iterator[str]:
    """Every property that a JSON Schema names, at any depth."""
    if isinstance(schema, dict):
        properties = schema.get("properties")
        yield from properties if isinstance(properties, dict) else ()
        for value in schema.values():
            yield from _keys(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _keys(value)


def test_every_environment_variable_is_documented() -> None:
    assert _undocumented(_found(_VARIABLE, package_files(".py"))) == []


def test_the_environment_enters_through_a_door() -> None:
    readers = {
        str(path)
        for path in package_files(".py")
        if path.parts[0] == "appliance"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "getenvb")
    }

    assert {path for path in readers if not path.startswith("appliance/entrypoints/")} == set()


def test_every_command_is_documented() -> None:
    assert _undocumented(_commands()) == []


def test_every_metric_is_documented() -> None:
    assert _undocumented(_found(_METRIC, package_files(".py"))) == []


def test_alerts_and_dashboards_use_only_metrics_that_exist() -> None:
    known = _found(_METRIC, package_files(".py"))
    shipped = [path for path in project_files(".yml", ".yaml", ".json") if path.parts[0] != "tests"]

    used = {_plain(name, known) for name in _found(_METRIC, shipped)}

    assert used
    assert used - known == set()


def _plain(name: str, known: set[str]) -> str:
    plain = next((name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix)), name)
    return plain if plain in known else name


def test_every_choice_is_documented() -> None:
    assert _undocumented(_choices()) == []


def test_every_manifest_key_is_documented() -> None:
    assert _undocumented(set(_keys(SCHEMA))) == []


@pytest.mark.parametrize("page", project_files(".md"), ids=str)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    prose = _FENCE.sub("", (ROOT / page).read_text())
    targets = [link["target"].partition("#")[0] for link in _LINK.finditer(prose)]

    broken = [t for t in targets if t and "://" not in t and not (ROOT / page.parent / t).exists()]

    assert broken == []


@pytest.mark.parametrize("command", ["make demo", "make test"])
def test_the_first_screen_of_the_readme_has_the_command(command: str) -> None:
    first_screen = (ROOT / "README.md").read_text().splitlines()[:40]

    assert any(line.strip().startswith(command) for line in first_screen)


@pytest.mark.parametrize("target", re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
def test_every_make_target_is_documented(target: str) -> None:
    assert _undocumented({f"make {target}"}) == []
