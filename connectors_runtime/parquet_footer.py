"""Reads just enough of a Parquet footer to count row groups, and to show a reader only some of them.

arro3 reads whole files. A footer that lists fewer row groups, put behind the same data, makes it read only those.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"PAR1"
MAX_FOOTER = 32 << 20
_TRAILER = 8
_MAX_DEPTH = 32
_NUM_ROWS, _ROW_GROUPS, _GROUP_ROWS = 3, 4, 3
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_VARINTS = frozenset((4, 5, 6))


class FooterBroken(Exception):
    """Not a Parquet file, or a damaged one."""


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Where a row group's description lies in the footer, and its rows."""

    start: int
    end: int
    rows: int


@dataclass(frozen=True, slots=True)
class Footer:
    """`data_end` is where the footer begins in the file; spans are positions within `text`."""

    text: bytes
    data_end: int
    row_groups: tuple[RowGroup, ...]
    rows_span: tuple[int, int]
    list_span: tuple[int, int]

    def only(self, first: int, count: int) -> bytes:
        """A whole file ending for `count` row groups from `first` on."""
        chosen = self.row_groups[first : first + count]
        rows = _varint(2 * sum(group.rows for group in chosen))
        listed = _list_header(len(chosen)) + b"".join(self.text[g.start : g.end] for g in chosen)
        changes = sorted([(*self.rows_span, rows), (*self.list_span, listed)])
        out, at = bytearray(), 0
        for start, end, new in changes:
            out += self.text[at:start] + new
            at = end
        out += self.text[at:]
        return bytes(out) + len(out).to_bytes(4, "little") + MAGIC


class RowGroups(io.RawIOBase):
    """The file behind `fd` as if it held only some of its row groups."""

    def __init__(self, fd: int, footer: Footer, first: int, count: int) -> None:
        super().__init__()
        self._fd = fd
        self._data_end = footer.data_end
        self._ending = footer.only(first, count)
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As files do."""
        size = self._data_end + len(self._ending)
        self._at = max(0, offset + (0, self._at, size)[whence])
        return self._at

    def tell(self) -> int:
        """As files do."""
        return self._at

    def read(self, size: int = -1) -> bytes:
        """As files do."""
        if size < 0:
            size = self._data_end + len(self._ending)
        data = os.pread(self._fd, min(size, self._data_end - self._at), self._at) if self._at < self._data_end else b""
        if len(data) < size and self._at + len(data) >= self._data_end:
            begin = self._at + len(data) - self._data_end
            data += self._ending[begin : begin + size - len(data)]
        self._at += len(data)
        return data


def read_footer(fd: int) -> Footer:
    """The footer of the Parquet file. Raises FooterBroken, OSError."""
    size = os.fstat(fd).st_size
    trailer = os.pread(fd, _TRAILER, size - _TRAILER) if size > _TRAILER + len(MAGIC) else b""
    if trailer[4:] != MAGIC:
        raise FooterBroken("it does not end with PAR1")
    length = int.from_bytes(trailer[:4], "little")
    if length > MAX_FOOTER or length > size - _TRAILER - len(MAGIC):
        raise FooterBroken(f"its footer claims {length:,} bytes")
    start = size - _TRAILER - length
    try:
        return _parse(os.pread(fd, length, start), start)
    except IndexError:
        raise FooterBroken("its footer is cut") from None


def _parse(text: bytes, data_end: int) -> Footer:
    cursor = _Cursor(text)
    rows_span = list_span = None
    groups: tuple[RowGroup, ...] = ()
    for field, kind in cursor.fields():
        start = cursor.at
        if field == _ROW_GROUPS and kind == _LIST:
            groups = tuple(_group(cursor) for _ in range(cursor.list_of(_STRUCT)))
            list_span = (start, cursor.at)
        else:
            cursor.skip(kind)
            if field == _NUM_ROWS:
                rows_span = (start, cursor.at)
    if rows_span is None or list_span is None:
        raise FooterBroken("its footer names no row groups")
    return Footer(text, data_end, groups, rows_span, list_span)


def _group(cursor: _Cursor) -> RowGroup:
    start, rows = cursor.at, 0
    for field, kind in cursor.fields():
        if field == _GROUP_ROWS and kind in _VARINTS:
            value = cursor.varint()
            rows = (value >> 1) ^ -(value & 1)
        else:
            cursor.skip(kind)
    if rows < 0:
        raise FooterBroken("a row group has fewer than no rows")
    return RowGroup(start, cursor.at, rows)


class _Cursor:
    """A position in Thrift's compact encoding."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.at = 0

    def byte(self) -> int:
        value = self.text[self.at]
        self.at += 1
        return value

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - no continuation bit
                return value
            shift += 7
            if shift > 63:  # noqa: PLR2004 - 64 bits
                raise FooterBroken("a number is longer than 64 bits")

    def fields(self) -> Iterator[tuple[int, int]]:
        """Number and kind of each field of a struct; the caller reads or skips its value."""
        number = 0
        while (head := self.byte()) != 0:
            if head >> 4:
                number += head >> 4
            else:
                value = self.varint()
                number = (value >> 1) ^ -(value & 1)
            yield number, head & 15

    def list_of(self, kind: int) -> int:
        count, found = self._list()
        if found != kind:
            raise FooterBroken("its row groups are not structs")
        return count

    def skip(self, kind: int, depth: int = 0, *, in_list: bool = False) -> None:
        if depth > _MAX_DEPTH:
            raise FooterBroken("its footer is nested too deeply")
        if kind in {_TRUE, _FALSE}:
            self.at += in_list
        elif kind == _BYTE:
            self.at += 1
        elif kind in _VARINTS:
            self.varint()
        elif kind == _DOUBLE:
            self.at += 8
        elif kind == _BINARY:
            length = self.varint()
            self.at += length
        else:
            self._skip_nested(kind, depth + 1)
        if self.at > len(self.text):
            raise FooterBroken("its footer is cut")

    def _skip_nested(self, kind: int, depth: int) -> None:
        if kind in {_LIST, _SET}:
            count, inner = self._list()
            for _ in range(count):
                self.skip(inner, depth, in_list=True)
        elif kind == _MAP:
            count = self.varint()
            kinds = self.byte() if count else 0
            for _ in range(count):
                self.skip(kinds >> 4, depth, in_list=True)
                self.skip(kinds & 15, depth, in_list=True)
        elif kind == _STRUCT:
            for _, inner in self.fields():
                self.skip(inner, depth)
        else:
            raise FooterBroken(f"its footer holds a value of unknown kind {kind}")

    def _list(self) -> tuple[int, int]:
        head = self.byte()
        count = head >> 4
        return (self.varint() if count == 15 else count), head & 15  # noqa: PLR2004 - the long form


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:  # noqa: PLR2004 - seven bits a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _list_header(count: int) -> bytes:
    return bytes([count << 4 | _STRUCT]) if count < 15 else bytes([0xF0 | _STRUCT]) + _varint(count)  # noqa: PLR2004
