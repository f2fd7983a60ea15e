"""The canonical ABI against memory that a hostile guest filled."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors_runtime.abi import MAX_ITEMS, Bool, Bytes, Enum, Scalar, Text, Type
from connectors_runtime.abi_compound import ListOf, Option, Record, Variant, load_at
from connectors_runtime.errors import AbiError
from connectors_runtime.interfaces import EXPORTS, IMPORTS

SIZE = 4_096


class Flat:
    """A linear memory, and an allocator that hands out its tail."""

    def __init__(self, content: bytes = b"") -> None:
        self.data = bytearray(content.ljust(SIZE, b"\0"))
        self.top = 1_024
        self.items = 0

    def read(self, pointer: int, size: int) -> bytes:
        if pointer + size > len(self.data):
            raise AbiError("out of bounds")
        return bytes(self.data[pointer : pointer + size])

    def write(self, pointer: int, data: bytes) -> None:
        if pointer + len(data) > len(self.data):
            raise AbiError("out of bounds")
        self.data[pointer : pointer + len(data)] = data

    def allocate(self, size: int, align: int) -> int:
        self.top = (self.top + align - 1) // align * align
        self.top += size
        if self.top > len(self.data):
            raise AbiError("full")
        return self.top - size

    def spend(self, items: int) -> None:
        self.items += items
        if self.items > MAX_ITEMS:
            raise AbiError("too many items")


RESULTS = [function.result for group in (*IMPORTS.values(), EXPORTS) for function in group.values() if function.result]


@settings(max_examples=400)
@given(st.sampled_from(RESULTS), st.binary(max_size=256), st.integers(0, SIZE + 64))
def test_no_content_of_memory_does_more_than_an_abi_error(kind: Type, content: bytes, pointer: int) -> None:
    with contextlib.suppress(AbiError):
        load_at(kind, Flat(content), pointer)


def values(kind: Type) -> st.SearchStrategy[Any]:
    made: dict[type, Callable[[Any], st.SearchStrategy[Any]]] = {
        Scalar: lambda scalar: st.integers(0, (1 << 8 * scalar.size) - 1),
        Bool: lambda _: st.booleans(),
        Enum: lambda enum: st.sampled_from(enum.names),
        Text: lambda _: st.text(max_size=8),
        Bytes: lambda _: st.binary(max_size=8),
        ListOf: lambda many: st.lists(values(many.item), max_size=3),
        Record: lambda record: st.tuples(*(values(inner) for _, inner in record.fields)),
        Option: lambda option: st.none() | values(option.some),
        Variant: lambda variant: st.one_of(*(case(name, inner) for name, inner in variant.cases)),
    }
    return made[type(kind)](kind)


def case(name: str, inner: Type | None) -> st.SearchStrategy[Any]:
    return st.tuples(st.just(name), st.none() if inner is None else values(inner))


@given(st.data())
def test_what_is_stored_is_loaded_again(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(RESULTS))
    value = data.draw(values(kind))
    memory = Flat()

    pointer = memory.allocate(kind.size, kind.align)
    try:
        kind.store(memory, pointer, value)
    except AbiError:
        return  # larger than this memory

    assert load_at(kind, memory, pointer) == value


@given(st.data())
def test_parameters_travel_flat(data: st.DataObject) -> None:
    function = data.draw(st.sampled_from([f for group in (*IMPORTS.values(), EXPORTS) for f in group.values()]))
    given_values = [data.draw(values(kind)) for kind in function.params]
    memory = Flat()

    cores = [
        core for kind, value in zip(function.params, given_values, strict=True) for core in kind.lower(memory, value)
    ]
    flat = iter(cores)

    assert len(cores) == sum(len(kind.flat) for kind in function.params)
    assert [kind.lift(memory, flat) for kind in function.params] == given_values


def test_lists_that_overlap_cannot_make_billions_of_items() -> None:
    inner = struct.pack("<II", 0, 400)
    memory = Flat(inner * 512)
    memory.write(4_000, struct.pack("<II", 0, 400))

    with pytest.raises(AbiError, match="too many items"):
        ListOf(ListOf(ListOf(Scalar("I")))).load(memory, 4_000)


@pytest.mark.parametrize("kind", [EXPORTS["discover"].result, EXPORTS["open"].result])
def test_an_address_that_is_not_aligned_is_refused(kind: Type) -> None:
    with pytest.raises(AbiError, match="not a multiple"):
        load_at(kind, Flat(), 2)
