"""From asking for a run to its connector at work."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.bootstrap import Control, assemble, selfhosted
from appliance.core.manifest import SourceText
from appliance.core.team import Actor, Role
from appliance.settings import Settings
from tests.bench.alone import Alone, alone
from tests.bench.api import api
from tests.bench.bench import Bench, percentile
from tests.bench.report import Line
from tests.bench.source import BenchSource, bench_source
from tests.support.serving import serving

BENCH = Actor("bench", Role.OWNER, "")
TARGET_MS = 12.0
WARM = 3

# Long enough for a run to end by itself, so that looking for its end does not take the processor from it.
REST = 0.1


def measure(bench: Bench) -> Iterator[Line]:
    """Over HTTP, in process, and the connector alone as the reference of both."""
    runs = bench.count(100, quick=10)
    with bench_source(bench.folder) as source:
        with alone(bench.folder, source) as readings:
            least = [_rested(readings) for _ in range(WARM + runs)][WARM:]
        posted, asked = _over_http(bench.folder, source, runs)
        yield from _lines("POST to connector started", posted, least, most=TARGET_MS)
        yield from _lines("POST to first request at the source", asked, least)
        yield from _lines(
            "run requested in process to connector started", _in_process(bench.folder, source, runs), least
        )


def _lines(name: str, ours: list[float], least: list[float], *, most: float | None = None) -> Iterator[Line]:
    for percent in (50, 95):
        yield Line(
            measurement=f"{name}, p{percent}",
            value=percentile(ours, percent) * 1e3,
            unit="ms",
            reference=percentile(least, percent) * 1e3,
            reference_is="reading without us",
            most=most if percent == 95 else None,
        )


def _over_http(folder: Path, source: BenchSource, runs: int) -> tuple[list[float], list[float]]:
    started, asked = [], []
    with serving(folder / "served") as server, api(server) as client:
        server.apply(source.pipeline("orders"))
        for number in range(WARM + runs):
            source.asked()
            sent = time.time()
            run_id = client.start("orders")
            time.sleep(REST)
            client.succeeded(run_id)
            if number >= WARM:
                started.append(client.started(run_id) - sent)
                asked.append(source.asked()[0] - sent)
    return started, asked


def _in_process(folder: Path, source: BenchSource, runs: int) -> list[float]:
    """The services on the real doorbell, without the HTTP API and without a second process for the caller."""
    took = []
    with _control(folder / "in-process") as control:
        control.apply(BENCH, [SourceText("hakiri.toml", _manifest(source), "toml")], based_on=None)
        for number in range(WARM + runs):
            sent = time.time()
            run = control.request.start(BENCH, "orders")
            time.sleep(REST)
            while not control.on.runs.get(run.id).state.is_final:
                time.sleep(REST)
            lines = control.on.records.logs(run.id, after=0, limit=50)
            if number >= WARM:
                took += [line.at.timestamp() - sent for line in lines if line.message == "connector started"]
    return took


def _manifest(source: BenchSource) -> str:
    return f'[project]\nname = "bench"\n\n{source.pipeline("orders")}'


@contextmanager
def _control(data: Path) -> Iterator[Control]:
    stopping = threading.Event()
    control = assemble(selfhosted(Settings(data=data)), stopping=stopping.is_set)
    control.on.doorbell.start(control.execute)
    try:
        yield control
    finally:
        stopping.set()
        control.on.doorbell.stop(5.0)
        control.on.close()


def _rested(readings: Alone) -> float:
    """After as long a rest as ours have."""
    time.sleep(REST)
    return readings.started()
