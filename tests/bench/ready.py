"""From the start of the command to a control plane that says it is ready."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.bench import Bench, percentile
from tests.bench.report import Line
from tests.support.serving import free_port

HAKIRI = Path(sys.executable).with_name("hakiri")
TARGET_S = 1.0
PATIENCE = 20.0


def measure(bench: Bench) -> Iterator[Line]:
    """On new data directories, and on one that is kept; before them once without bytecode, as after a checkout."""
    starts = bench.count(10, quick=3)
    bare = [_bare() for _ in range(starts)]
    yield Line(measurement="start to ready, nothing compiled", value=_started(bench, "first"), unit="s")
    new = [_started(bench, f"new{number}") for number in range(starts)]
    kept = [_started(bench, "new0") for _ in range(starts)]
    for name, took in (("new data", new), ("kept data", kept)):
        yield Line(
            measurement=f"start to ready, {name}, p50",
            value=percentile(took, 50),
            unit="s",
            reference=percentile(bare, 50),
            reference_is="python alone",
            most=TARGET_S,
        )


def _bare() -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", ""], check=True)
    return time.monotonic() - began


def _started(bench: Bench, data: str) -> float:
    port = free_port()
    environment = {
        **{name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        # An installation is compiled once; here it is compiled without leaving anything in the source tree.
        "PYTHONPYCACHEPREFIX": str(bench.folder / "bytecode"),
        "HAKIRI_DATA": str(bench.folder / data),
        "HAKIRI_BIND": f"127.0.0.1:{port}",
    }
    began = time.monotonic()
    with subprocess.Popen([HAKIRI, "serve"], env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            while not _is_ready(port):
                assert process.poll() is None, f"exit code {process.returncode}"
                assert time.monotonic() - began < PATIENCE, f"not ready within {PATIENCE:.0f} s"
                time.sleep(0.005)
            return time.monotonic() - began
        finally:
            process.terminate()
            process.wait(15)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
