"""Every error that a client can meet has one code, one HTTP status and one line of documentation."""

from __future__ import annotations

import importlib
import re

from appliance.core.errors import ControlError
from tests.architecture.sources import ROOT, imports

ROW = re.compile(r"^\| `(?P<code>[a-z_]+)` \| (?P<status>[0-9]{3}) \| (?P<meaning>[^|]+)\|", re.MULTILINE)


def _errors() -> list[type[ControlError]]:
    """ControlError and all that derives from it, wherever in the package it is defined."""
    graph = imports()
    for name in graph.find_modules_that_directly_import("appliance.core.errors"):
        importlib.import_module(name)
    found: list[type[ControlError]] = [ControlError]
    for error in found:
        found += [child for child in error.__subclasses__() if child not in found and _is_ours(child)]
    return found


def _is_ours(error: type[ControlError]) -> bool:
    return error.__module__.startswith("appliance.")


def _codes() -> set[str]:
    return {error.code for error in _errors()}


def _statuses() -> dict[str, int]:
    status: dict[str, int] = importlib.import_module("appliance.entrypoints.http.errors").STATUS
    return status


def _documented() -> dict[str, int]:
    rows = ROW.finditer((ROOT / "docs" / "errors.md").read_text())
    return {row["code"]: int(row["status"]) for row in rows}


def test_every_error_has_a_code_of_its_own() -> None:
    owners: dict[str, list[str]] = {}
    for error in _errors():
        owners.setdefault(error.code, []).append(error.__name__)

    assert {code: names for code, names in owners.items() if len(names) > 1} == {}


def test_every_error_says_what_it_means() -> None:
    assert [error.__name__ for error in _errors() if not error.__doc__] == []


def test_every_error_has_an_http_status() -> None:
    assert _codes() - set(_statuses()) == set()


def test_every_http_status_belongs_to_an_error_and_is_one() -> None:
    assert {code for code, status in _statuses().items() if not 400 <= status <= 599} == set()
    assert set(_statuses()) - _codes() == set()


def test_the_documented_table_is_the_table_in_the_code() -> None:
    assert _documented() == _statuses()
