"""Each conformance test runs on every substrate of the roster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.bootstrap import Substrate
from tests.conformance.roster import SUBSTRATES, Storage
from tests.support.harness import Harness


@pytest.fixture(params=SUBSTRATES)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    (tmp_path / "storage").mkdir()
    built = SUBSTRATES[request.param](tmp_path / "storage")
    yield built
    built.end()


@pytest.fixture
def harness(storage: Storage, tmp_path: Path) -> Harness:
    (tmp_path / "staging").mkdir()
    return Harness(storage, tmp_path / "staging")


@pytest.fixture
def on(harness: Harness) -> Substrate:
    """The ports themselves."""
    return harness.on
