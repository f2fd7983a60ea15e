"""Bytes through wasmtime's component API, converted with a stride."""

from __future__ import annotations

import pytest
import wasmtime
from wasmtime.component import Component, Linker

from connectors_runtime import fast_bytes

ECHO = """(component
  (core module $m
    (memory (export "memory") 32)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "echo") (param i32 i32) (result i32)
      (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16)))
  (core instance $i (instantiate $m))
  (func (export "echo") (param "x" (list u8)) (result (list u8))
    (canon lift (core func $i "echo") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))"""


@pytest.mark.parametrize("data", [b"", b"a", bytes(range(256)), bytes(range(256)) * 4_000])
def test_bytes_come_back_as_they_went(data: bytes) -> None:
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    fast_bytes.install()

    echo = Linker(engine).instantiate(store, Component(engine, ECHO)).get_func(store, "echo")

    assert echo is not None
    assert echo(store, data) == data


def test_the_layout_of_this_wasmtime_is_the_expected_one() -> None:
    assert fast_bytes._AS_EXPECTED
