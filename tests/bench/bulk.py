"""A large CSV through the shipped connector into Parquet, against arro3 alone reading the same file."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.api import Api, api, seconds
from tests.bench.bench import Bench
from tests.bench.report import Line
from tests.bench.source import ROOT, BenchSource, bench_source
from tests.bench.tree import MB, Peak
from tests.support.serving import Serving, serving

MILLION = 1_000_000
BLOCK = 100_000
PEAK_RATIO = 1.1


@dataclass(frozen=True, slots=True)
class Landed:
    """How long a file took, in seconds, and the most memory meanwhile, in bytes."""

    rows: int
    seconds: float
    rss: int
    pss: int
    largest: int


def measure(bench: Bench) -> Iterator[Line]:
    """One file of a million rows and one of ten; quick: a tenth of that."""
    small = bench.count(MILLION, quick=MILLION // 10)
    peaks = []
    for rows in (small, 10 * small):
        name = f"rows{rows}.csv"
        write_csv(bench.folder / name, rows)
        native = _native(bench.folder, name, rows)
        ours = _ours(bench.folder, name, rows)
        yield from _lines(ours, native)
        peaks.append(ours)
        (bench.folder / name).unlink()
    yield Line(
        measurement="ten times the rows: peak RSS of the tree",
        value=peaks[1].rss / MB,
        unit="MB",
        reference=peaks[0].rss / MB,
        reference_is="the smaller file",
        most_ratio=PEAK_RATIO,
    )


def _lines(ours: Landed, native: Landed) -> Iterator[Line]:
    name = f"{ours.rows / MILLION:g} M rows of CSV to Parquet"
    yield Line(
        measurement=name,
        value=ours.rows / ours.seconds,
        unit="rows/s",
        reference=native.rows / native.seconds,
        reference_is="arro3 alone",
    )
    for what, mine, theirs in (("RSS", ours.rss, native.rss), ("PSS", ours.pss, native.pss)):
        yield Line(
            measurement=f"{name}: peak {what} of the tree",
            value=mine / MB,
            unit="MB",
            reference=theirs / MB,
            reference_is="arro3 alone",
        )
    yield Line(measurement=f"{name}: peak RSS of the largest process", value=ours.largest / MB, unit="MB")


def _ours(folder: Path, name: str, rows: int) -> Landed:
    """From the request to the committed table, in a control plane of its own."""
    with ExitStack() as running:
        source = running.enter_context(bench_source(folder))
        server = running.enter_context(serving(folder / name.partition(".")[0]))
        client = running.enter_context(api(server))
        _warm(server, client, source, name)
        with Peak(server.pid) as peak:
            sent = time.time()
            run = client.succeeded(client.start("rows"), seconds=3600.0, look=0.1)
        assert run["rows"] == rows, run
        return Landed(rows, seconds(run["finished_at"]) - sent, peak.rss, peak.pss, peak.largest)


def _warm(server: Serving, client: Api, source: BenchSource, name: str) -> None:
    """Compiling the connector is not what is measured."""
    server.apply(source.pipeline("rows", name), source.pipeline("warm"))
    client.succeeded(client.start("warm"))


def _native(folder: Path, name: str, rows: int) -> Landed:
    command = [sys.executable, "-m", "tests.bench.native", str(folder / name), str(folder / "native.parquet")]
    began = time.monotonic()
    with subprocess.Popen(command, cwd=ROOT) as process, Peak(process.pid) as peak:
        assert process.wait() == 0
    took = time.monotonic() - began
    (folder / "native.parquet").unlink()
    return Landed(rows, took, peak.rss, peak.pss, peak.largest)


def write_csv(path: Path, rows: int) -> None:
    """An integer, a price, a text, a moment and a truth value in each row; about 50 bytes."""
    with path.open("w") as file:
        file.write("id,price,name,at,paid\n")
        for first in range(0, rows, BLOCK):
            file.writelines(map(_line, range(first, min(first + BLOCK, rows))))


def _line(n: int) -> str:
    day, second = n % 28 + 1, n % 60
    paid = "true" if n % 3 else "false"
    return f"{n},{n % 9973 / 100:.2f},customer {n * 7919 % 1000003},2026-01-{day:02}T12:34:{second:02}Z,{paid}\n"
