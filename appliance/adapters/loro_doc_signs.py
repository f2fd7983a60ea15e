"""Signs of life as the CRDT library encodes them: a key, a value or none, and when its maker says it was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.adapters.loro_doc_nesting import NESTING
from appliance.adapters.loro_doc_numbers import read_number, write_number
from appliance.core.errors import Invalid
from appliance.core.limits import PRESENCE_BYTES

# Kinds of values: the library's order, which is another one than in documents.
_NULL, _BOOL, _FLOAT, _INT, _TEXT, _LIST, _MAP, _BYTES = 0, 1, 2, 3, 4, 5, 6, 8
_FLOAT_BYTES = 8

# JavaScript counts no further, and the next millisecond must be writable.
_LATEST = 1 << 53


@dataclass(frozen=True, slots=True)
class Sign:
    """`made_at` in milliseconds of its maker's clock."""

    key: str
    made_at: int


def read_signs(data: bytes) -> Sequence[Sign]:
    """Raises Invalid: malformed, a key or value over PRESENCE_BYTES, deep nesting, a time out of this world."""
    try:
        return _Reading(data).signs()
    except (ValueError, IndexError):
        raise Invalid("presence: not an encoded ephemeral store") from None


def forgotten(signs: Sequence[Sign]) -> bytes:
    """The encoded news that these are gone, a millisecond after they were made."""
    entries = (_text(sign.key) + b"\0" + write_number((sign.made_at + 1) << 1) for sign in signs)
    return write_number(len(signs)) + b"".join(entries)


def _text(text: str) -> bytes:
    data = text.encode()
    return write_number(len(data)) + data


class _Reading:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def signs(self) -> Sequence[Sign]:
        found = [self._sign() for _ in range(self._number())]
        if self._at != len(self._data):
            raise ValueError("something follows")
        return found

    def _sign(self) -> Sign:
        key = self._bytes()
        begin = self._at
        if self._there():
            self._skip_value(NESTING)
        if max(len(key), self._at - begin) > PRESENCE_BYTES:
            raise Invalid(f"presence: a key or a value is larger than {PRESENCE_BYTES} bytes")
        zigzag = self._number()
        if zigzag & 1 or zigzag >> 1 >= _LATEST:
            raise Invalid("presence: a time before 1970 or after all calendars")
        return Sign(key.decode(), zigzag >> 1)

    def _skip_value(self, levels: int) -> None:
        if levels == 0:
            raise Invalid(f"presence: a value is nested over more than {NESTING} levels")
        kind = self._number()
        if kind in (_BOOL, _INT):
            self._number()
        elif kind == _FLOAT:
            self._at += _FLOAT_BYTES
        elif kind in (_TEXT, _BYTES):
            self._bytes()
        elif kind in (_LIST, _MAP):
            self._skip_members(levels, named=kind == _MAP)
        elif kind != _NULL:
            raise ValueError("an unknown kind")

    def _skip_members(self, levels: int, *, named: bool) -> None:
        for _ in range(self._number()):
            if named:
                self._bytes()
            self._skip_value(levels - 1)

    def _there(self) -> bool:
        """Whether a value follows: a key that was taken back has none."""
        there = self._number()
        if there not in (0, 1):
            raise ValueError("neither a value nor none")
        return there == 1

    def _bytes(self) -> bytes:
        length = self._number()
        self._at += length
        if self._at > len(self._data):
            raise ValueError("cut")
        return self._data[self._at - length : self._at]

    def _number(self) -> int:
        value, self._at = read_number(self._data, self._at)
        return value
