"""Numbers as the CRDT library's encodings write them: seven bits a byte, the lowest first."""

from __future__ import annotations

_BITS = 64
_MORE = 0x80


def read_number(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and where it ends. Raises ValueError if it is cut or too long."""
    value = shift = 0
    while at < len(data) and shift < _BITS:
        byte = data[at]
        at += 1
        value |= (byte & ~_MORE) << shift
        if byte < _MORE:
            return value, at
        shift += 7
    raise ValueError("a number that is cut or too long")


def write_number(value: int) -> bytes:
    written = bytearray()
    while value >= _MORE:
        written.append(value % _MORE + _MORE)
        value >>= 7
    return bytes([*written, value])
