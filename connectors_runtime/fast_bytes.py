"""Moves list<u8> through wasmtime's component API at memory speed instead of about 1 MiB/s.

wasmtime's own conversion visits every byte as an object. Its values have a fixed size, so a slice with a
stride does the same in C. The layout is checked; another one leaves wasmtime's way in place.
"""

from __future__ import annotations

import ctypes
from typing import Any

from wasmtime import _ffi as ffi
from wasmtime.component import ListType

_SIZE = ctypes.sizeof(ffi.wasmtime_component_val_t)
_PAYLOAD = ffi.wasmtime_component_val_t.of.offset
_KIND = ffi.WASMTIME_COMPONENT_U8.value
_AS_EXPECTED = (_SIZE, _PAYLOAD, ffi.wasmtime_component_val_t.kind.offset) == (32, 8, 0)


def install() -> None:
    """Replace the conversion in this process."""
    if not _AS_EXPECTED or ListType.convert_from_c is _from_c:
        return
    ListType.convert_from_c = _from_c  # type: ignore[method-assign, assignment] # no other way in
    ListType.convert_to_c = _to_c  # type: ignore[method-assign, assignment] # no other way in


_slow_from_c = ListType.convert_from_c
_slow_to_c = ListType.convert_to_c


def _from_c(self: ListType, value: Any) -> Any:
    if not self._is_bytes():
        return _slow_from_c(self, value)
    items = value.of.list
    try:
        return ctypes.string_at(items.data, items.size * _SIZE)[_PAYLOAD::_SIZE] if items.size else b""
    finally:
        ffi.wasmtime_component_vallist_delete(ctypes.byref(items))


def _to_c(self: ListType, store: Any, value: Any, target: Any) -> None:
    if not isinstance(value, bytes) or not self._is_bytes():
        _slow_to_c(self, store, value, target)
        return
    made = ffi.wasmtime_component_vallist_t()
    ffi.wasmtime_component_vallist_new_uninit(made, len(value))
    image = bytearray(len(value) * _SIZE)
    image[0::_SIZE] = bytes([_KIND]) * len(value)
    image[_PAYLOAD::_SIZE] = value
    if image:
        ctypes.memmove(made.data, (ctypes.c_char * len(image)).from_buffer(image), len(image))
    target.contents.kind = ffi.WASMTIME_COMPONENT_LIST
    target.contents.of.list = made
