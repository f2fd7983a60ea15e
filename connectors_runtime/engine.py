"""wasmtime's engine as every guest runs on it, and what its errors mean."""

from __future__ import annotations

from importlib.metadata import version

import wasmtime

from .abi import Value
from .errors import Failure
from .guard import Guard
from .host import Host

# Part of the cache key: machine code of another version or other settings must not be loaded.
SETTINGS = f"wasmtime-{version('wasmtime')},epoch,no-memory64,no-threads,stack-1m"
MAX_STACK = 1 << 20
_TABLE_ELEMENTS = 1_000_000


def make_engine() -> wasmtime.Engine:
    """An engine whose guests stop when its epoch moves on."""
    config = wasmtime.Config()
    config.epoch_interruption = True
    config.wasm_memory64 = False
    config.wasm_threads = False
    config.parallel_compilation = False
    config.max_wasm_stack = MAX_STACK
    return wasmtime.Engine(config)


def make_store(engine: wasmtime.Engine, *, memory_bytes: int, instances: int, memories: int) -> wasmtime.Store:
    """A store with its limits; the memory limit is for each of its memories."""
    store = wasmtime.Store(engine)
    store.set_limits(
        memory_size=memory_bytes,
        table_elements=_TABLE_ELEMENTS,
        instances=instances,
        tables=instances,
        memories=memories,
    )
    store.set_epoch_deadline(1)
    return store


def stopped(error: Exception, *, host: Host, guard: Guard, out_of_memory: bool = False) -> Failure:
    """Why the guest stopped."""
    if host.failure is not None:
        return host.failure
    if guard.interrupted:
        return Failure("cancelled", "the reading was interrupted")
    if guard.overtime:
        return Failure("limit", f"the connector computed for more than {guard.call_seconds:g} s in one call")
    if out_of_memory:
        return Failure("limit", "the connector used up its memory")
    return Failure("permanent", f"the connector stopped: {_short(str(error))}")


def failure_of(error: Value) -> Failure:
    """What a guest's error value says."""
    case, payload = error
    if case == "rate-limited":
        return Failure("rate_limited", f"rate limited; retry after {payload} s", retry_after_seconds=payload)
    return Failure(case.replace("-", "_"), payload)


def _short(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and "Caused by" not in line]
    for line in lines:
        if "trap:" in line:
            return line[:500]
    causes = lines[1:] if lines and lines[0].startswith("error while executing") else lines
    return ": ".join(dict.fromkeys((causes[:1] or ["no reason given"]) + causes[-1:]))[:500]
