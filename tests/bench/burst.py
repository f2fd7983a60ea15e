"""Two hundred schedules that are due at the same moment, each a trivial run in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from appliance.settings import Settings
from tests.bench.alone import alone
from tests.bench.api import FINAL, Api, api, seconds
from tests.bench.bench import Bench, percentile
from tests.bench.report import Line
from tests.bench.source import BenchSource, bench_source
from tests.support.serving import serving

RUNS = 200
TARGET_S = 1.0
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Burst:
    """In seconds from the due moment; `late` and `ended` hold each run's."""

    late: list[float]
    ended: list[float]


def measure(bench: Bench) -> Iterator[Line]:
    """Once into new tables, which also writes every table's schema and view, and once more into the same tables."""
    every = bench.count(30, quick=15)
    with bench_source(bench.folder) as source, alone(bench.folder, source) as readings:
        least = readings.all_at_once(RUNS, threads=Settings().workers)
    with bench_source(bench.folder) as source, serving(bench.folder / "data") as server, api(server) as client:
        server.apply(*_pipelines(source, ""))
        client.succeeded(client.start("warm"))
        source.asked()
        server.apply(*_pipelines(source, f'schedule = "every {every}s"'))
        applied = time.time()
        for number, tables in enumerate(("new tables", "known tables"), start=1):
            _rest_until(applied + number * every - 1.0)
            burst = _burst(client, source, applied + (number - 0.5) * every)
            yield from _lines(tables, burst, least)
        server.apply()


def _lines(tables: str, burst: Burst, least: float) -> Iterator[Line]:
    yield Line(
        measurement=f"{RUNS} runs at once, {tables}: due to last end",
        value=max(burst.ended),
        unit="s",
        reference=least,
        reference_is="readings without us",
        most=TARGET_S,
    )
    yield Line(measurement=f"{RUNS} runs at once, {tables}: worst lateness of a start", value=max(burst.late), unit="s")
    yield Line(
        measurement=f"{RUNS} runs at once, {tables}: p50 of due to end", value=percentile(burst.ended, 50), unit="s"
    )


def _burst(client: Api, source: BenchSource, after: float) -> Burst:
    """The runs that are due at the first moment after `after`, once all have ended."""
    until = time.monotonic() + PATIENCE
    while len(runs := _ended(client.runs(), after)) < RUNS:
        assert time.monotonic() < until, f"{len(runs)} of {RUNS} runs ended within {PATIENCE:.0f} s"
        # Not so often that looking delays what is looked at.
        time.sleep(0.5)
    assert len(runs) == RUNS, f"{len(runs)} runs"
    assert {run["state"] for run in runs} == {"succeeded"}, [run for run in runs if run["state"] != "succeeded"]
    asked = len(source.asked())
    assert asked == RUNS, f"the source was asked {asked} times"
    due = seconds(runs[0]["due_at"])
    assert {seconds(run["due_at"]) for run in runs} == {due}
    return Burst(
        [seconds(run["started_at"]) - due for run in runs], [seconds(run["finished_at"]) - due for run in runs]
    )


def _ended(runs: list[Any], after: float) -> list[Any]:
    return [
        run for run in runs if run["trigger"] == "schedule" and seconds(run["due_at"]) > after and run["state"] in FINAL
    ]


def _pipelines(source: BenchSource, extra: str) -> list[str]:
    return [source.pipeline("warm"), *(source.pipeline(f"p{number:03}", extra=extra) for number in range(RUNS))]


def _rest_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.time()))
