"""A connector compiled to a component: the same contract through wasmtime's component API."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import wasmtime
from wasmtime import component

from . import fast_bytes, mini_wasi
from .abi import Value
from .component_values import from_component, to_component
from .contract import ArrowIpc, Batch, Csv, Ndjson
from .engine import failure_of, make_store, stopped
from .errors import Failure
from .guard import Guard
from .host import Host
from .interfaces import CURSOR, EXPORTS, IMPORTS, NEXT, PACKAGE, Function, batch

_OURS = re.compile(rf"{PACKAGE}/(\w+)@1\.\d+\.\d+")
_SOURCE = re.compile(rf"{PACKAGE}/source@1\.\d+\.\d+")
# Toolchains link several core modules and memories into one component.
_INSTANCES, _MEMORIES = 128, 8
_STOPPED = ("err", ("other", "the reading ends"))


class ComponentGuest:
    """One instance. Its methods raise Failure; after that it is dead."""

    def __init__(
        self,
        engine: wasmtime.Engine,
        loaded: component.Component,
        *,
        host: Host,
        guard: Guard,
        memory_bytes: int,
        page_bytes: int,
    ) -> None:
        self._host = host
        self._guard = guard
        self._page_bytes = page_bytes
        self._memory_bytes = memory_bytes
        # A component hides its memories; what this process grew by tells that one was full.
        self._writable = _writable_bytes()
        self._store = make_store(engine, memory_bytes=memory_bytes, instances=_INSTANCES, memories=_MEMORIES)
        fast_bytes.install()
        linker = self._linked(engine, loaded)
        self._instance = self._enter(lambda: linker.instantiate(self._store, loaded))
        self._functions = self._exported(engine, loaded)
        self._handle: Any = None

    def discover(self, config: str) -> list[Value]:
        """The tables as plain records."""
        tables: list[Value] = self._result("discover", config)
        return tables

    def open(self, config: str, table: str, cursor: str | None) -> None:
        """Begin to read a table."""
        self._handle = self._result("open", config, table, cursor)

    def next(self) -> Batch | None:
        """The next batch of the open table."""
        value = self._result(NEXT, self._handle)
        if value is None:
            return None
        found = batch(value)
        size = (
            len(found.text)
            if isinstance(found, Csv | Ndjson)
            else len(found.data)
            if isinstance(found, ArrowIpc)
            else 0
        )
        if size > self._page_bytes:
            raise Failure("limit", f"the connector handed over more than {self._page_bytes:,} bytes at once")
        return found

    def cursor(self) -> str:
        """Where to resume after the last batch."""
        text: str = self._call(CURSOR, self._handle)
        return text

    def _result(self, name: str, *arguments: Value) -> Any:
        arm, value = self._call(name, *arguments)
        if arm == "err":
            raise failure_of(value)
        return value

    def _call(self, name: str, *arguments: Value) -> Value:
        function, entry = EXPORTS[name], self._functions[name]
        given = [to_component(kind, value) for kind, value in zip(function.params, arguments, strict=True)]
        value = self._enter(lambda: entry(self._store, *given))
        self._enter(lambda: entry.post_return(self._store))
        if function.result is None:
            return None
        try:
            return from_component(function.result, value)
        except (AttributeError, TypeError, ValueError) as error:
            raise Failure(
                "permanent", f"the connector's {name} has another type than the contract's: {error}"
            ) from None

    def _enter(self, work: Callable[[], Any]) -> Any:
        try:
            with self._guard.guest():
                self._store.set_epoch_deadline(1)
                done = work()
        except (wasmtime.Trap, wasmtime.WasmtimeError, TypeError, ValueError, AttributeError) as error:
            grown = _writable_bytes() - self._writable
            full = grown > self._memory_bytes * 9 // 10
            raise stopped(error, host=self._host, guard=self._guard, out_of_memory=full) from None
        if self._host.failure is not None:
            raise self._host.failure
        return done

    def _linked(self, engine: wasmtime.Engine, loaded: component.Component) -> component.Linker:
        linker = component.Linker(engine)
        wanted = loaded.type.imports(engine)
        for name, kind in wanted.items():
            found = _OURS.fullmatch(name)
            if found and found[1] in IMPORTS:
                self._define(linker, name, found[1], _function_names(engine, kind.ty))
            elif not name.startswith("wasi:") and not (found and found[1] == "types"):
                raise Failure("permanent", f"the connector imports {name!r}, which no connector is given")
        mini_wasi.define(linker, loaded, set(wanted))
        return linker

    def _define(self, linker: component.Linker, name: str, interface: str, wanted: set[str]) -> None:
        unknown = wanted - IMPORTS[interface].keys()
        if unknown:
            raise Failure("permanent", f"the connector imports {name!r} {min(unknown)!r}, which no connector is given")
        functions = self._host.functions()
        with linker.root() as root, root.add_instance(name) as instance:
            for function_name in sorted(wanted):
                function = IMPORTS[interface][function_name]
                instance.add_func(function_name, self._imported(function, functions[interface, function_name]))

    def _imported(self, function: Function, call: Callable[..., Value]) -> Callable[..., Any]:
        result = function.result

        def work(arguments: tuple[Any, ...]) -> Any:
            pairs = zip(function.params, arguments, strict=True)
            answer = call(*[from_component(kind, value) for kind, value in pairs])
            return None if result is None else to_component(result, answer)

        instead = None if result is None else to_component(result, _STOPPED)
        return lambda _store, *arguments: self._host.run(lambda: work(arguments), instead)

    def _exported(self, engine: wasmtime.Engine, loaded: component.Component) -> dict[str, component.Func]:
        source = next((name for name in loaded.type.exports(engine) if _SOURCE.fullmatch(name)), None)
        place = self._instance.get_export_index(self._store, source) if source else None
        if place is None:
            raise Failure("permanent", f"the connector does not export {PACKAGE}/source@1")
        found = {}
        for name in EXPORTS:
            index = self._instance.get_export_index(self._store, name, place)
            function = self._instance.get_func(self._store, index) if index else None
            if function is None:
                raise Failure("permanent", f"the connector does not export the function {name!r}")
            found[name] = function
        return found


def _writable_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _function_names(engine: wasmtime.Engine, kind: component.ComponentItem) -> set[str]:
    if not isinstance(kind, component.ComponentInstanceType):
        return set()
    return {name for name, item in kind.exports(engine).items() if isinstance(item.ty, component.FuncType)}
