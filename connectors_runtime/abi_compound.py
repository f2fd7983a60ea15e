"""The canonical ABI of types that hold others: lists, records, variants, options, results. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .abi import PAIR, Memory, Type, Value, chosen
from .errors import AbiError


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of anything but bytes."""

    item: Type
    size = 8
    align = 4
    flat = ("i32", "i32")

    def load(self, memory: Memory, pointer: int) -> Value:
        return self._items(memory, *PAIR.unpack(memory.read(pointer, 8)))

    def store(self, memory: Memory, pointer: int, value: Value) -> None:
        memory.write(pointer, PAIR.pack(*self.lower(memory, value)))

    def lift(self, memory: Memory, flat: Iterator[int]) -> Value:
        return self._items(memory, next(flat) & 0xFFFFFFFF, next(flat) & 0xFFFFFFFF)

    def lower(self, memory: Memory, value: Value) -> list[int]:
        pointer = memory.allocate(len(value) * self.item.size, self.item.align)
        for position, item in enumerate(value):
            self.item.store(memory, pointer + position * self.item.size, item)
        return [pointer, len(value)]

    def _items(self, memory: Memory, pointer: int, count: int) -> Value:
        memory.spend(count)
        _check_aligned(pointer, self.item.align)
        return [self.item.load(memory, pointer + position * self.item.size) for position in range(count)]


@dataclass(frozen=True, slots=True)
class Record:
    """Named fields; a tuple's are "0", "1" and so on."""

    fields: tuple[tuple[str, Type], ...]

    @property
    def align(self) -> int:
        return max(kind.align for _, kind in self.fields)

    @property
    def size(self) -> int:
        return _aligned(self._offsets()[-1] + self.fields[-1][1].size, self.align)

    @property
    def flat(self) -> tuple[str, ...]:
        return tuple(core for _, kind in self.fields for core in kind.flat)

    def load(self, memory: Memory, pointer: int) -> Value:
        pairs = zip(self._offsets(), self.fields, strict=True)
        return tuple(kind.load(memory, pointer + offset) for offset, (_, kind) in pairs)

    def store(self, memory: Memory, pointer: int, value: Value) -> None:
        for offset, (_, kind), item in zip(self._offsets(), self.fields, value, strict=True):
            kind.store(memory, pointer + offset, item)

    def lift(self, memory: Memory, flat: Iterator[int]) -> Value:
        return tuple(kind.lift(memory, flat) for _, kind in self.fields)

    def lower(self, memory: Memory, value: Value) -> list[int]:
        return [core for (_, kind), item in zip(self.fields, value, strict=True) for core in kind.lower(memory, item)]

    def _offsets(self) -> list[int]:
        offsets, at = [], 0
        for _, kind in self.fields:
            at = _aligned(at, kind.align)
            offsets.append(at)
            at += kind.size
        return offsets


@dataclass(frozen=True, slots=True)
class Variant:
    """One of several cases, each with or without a payload. Never a parameter in this contract."""

    cases: tuple[tuple[str, Type | None], ...]
    flat = ()

    @property
    def align(self) -> int:
        return max([1, *(kind.align for _, kind in self.cases if kind)])

    @property
    def size(self) -> int:
        return _aligned(self.align + max([0, *(kind.size for _, kind in self.cases if kind)]), self.align)

    def load(self, memory: Memory, pointer: int) -> Value:
        name, kind = chosen(self.cases, memory.read(pointer, 1)[0])
        return name, kind.load(memory, pointer + self.align) if kind else None

    def store(self, memory: Memory, pointer: int, value: Value) -> None:
        name, payload = value
        number = [case for case, _ in self.cases].index(name)
        memory.write(pointer, bytes([number]))
        kind = self.cases[number][1]
        if kind:
            kind.store(memory, pointer + self.align, payload)

    def lift(self, _memory: Memory, _flat: Iterator[int]) -> Value:
        raise AbiError("a variant is never a parameter")

    def lower(self, _memory: Memory, _value: Value) -> list[int]:
        raise AbiError("a variant is never a parameter")


@dataclass(frozen=True, slots=True)
class Option:
    """None, or a value."""

    some: Type

    @property
    def align(self) -> int:
        return self.some.align

    @property
    def size(self) -> int:
        return self.some.align + self.some.size

    @property
    def flat(self) -> tuple[str, ...]:
        return ("i32", *self.some.flat)

    def load(self, memory: Memory, pointer: int) -> Value:
        present = chosen((False, True), memory.read(pointer, 1)[0])
        return self.some.load(memory, pointer + self.align) if present else None

    def store(self, memory: Memory, pointer: int, value: Value) -> None:
        memory.write(pointer, bytes([value is not None]))
        if value is not None:
            self.some.store(memory, pointer + self.align, value)

    def lift(self, memory: Memory, flat: Iterator[int]) -> Value:
        if chosen((False, True), next(flat)):
            return self.some.lift(memory, flat)
        for _ in self.some.flat:
            next(flat)
        return None

    def lower(self, memory: Memory, value: Value) -> list[int]:
        return [0] * len(self.flat) if value is None else [1, *self.some.lower(memory, value)]


def result(ok: Type, err: Type) -> Variant:
    """A WIT result."""
    return Variant((("ok", ok), ("err", err)))


def load_at(kind: Type, memory: Memory, pointer: int) -> Value:
    """The value an export's return pointer leads to. Raises AbiError."""
    _check_aligned(pointer, kind.align)
    return kind.load(memory, pointer)


def _check_aligned(pointer: int, align: int) -> None:
    if pointer % align:
        raise AbiError(f"address {pointer:#x} is not a multiple of {align}")


def _aligned(offset: int, align: int) -> int:
    return (offset + align - 1) // align * align
