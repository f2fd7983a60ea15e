"""A real `hakiri serve` in processes of its own, and its API over real HTTP."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

READY_SECONDS = 20.0


class Serving:
    """One control plane on one data directory; it can be killed and started again."""

    command: Sequence[str] = (sys.executable, "-m", "appliance", "serve")

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.port = free_port()
        self.token = ""
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None
        self._output = data.parent / f"{data.name}.log"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def control_pid(self) -> int:
        """The supervisor's only child."""
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()[0])

    @property
    def output(self) -> str:
        return self._output.read_text()

    def start(self) -> None:
        environment = {
            **os.environ,
            "HAKIRI_DATA": str(self.data),
            "HAKIRI_BIND": f"127.0.0.1:{self.port}",
            **self._environment,
        }
        with self._output.open("a") as output:
            self._process = subprocess.Popen(
                self.command,
                env=environment,
                stdout=output,
                stderr=output,
                text=True,
                start_new_session=True,
            )
        self.wait_ready()
        for line in self.output.splitlines():
            if "owner token" in line:
                self.token = line.rpartition(" ")[2]

    def wait_ready(self) -> None:
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            try:
                if self.request("GET", "/readyz")[0] == http.HTTPStatus.OK:
                    return
            except OSError:
                pass
            assert self._process is not None
            assert self._process.poll() is None, self.output
            time.sleep(0.05)
        raise AssertionError(f"not ready within {READY_SECONDS} s:\n{self.output}")

    def kill_control(self) -> None:
        os.kill(self.control_pid, signal.SIGKILL)

    def kill_everything(self) -> None:
        """SIGKILL to the whole process group, as a power cut would."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
        return self._process.wait(15)

    def request(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON (or text) of one call."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        data = None if body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **headers}
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        is_json = text and answer.headers.get_content_type() == "application/json"
        return answer.status, json.loads(text) if is_json else text

    def call(self, method: str, path: str, body: object = None) -> Any:
        status, answer = self.request(method, f"/api/v1{path}", body)
        assert status < http.HTTPStatus.BAD_REQUEST, f"{method} {path}: {status} {answer}"
        return answer

    def apply(self, *pipelines: str) -> None:
        text = "\n".join(['[project]\nname = "test"\n', *pipelines])
        self.call("POST", "/config/apply", {"files": [{"name": "hakiri.toml", "text": text}]})

    def run(self, pipeline_id: str = "orders") -> str:
        return str(self.call("POST", f"/pipelines/{pipeline_id}/runs")["id"])

    def wait_run(self, run_id: str, *, seconds: float = 40.0) -> Any:
        """The run once it is final."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                run = self.call("GET", f"/runs/{run_id}")
            except OSError:
                run = {"state": "unreachable"}
            if run["state"] not in ("pending", "running", "unreachable"):
                return run
            time.sleep(0.05)
        raise AssertionError(f"run {run_id} is still {run['state']}:\n{self.output}")


@contextmanager
def serving(data: Path, **environment: str) -> Iterator[Serving]:
    """A control plane that serves until the block ends."""
    started = Serving(data, **environment)
    started.start()
    try:
        yield started
    finally:
        started.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
