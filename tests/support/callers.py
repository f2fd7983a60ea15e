"""Members who call the API about the configuration, over a control plane with one pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.support.api import Api, api, in_process
from tests.support.harness import pipeline


@pytest.fixture(params=["memory", "selfhosted"])
def given(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    with api(tmp_path, substrate=request.param) as given:
        given.harness.apply(pipeline())
        yield given


@pytest.fixture
def client(given: Api) -> Iterator[TestClient[Litestar]]:
    with in_process(given) as client:
        yield client


class Caller:
    """One member at the API."""

    def __init__(self, client: TestClient[Litestar], given: Api, name: str = "bob") -> None:
        self._client, self._given, self._name = client, given, name

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        answer = self._client.request(
            method, f"/api/v1/config{path}", json=body, headers=self._given.headers(self._name, **headers)
        )
        return answer.status_code, answer.json() if answer.content else None


@pytest.fixture
def bob(client: TestClient[Litestar], given: Api) -> Caller:
    return Caller(client, given)
