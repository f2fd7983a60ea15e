"""What a client says of itself, as the presence store of loro encodes it: keys with values and times.

The server must know the keys before it takes anything in: a key belongs to a member, and the store does not tell
which keys a delivery removed. It also sets its own time, since a client whose clock is ahead could not be removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.core.errors import Invalid

# Deeper values than this say nothing about where somebody is.
DEPTH = 8

_VARINT_BYTES = 10
_NULL, _BOOL, _DOUBLE, _INT, _STRING, _LIST, _MAP, _CONTAINER, _BINARY = range(9)


@dataclass(frozen=True, slots=True)
class Entry:
    """One key. `value` is left encoded; None: the key is removed."""

    key: str
    value: bytes | None


def read_entries(data: bytes) -> Sequence[Entry]:
    """Raises Invalid."""
    reader = _Reader(data)
    entries = [reader.entry() for _ in range(reader.count())]
    if reader.at != len(data):
        raise Invalid("presence: bytes are left over")
    return entries


def write_entries(entries: Sequence[Entry], *, at: int) -> bytes:
    """A delivery that sets all of them at one time, in milliseconds since 1970."""
    parts = [_varint(len(entries))]
    for entry in entries:
        key = entry.key.encode()
        parts += (_varint(len(key)), key, b"\0" if entry.value is None else b"\1" + entry.value, _varint(at << 1))
    return b"".join(parts)


class _Reader:
    """Walks over one delivery."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def entry(self) -> Entry:
        try:
            key = self._take(self.count()).decode()
        except UnicodeDecodeError:
            raise Invalid("presence: a key is not UTF-8") from None
        value = self._value() if self._take(1) != b"\0" else None
        self._varint()
        return Entry(key, value)

    def count(self) -> int:
        """A number of things, each of which takes at least a byte."""
        count = self._varint()
        if count > len(self.data) - self.at:
            raise Invalid("presence: cut off")
        return count

    def _value(self) -> bytes:
        start = self.at
        self._skip(DEPTH)
        return self.data[start : self.at]

    def _skip(self, depth: int) -> None:
        kind = self._take(1)[0]
        if kind == _BOOL:
            self._take(1)
        elif kind == _DOUBLE:
            self._take(8)
        elif kind == _INT:
            self._varint()
        elif kind in (_STRING, _BINARY):
            self._take(self.count())
        elif kind in (_LIST, _MAP):
            self._skip_all(kind, depth)
        elif kind != _NULL:
            raise Invalid("presence: a value that is no plain value")

    def _skip_all(self, kind: int, depth: int) -> None:
        if depth == 0:
            raise Invalid(f"presence: a value is nested more than {DEPTH} deep")
        for _ in range(self.count()):
            if kind == _MAP:
                self._take(self.count())
            self._skip(depth - 1)

    def _take(self, length: int) -> bytes:
        taken = self.data[self.at : self.at + length]
        if len(taken) != length:
            raise Invalid("presence: cut off")
        self.at += length
        return taken

    def _varint(self) -> int:
        number = 0
        for place in range(_VARINT_BYTES):
            byte = self._take(1)[0]
            number |= (byte & 0x7F) << 7 * place
            if byte < 0x80:  # noqa: PLR2004 - the bit that says more follows
                return number
        raise Invalid("presence: a number is too long")


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits a byte
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)
