"""A connector compiled to a core module with canonical-ABI names: the fast form, one memory copy a batch.

The module is whatever an author uploaded. Every address it gives is checked here, because nobody else does.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from typing import Any

import wasmtime

from .abi import MAX_ITEMS, Text, Value
from .abi_compound import load_at
from .contract import Batch
from .engine import failure_of, make_store, stopped
from .errors import AbiError, Failure
from .guard import Guard
from .host import Host
from .interfaces import CURSOR, EXPORTS, IMPORTS, NEXT, PACKAGE, VERSIONS, Function, batch

_SPARE_BYTES = 1 << 20
_MAX_HANDLES = 64
_VERSION = "(?:" + "|".join(re.escape(version) for version in VERSIONS) + ")"
_INTERFACE = re.compile(rf"cm32p2\|{PACKAGE}/(\w+)@{_VERSION}")
_RESOURCES = re.compile(rf"cm32p2\|_ex_{PACKAGE}/source@{_VERSION}")


class GuestMemory:
    """The linear memory, with a budget for what one call may make the host copy."""

    def __init__(
        self, store: wasmtime.Store, memory: wasmtime.Memory, realloc: Callable[[int, int], int], budget: int
    ) -> None:
        self._store = store
        self._memory = memory
        self._realloc = realloc
        self._budget = budget
        self._bytes = self._items = 0

    @property
    def size(self) -> int:
        """Bytes now."""
        return self._memory.data_len(self._store)

    def renew(self) -> None:
        """A new call begins."""
        self._bytes = self._items = 0

    def read(self, pointer: int, size: int) -> bytes:
        if not size:
            return b""
        self._check(pointer, size)
        self._bytes += size
        if self._bytes > self._budget:
            raise Failure("limit", f"the connector handed over more than {self._budget:,} bytes at once")
        return ctypes.string_at(self._base() + pointer, size)

    def write(self, pointer: int, data: bytes) -> None:
        if data:
            self._check(pointer, len(data))
            ctypes.memmove(self._base() + pointer, data, len(data))

    def allocate(self, size: int, align: int) -> int:
        pointer = self._realloc(size, align)
        self._check(pointer, size)
        if pointer % align:
            raise AbiError(f"cm32p2_realloc gave {pointer:#x}, which is not a multiple of {align}")
        return pointer

    def spend(self, items: int) -> None:
        self._items += items
        if self._items > MAX_ITEMS:
            raise Failure("limit", f"the connector handed over more than {MAX_ITEMS:,} items at once")

    def _check(self, pointer: int, size: int) -> None:
        if pointer + size > self.size:
            raise AbiError(f"{size:,} bytes at {pointer:#x} are outside the connector's memory")

    def _base(self) -> int:
        # Asked for each time: the memory moves when the guest grows it.
        return ctypes.addressof(self._memory.data_ptr(self._store).contents)


class CoreGuest:
    """One instance. Its methods raise Failure; after that it is dead."""

    def __init__(
        self,
        engine: wasmtime.Engine,
        module: wasmtime.Module,
        *,
        host: Host,
        guard: Guard,
        memory_bytes: int,
        page_bytes: int,
    ) -> None:
        self._host = host
        self._guard = guard
        self._memory_bytes = memory_bytes
        self._store = make_store(engine, memory_bytes=memory_bytes, instances=4, memories=1)
        self._handles: dict[int, int] = {}
        self._last_handle = 0
        self._handle = 0
        linker = self._linked(engine, module)
        self._exports = self._enter(lambda: linker.instantiate(self._store, module)).exports(self._store)
        self._prefix = self._source_prefix()
        self.memory = GuestMemory(self._store, self._memory_export(), self._allocate, page_bytes + _SPARE_BYTES)
        self._finish("cm32p2_initialize")

    def discover(self, config: str) -> list[Value]:
        """The tables as plain records."""
        tables: list[Value] = self._result("discover", config)
        return tables

    def open(self, config: str, table: str, cursor: str | None) -> None:
        """Begin to read a table."""
        handle = self._result("open", config, table, cursor)
        if handle not in self._handles:
            raise Failure("permanent", f"the connector returned a read handle {handle} that it never made")
        self._handle = self._handles[handle]

    def next(self) -> Batch | None:
        """The next batch of the open table."""
        value = self._result(NEXT, self._handle)
        return None if value is None else batch(value)

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
        function = EXPORTS[name]
        self.memory.renew()
        try:
            pairs = zip(function.params, arguments, strict=True)
            flat = [_signed(core) for kind, value in pairs for core in kind.lower(self.memory, value)]
            pointer = self._called(self._prefix + name, *flat)
            value = load_at(function.result or Text(), self.memory, pointer)
        except AbiError as error:
            raise Failure("permanent", f"the connector's {name} broke the ABI: {error}") from None
        self._finish(self._prefix + name + "_post", _signed(pointer))
        return value

    def _finish(self, name: str, *flat: int) -> None:
        # Optional exports: one that is missing has nothing to do.
        if self._exports.get(name) is not None:
            function = self._function(name)
            self._enter(lambda: function(self._store, *flat))

    def _allocate(self, size: int, align: int) -> int:
        return self._called("cm32p2_realloc", 0, 0, align, size)

    def _enter(self, work: Callable[[], Any]) -> Any:
        try:
            with self._guard.guest():
                self._store.set_epoch_deadline(1)
                done = work()
        except (wasmtime.Trap, wasmtime.WasmtimeError, TypeError) as error:
            full = hasattr(self, "memory") and self.memory.size > self._memory_bytes * 9 // 10
            raise stopped(error, host=self._host, guard=self._guard, out_of_memory=full) from None
        if self._host.failure is not None:
            raise self._host.failure
        return done

    # -- linking ----------------------------------------------------------------------------------

    def _linked(self, engine: wasmtime.Engine, module: wasmtime.Module) -> wasmtime.Linker:
        # Their types are checked by wasmtime when it instantiates.
        linker = wasmtime.Linker(engine)
        functions = self._host.functions()
        for wanted in module.imports:
            place, name = wanted.module, wanted.name or ""
            found = _INTERFACE.fullmatch(place)
            interface = found[1] if found else "source" if _RESOURCES.fullmatch(place) else ""
            kind = _FUNCTION_TYPES.get((interface, name))
            if kind is None:
                raise Failure("permanent", f"the connector imports {place!r} {name!r}, which no connector is given")
            if interface == "source":
                call: Callable[..., Value] = self._resource(name)
            else:
                call = self._imported(IMPORTS[interface][name], functions[interface, name])
            linker.define_func(place, name, kind, call)
        return linker

    def _imported(self, function: Function, call: Callable[..., Value]) -> Callable[..., None]:
        def work(flat: tuple[int, ...]) -> None:
            self.memory.renew()
            cores = iter(flat)
            answer = call(*[kind.lift(self.memory, cores) for kind in function.params])
            if function.result is not None:
                function.result.store(self.memory, next(cores) & 0xFFFFFFFF, answer)

        return lambda *flat: self._host.run(lambda: work(flat))

    def _resource(self, name: str) -> Callable[..., int | None]:
        def new(rep: int) -> int:
            if len(self._handles) >= _MAX_HANDLES:
                raise Failure("limit", f"the connector made more than {_MAX_HANDLES} read handles")
            self._last_handle += 1
            self._handles[self._last_handle] = rep & 0xFFFFFFFF
            return self._last_handle

        def rep(handle: int) -> int:
            if handle not in self._handles:
                raise AbiError(f"the connector used a read handle {handle} that it never made")
            return _signed(self._handles[handle])

        def drop(handle: int) -> None:
            self._handles.pop(handle, None)

        work: Callable[[int], int | None] = {"new": new, "rep": rep, "drop": drop}[name.rpartition("_")[2]]
        instead = None if work is drop else 0
        return lambda handle: self._host.run(lambda: work(handle), instead)

    def _function(self, name: str) -> wasmtime.Func:
        found = self._exports.get(name)
        if not isinstance(found, wasmtime.Func):
            raise Failure("permanent", f"the connector does not export the function {name!r}")
        return found

    def _called(self, name: str, *flat: int) -> int:
        """An export's one i32. The author may have given it any type."""
        function = self._function(name)
        found = self._enter(lambda: function(self._store, *flat))
        if not isinstance(found, int):
            raise Failure("permanent", f"the connector's export {name!r} has another type than the contract's")
        return found & 0xFFFFFFFF

    def _source_prefix(self) -> str:
        for version in VERSIONS:
            prefix = f"cm32p2|{PACKAGE}/source@{version}|"
            if self._exports.get(prefix + "open") is not None:
                return prefix
        raise Failure("permanent", f"the connector does not export {PACKAGE}/source@{VERSIONS[0]}")

    def _memory_export(self) -> wasmtime.Memory:
        for name in ("cm32p2_memory", "memory"):
            found = self._exports.get(name)
            if isinstance(found, wasmtime.Memory):
                return found
        raise Failure("permanent", "the connector does not export 'cm32p2_memory'")


def _signed(core: int) -> int:
    return core - (1 << 32) if core >= 1 << 31 else core


def _function_type(params: tuple[str, ...], results: tuple[str, ...]) -> wasmtime.FuncType:
    kinds = {"i32": wasmtime.ValType.i32, "i64": wasmtime.ValType.i64}
    return wasmtime.FuncType([kinds[core]() for core in params], [kinds[core]() for core in results])


def _flat(function: Function) -> tuple[str, ...]:
    answer = ("i32",) if function.result else ()
    return tuple(core for kind in function.params for core in kind.flat) + answer


# Made before any fork, and no part of an engine.
_FUNCTION_TYPES: dict[tuple[str, str], wasmtime.FuncType] = {
    ("source", "read-handle_new"): _function_type(("i32",), ("i32",)),
    ("source", "read-handle_rep"): _function_type(("i32",), ("i32",)),
    ("source", "read-handle_drop"): _function_type(("i32",), ()),
    **{
        (interface, name): _function_type(_flat(function), ())
        for interface, functions in IMPORTS.items()
        for name, function in functions.items()
    },
}
