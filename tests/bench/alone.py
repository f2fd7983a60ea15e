"""Readings by the connector runtime with no control plane around them: what a run costs before we do anything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from connectors_runtime import builtin
from connectors_runtime.client import Done, Failed, Page, ReadSpec, Started, Zygote
from tests.bench.source import BenchSource

HTTP = Path(builtin.__file__).parent / "http" / "http.wasm"
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Alone:
    """Reads the source's tiny page."""

    zygote: Zygote
    spec: ReadSpec

    def started(self) -> float:
        """Seconds from asking for a reading to its connector's start; returns when the reading is done."""
        asked = time.monotonic_ns()
        took = 0.0
        with self.zygote.open(self.spec) as reading:
            while True:
                match reading.receive(PATIENCE):
                    case Started(at):
                        took = (at - asked) / 1e9
                    case Page(path):
                        Path(path).unlink()
                        reading.acknowledge()
                    case Done():
                        return took
                    case Failed(_, message):
                        raise AssertionError(message)
                    case None:
                        raise AssertionError(f"no word for {PATIENCE:.0f} s")

    def all_at_once(self, readings: int, *, threads: int) -> float:
        """Seconds until so many readings are done, as many at a time as there are threads."""
        began = time.monotonic()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda _: self.started(), range(readings)))
        return time.monotonic() - began


@contextmanager
def alone(folder: Path, source: BenchSource) -> Iterator[Alone]:
    """Warm: the connector is compiled."""
    staging = folder / "staging"
    staging.mkdir()
    spec = ReadSpec(
        wasm=HTTP,
        cache_dir=folder / "cache",
        staging=staging,
        config=f'{{"config":{{"url":"{source.url}/tiny"}},"table":{{"name":"rows"}},"incremental":null}}',
        table="rows",
        egress=(f"127.0.0.1:{source.port}",),
    )
    with Zygote() as zygote:
        readings = Alone(zygote, spec)
        readings.started()
        yield readings
