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
PAIR = struct.Struct("<II")


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

    def lift(self, memory: Memory, flat: Iterator[int], /) -> Value: ...

    def lower(self, memory: Memory, value: Value, /) -> list[int]: ...


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

    def lift(self, _memory: Memory, flat: Iterator[int]) -> Value:
        return next(flat) & ((1 << 8 * self.size) - 1)

    def lower(self, _memory: Memory, value: Value) -> list[int]:
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

    def lift(self, _memory: Memory, flat: Iterator[int]) -> Value:
        return next(flat) != 0

    def lower(self, _memory: Memory, value: Value) -> list[int]:
        return [int(value)]


@dataclass(frozen=True, slots=True)
class Enum:
    """Names, held as a byte."""

    names: tuple[str, ...]
    size = 1
    align = 1
    flat = ("i32",)

    def load(self, memory: Memory, pointer: int) -> Value:
        return chosen(self.names, memory.read(pointer, 1)[0])

    def store(self, memory: Memory, pointer: int, value: Value) -> None:
        memory.write(pointer, bytes([self.names.index(value)]))

    def lift(self, _memory: Memory, flat: Iterator[int]) -> Value:
        return chosen(self.names, next(flat))

    def lower(self, _memory: Memory, value: Value) -> list[int]:
        return [self.names.index(value)]


@dataclass(frozen=True, slots=True)
class Bytes:
    """A list<u8>; also a string that is kept as it came."""

    text: bool = False
    size = 8
    align = 4
    flat = ("i32", "i32")

    def load(self, memory: Memory, pointer: int) -> Value:
        return memory.read(*PAIR.unpack(memory.read(pointer, 8)))

    def store(self, memory: Memory, pointer: int, value: Value) -> None:
        memory.write(pointer, PAIR.pack(*self.lower(memory, value)))

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


def chosen(cases: tuple[Any, ...], number: int) -> Any:
    """The case that a guest's number means. Raises AbiError."""
    if not 0 <= number < len(cases):
        raise AbiError(f"case {number} of a type with {len(cases)}")
    return cases[number]


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise AbiError(f"a string is not UTF-8: {error.reason}") from None
