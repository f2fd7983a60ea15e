"""Runs the editors of `tests/client/bench/load.mjs` against a server, each on a processor core of its own."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from tests.bench.sync_edits import PIPELINES, Edits
from tests.bench.tree import cpu_seconds
from tests.support.tools_node import CLIENT, node

BENCH = CLIENT / "bench"
SERVER_CORE, LOAD_CORE = 0, 1
WARM_SECONDS = 0.5

# Everybody gets everything; so many look at it closely enough to say when it came.
OBSERVERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """`rate`: edits a second by all editors together; 0: as many as the server takes, `window` by each at a time."""

    editors: int
    seconds: float
    rate: int = 0
    window: int = 8


@dataclass(frozen=True, slots=True)
class Target:
    """A server to load. `pid` is the root of its processes.

    `settle`: wait until all is acknowledged, which takes a server for ever that got more than it can take.
    """

    dialect: str
    url: str
    room: str
    tokens: Sequence[str]
    pid: int
    settle: bool


@dataclass(frozen=True, slots=True)
class Percentiles:
    """In milliseconds."""

    p50: float
    p99: float
    count: int


@dataclass(frozen=True, slots=True)
class Result:
    """`acknowledged`: by editor, all of them, measured or not. Processor time in cores."""

    operations: float
    frames: float
    ack: Percentiles
    fanout: Percentiles | None
    acknowledged: Sequence[int]
    server_cores: float
    load_cores: float
    other_cores: float


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """What this thread starts meanwhile stays on one core, if there are several."""
    before = os.sched_getaffinity(0)
    if len(before) > 1:
        os.sched_setaffinity(0, {sorted(before)[core]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def run(target: Target, load: Load, edits: Edits) -> Result:
    """Raises AssertionError if anything is refused, lost or not acknowledged."""
    counts = [len(made) for made in edits.of_editor[: load.editors]]
    asked = {
        **{key: value for key, value in asdict(target).items() if key != "pid"},
        **asdict(load),
        "warm": WARM_SECONDS,
        "observers": OBSERVERS,
        "file": str(edits.file),
        "pipelines": PIPELINES,
        # Hocuspocus acknowledges one editor's edits from memory faster than anybody else.
        "counts": [5 * count for count in counts] if load.editors == 1 else counts,
    }
    with pinned(LOAD_CORE):
        command = [str(node()), "load.mjs", json.dumps(asked)]
        running = subprocess.Popen(command, cwd=BENCH, stdout=subprocess.PIPE, text=True)
    with running:
        assert running.stdout is not None
        began = _moment(_line(running.stdout, "measuring"), target.pid, running.pid)
        ended = _moment(_line(running.stdout, "draining"), target.pid, running.pid)
        told = _line(running.stdout, "over")
    assert running.returncode == 0
    assert told["refused"] == 0, told
    return _result(told, began, ended)


@dataclass(frozen=True, slots=True)
class _Moment:
    at: float
    server: float
    load: float
    everybody: float


def _moment(_: object, server: int, load: int) -> _Moment:
    return _Moment(time.monotonic(), cpu_seconds(server), cpu_seconds(load), _busy_seconds())


def _busy_seconds() -> float:
    """Of all processes of this machine, since it started."""
    user, nice, system, _idle, _waiting, irq, soft = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def _line(output: IO[str], stage: str) -> dict[str, Any]:
    line = output.readline()
    assert line, f"the load ended before it was {stage}"
    told: dict[str, Any] = json.loads(line)
    assert told["stage"] == stage, told
    return told


def _result(told: dict[str, Any], began: _Moment, ended: _Moment) -> Result:
    passed = ended.at - began.at
    server, load = (ended.server - began.server) / passed, (ended.load - began.load) / passed
    return Result(
        operations=told["operations"] / told["seconds"],
        frames=told["frames"] / told["seconds"],
        ack=Percentiles(**told["ack"]),
        fanout=Percentiles(**told["fanout"]) if told["fanout"] else None,
        acknowledged=told["acknowledged"],
        server_cores=server,
        load_cores=load,
        other_cores=(ended.everybody - began.everybody) / passed - server - load,
    )
