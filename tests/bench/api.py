"""The HTTP API over one connection that stays open, as a client that cares for milliseconds uses it."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from tests.support.serving import Serving

FINAL = frozenset({"succeeded", "partial_failure", "failed", "cancelled"})


class Api:
    """Calls one control plane; every answer must be a success."""

    def __init__(self, connection: http.client.HTTPConnection, token: str) -> None:
        self._connection = connection
        self._headers = {"Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str) -> Any:
        """The answer's JSON."""
        self._connection.request(method, f"/api/v1{path}", headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status < http.HTTPStatus.BAD_REQUEST, f"{method} {path}: {answer.status} {body!r}"
        return json.loads(body)

    def start(self, pipeline_id: str) -> str:
        """Ask for a run; its id."""
        return str(self.call("POST", f"/pipelines/{pipeline_id}/runs")["id"])

    def succeeded(self, run_id: str, *, seconds: float = 60.0, look: float = 0.02) -> Any:
        """The run, once it has succeeded; no other end is good."""
        until = time.monotonic() + seconds
        while (run := self.call("GET", f"/runs/{run_id}"))["state"] not in FINAL:
            assert time.monotonic() < until, f"{run_id} is {run['state']} after {seconds:.0f} s"
            time.sleep(look)
        assert run["state"] == "succeeded", run
        return run

    def runs(self) -> list[Any]:
        """The newest 500."""
        items: list[Any] = self.call("GET", "/runs?limit=500")["items"]
        return items

    def started(self, run_id: str) -> float:
        """When the run's first connector started, in seconds since 1970."""
        lines = self.call("GET", f"/runs/{run_id}/logs")["items"]
        return next(seconds(line["at"]) for line in lines if line["message"] == "connector started")


def seconds(moment: str) -> float:
    """A moment of the API in seconds since 1970."""
    return datetime.fromisoformat(moment).timestamp()


@contextmanager
def api(server: Serving) -> Iterator[Api]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        yield Api(connection, server.token)
    finally:
        connection.close()
