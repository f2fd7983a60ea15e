"""Nothing is left out: every profile has its substrate in the roster, every port the test that holds it."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

from appliance import core
from appliance.bootstrap import Substrate
from appliance.settings import Profile
from tests.conformance.roster import SUBSTRATES

TESTS = Path(__file__).parents[1]
CORE = Path(core.__path__[0])

# A port whose contract needs something that not every substrate of the roster has is tested there.
ELSEWHERE = {
    "Clock": ("unit/test_clock.py", "there is one real clock, and a test's own is set by the test"),
    "ConfigDoc": ("unit/test_loro_*.py", "a document in memory, of one library, the same on every substrate"),
    "ConfigDocs": ("unit/test_loro_*.py", "makes and loads ConfigDoc, from bytes"),
    "Connectors": ("integration/test_wasm_connectors.py", "a reading is a process, the same on every substrate so far"),
    "Doorbell": ("unit/test_doorbell.py", "it is about threads and time, and keeps nothing"),
    "Presence": ("unit/test_loro_*.py", "in memory, of one library, and never stored"),
    "Reading": ("integration/test_wasm_connectors.py", "opened by Connectors"),
}


def _ports() -> dict[str, type]:
    """Every Protocol of the core, whichever module it lives in."""
    modules = [import_module(f"{core.__name__}.{path.stem}") for path in CORE.glob("*.py") if path.stem != "__init__"]
    return {
        name: found
        for module in modules
        for name, found in vars(module).items()
        if inspect.isclass(found) and getattr(found, "_is_protocol", False) and found.__module__ == module.__name__
    }


def _tests_of(port: str) -> Sequence[Path]:
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in port)
    return sorted(TESTS.glob(ELSEWHERE[port][0] if port in ELSEWHERE else f"conformance/test{name}.py"))


def _methods(port: type) -> list[str]:
    return [name for name, method in vars(port).items() if not name.startswith("_") and inspect.isroutine(method)]


@pytest.mark.parametrize("profile", Profile)
def test_every_profile_is_in_the_roster(profile: Profile) -> None:
    assert profile.value in SUBSTRATES


def test_the_roster_begins_with_memory() -> None:
    """It is the fastest, so that a broken contract shows soonest."""
    assert next(iter(SUBSTRATES)) == "memory"


def test_a_substrate_carries_every_port_that_the_core_names() -> None:
    annotated = " ".join(str(field.type) for field in fields(Substrate))
    opened_by_another = {"Reading"}
    of_the_library = {"ConfigDoc", "ConfigDocs", "Presence"}
    kinds = {"Teams": "TeamStore"}

    carried = _ports().keys() - opened_by_another - of_the_library
    missing = [port for port in sorted(carried) if kinds.get(port, port) not in annotated]

    assert missing == []


@pytest.mark.parametrize("port", sorted(_ports()))
def test_every_port_has_its_test(port: str) -> None:
    assert _tests_of(port), f"write a test of {port} in tests/conformance"


@pytest.mark.parametrize("port", sorted(_ports()))
def test_every_method_of_a_port_is_called_where_the_port_is_tested(port: str) -> None:
    tested = "".join(path.read_text() for path in [*_tests_of(port), TESTS / "support" / "rows.py"])

    assert [name for name in _methods(_ports()[port]) if f".{name}(" not in tested] == []


def test_what_is_tested_elsewhere_is_a_port() -> None:
    assert set(ELSEWHERE) <= set(_ports())
