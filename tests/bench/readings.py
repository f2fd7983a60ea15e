"""How fast a reading starts, alone and 200 at once: `python -m tests.bench.readings`."""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import click

from connectors_runtime.client import Failed, ReadSpec, Started, Zygote

GUEST = Path(__file__).parents[1] / "support" / "guests"
ALONE, AT_ONCE = 200, 200


def start(zygote: Zygote, spec: ReadSpec) -> float:
    """Milliseconds from asking for a reading to the first instruction of its guest."""
    asked = time.monotonic_ns()
    with zygote.open(spec) as reading:
        first = reading.receive(30)
        assert isinstance(first, Started), first
        while not isinstance(reading.receive(30), Failed):
            pass
    return (first.monotonic_ns - asked) / 1e6


def main() -> None:
    """Print both tables."""
    with tempfile.TemporaryDirectory() as directory, Zygote() as zygote:
        for name in sys.argv[1:] or ("guest.wasm", "guest.component.wasm"):
            spec = ReadSpec(
                wasm=GUEST / name, cache_dir=Path(directory), staging=Path(directory), config="expired", table="t"
            )
            start(zygote, spec)
            alone = sorted(start(zygote, spec) for _ in range(ALONE))
            click.echo(f"{name}: p50 {statistics.median(alone):.1f} ms, p95 {alone[ALONE * 95 // 100]:.1f} ms")
            began = time.monotonic()
            threads = [threading.Thread(target=start, args=(zygote, spec)) for _ in range(AT_ONCE)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            click.echo(f"{name}: {AT_ONCE} at once, all done in {time.monotonic() - began:.2f} s")


if __name__ == "__main__":
    main()
