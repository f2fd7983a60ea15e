"""The canonical ABI of `hakiri:connector` as descriptors: how each type lies in a guest's memory. Pure.

Values are plain: a record is a tuple in field order, a variant `(case, payload)`, a result `("ok" | "err", value)`,
an option None or the value, an enum its name.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from .errors import AbiError

Value = Any
MAX_ITEMS = 100_000
_PAIR = struct.Struct("<II")


class Memory(Protocol):
    """A guest's linear memory. Every method raises AbiError where the guest gave a bad address."""

    def read(self, pointer: int, size: int) -> bytes: ...

    def write(self, pointer: int, data: bytes) -> None: ...

    def allocate(self, size: int, align: int) -> int: ...

    def spend(self, items: int) -> None:
        """Count towards MAX_ITEMS: overlapping lists could otherwise make a small memory hold billions of items."""
        ...


class Type(Protocol):
    """How one WIT type is laid out."""

    @property
    def size(self) -> int: ...

    @property
    def align(self) -> int: ...

    @property
    def flat(self) -> tuple[str, ...]:
        """The core types it takes as a parameter."""
        ...

    def load(self, memory: Memory, pointer: int) -> Value: ...

    def store(self, memory: Memory, pointer: int, value: Value) -> None: ...

    def lift(self, memory: Memory, flat: Iterator[int]) -> Value: ...

    def lower(self, memory: Memory, value: Value) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class Scalar:
    """An unsigned integer, or a handle of a resource; `code` is struct's."""

    code: str
    handle: bool = False

    @property
    def size(self) -> int:
        return struct.calcsize("<" + self.code)

    @property
    def align(self) -> int:
        return self.size

    @property
    def flat(self) -> tuple[str, ...]:
        return ("i64",) if self.size == 8 else ("i32",)  # noqa: PLR2004 - bytes of an i64

    def load(self, memory: Memory, pointer: int) -> Value:
        return struct.unpack("<" + self.code, memory.read(pointer, self.size))[0]

    def store(self, memory: Memory, pointer: int, value: Value) -> None:
        memory.write(pointer, struct.pack("<" + self.code, value))

    def lift(self, memory: Memory, flat: Iterator[int]) -> Value:
        return next(flat) & ((1 << 8 * self.size) - 1)

    def lower(self, memory: Memory, value: Value) -> list[int]:
        return [value]


@dataclass(frozen=True, slots=True)
class Bool:
    """True or False, held as a byte."""

    size = 1
    align = 1
    flat = ("i32",)

    def load(self, memory: Memory, pointer: int) -> Value:
        return memory.read(pointer, 1) != b"\0"

    def store(self, memory: Memory, pointer: int, value: Value) -> None:
        memory.write(pointer, bytes([value]))

    def lift(self, memory: Memory, flat: Iterator[int]) -> Value:
        return next(flat) != 0

    def lower(self, memory: Memory, value: Value) -> list[int]:
        return [int(value)]


@dataclass(frozen=True, slots=True)
class Enum:
    """Names, held as a byte."""

    names: tuple[str, ...]
    size = 1
    align = 1
    flat = ("i32",)

    def load(self, memory: Memory, pointer: int) -> Value:
        return _case(self.names, memory.read(pointer, 1)[0])

    def store(self, memory: Memory, pointer: int, value: Value) -> None:
        memory.write(pointer, bytes([self.names.index(value)]))

    def lift(self, memory: Memory, flat: Iterator[int]) -> Value:
        return _case(self.names, next(flat))

    def lower(self, memory: Memory, value: Value) -> list[int]:
        return [self.names.index(value)]


@dataclass(frozen=True, slots=True)
class Bytes:
    """A list<u8>; also a string that is kept as it came."""

    text: bool = False
    size = 8
    align = 4
    flat = ("i32", "i32")

    def load(self, memory: Memory, pointer: int) -> Value:
        return memory.read(*_PAIR.unpack(memory.read(pointer, 8)))

    def store(self, memory: Memory, pointer: int, value: Value) -> None:
        memory.write(pointer, _PAIR.pack(*self.lower(memory, value)))

    def lift(self, memory: Memory, flat: Iterator[int]) -> Value:
        return memory.read(next(flat) & 0xFFFFFFFF, next(flat) & 0xFFFFFFFF)

    def lower(self, memory: Memory, value: Value) -> list[int]:
        pointer = memory.allocate(len(value), 1)
        memory.write(pointer, value)
        return [pointer, len(value)]


@dataclass(frozen=True, slots=True)
class Text:
    """A string, checked to be UTF-8."""

    size = 8
    align = 4
    flat = ("i32", "i32")

    def load(self, memory: Memory, pointer: int) -> Value:
        return _decoded(Bytes().load(memory, pointer))

    def store(self, memory: Memory, pointer: int, value: Value) -> None:
        Bytes().store(memory, pointer, value.encode())

    def lift(self, memory: Memory, flat: Iterator[int]) -> Value:
        return _decoded(Bytes().lift(memory, flat))

    def lower(self, memory: Memory, value: Value) -> list[int]:
        return Bytes().lower(memory, value.encode())


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of anything but bytes."""

    item: Type
    size = 8
    align = 4
    flat = ("i32", "i32")

    def load(self, memory: Memory, pointer: int) -> Value:
        return self._items(memory, *_PAIR.unpack(memory.read(pointer, 8)))

    def store(self, memory: Memory, pointer: int, value: Value) -> None:
        memory.write(pointer, _PAIR.pack(*self.lower(memory, value)))

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
        name, kind = _case(self.cases, memory.read(pointer, 1)[0])
        return name, kind.load(memory, pointer + self.align) if kind else None

    def store(self, memory: Memory, pointer: int, value: Value) -> None:
        name, payload = value
        number = [case for case, _ in self.cases].index(name)
        memory.write(pointer, bytes([number]))
        kind = self.cases[number][1]
        if kind:
            kind.store(memory, pointer + self.align, payload)

    def lift(self, memory: Memory, flat: Iterator[int]) -> Value:
        raise AbiError("a variant is never a parameter")

    def lower(self, memory: Memory, value: Value) -> list[int]:
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
        present = _case((False, True), memory.read(pointer, 1)[0])
        return self.some.load(memory, pointer + self.align) if present else None

    def store(self, memory: Memory, pointer: int, value: Value) -> None:
        memory.write(pointer, bytes([value is not None]))
        if value is not None:
            self.some.store(memory, pointer + self.align, value)

    def lift(self, memory: Memory, flat: Iterator[int]) -> Value:
        if _case((False, True), next(flat)):
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


def _case(cases: tuple[Any, ...], number: int) -> Any:
    if not 0 <= number < len(cases):
        raise AbiError(f"case {number} of a type with {len(cases)}")
    return cases[number]


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise AbiError(f"a string is not UTF-8: {error.reason}") from None


def _check_aligned(pointer: int, align: int) -> None:
    if pointer % align:
        raise AbiError(f"address {pointer:#x} is not a multiple of {align}")


def _aligned(offset: int, align: int) -> int:
    return (offset + align - 1) // align * align
