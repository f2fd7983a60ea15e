"""The little of WASI that language runtimes need to start: clocks, randomness, an empty environment.

Everything else traps when it is called. So a guest cannot sleep in host code, where no epoch reaches it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from wasmtime.component import Component, Linker
from wasmtime.component import Record as ForeignRecord

_MOST_RANDOM = 64 << 10
_SECOND = 1_000_000_000


def define(linker: Linker, loaded: Component, names: Iterable[str]) -> None:
    """Give a component what is here of the WASI interfaces that it imports, and traps for the rest."""
    for name in names:
        functions = _FUNCTIONS.get(name.partition("@")[0])
        if functions is None:
            continue
        with linker.root() as root, root.add_instance(name) as instance:
            for function, call in functions.items():
                instance.add_func(function, call)
    linker.define_unknown_imports_as_traps(loaded)


def _moment(nanoseconds: int) -> ForeignRecord:
    record = ForeignRecord()
    setattr(record, "seconds", nanoseconds // _SECOND)  # noqa: B010 - fields are dynamic
    setattr(record, "nanoseconds", nanoseconds % _SECOND)  # noqa: B010 - fields are dynamic
    return record


def _random(size: int) -> bytes:
    return os.urandom(min(size, _MOST_RANDOM))


def _random_number() -> int:
    return int.from_bytes(os.urandom(8), "little")


_FUNCTIONS: dict[str, dict[str, Callable[..., Any]]] = {
    "wasi:clocks/wall-clock": {
        "now": lambda _: _moment(time.time_ns()),
        "resolution": lambda _: _moment(1_000),
    },
    "wasi:clocks/monotonic-clock": {"now": lambda _: time.monotonic_ns(), "resolution": lambda _: 1_000},
    "wasi:random/random": {
        "get-random-bytes": lambda _, size: _random(size),
        "get-random-u64": lambda _: _random_number(),
    },
    "wasi:random/insecure": {
        "get-insecure-random-bytes": lambda _, size: _random(size),
        "get-insecure-random-u64": lambda _: _random_number(),
    },
    "wasi:random/insecure-seed": {"insecure-seed": lambda _: (_random_number(), _random_number())},
    "wasi:cli/environment": {
        "get-environment": lambda _: [],
        "get-arguments": lambda _: [],
        "initial-cwd": lambda _: None,
    },
}
