"""How deep the values in a delivery are nested, found before the library walks them on a stack that can end."""

from __future__ import annotations

import re
from collections.abc import Iterator

from appliance.adapters.loro_doc_numbers import read_number

# More than a configuration could want, a hundredth of what overflows a stack, a tenth of what Python's JSON reads.
NESTING = 100

# How the library writes values: a kind, then a length or the content.
_LIST, _MAP = 7, 8
_NULL, _TRUE, _FALSE, _INT, _FLOAT, _TEXT, _BYTES, _CONTAINER = 0, 1, 2, 3, 4, 5, 6, 9
_OPENING = re.compile(rb"[\x07\x08](?!\x00)")

# A delivery is this head, then blocks: a length, five numbers, eight parts with their lengths, the last one values.
_HEAD = 22
_NUMBERS = 5
_PARTS = 8

# Numbers that look like openings cost a step or two each; only made-up data costs more.
_STEPS_PER_BYTE = 16


def too_deep(delivery: bytes) -> bool:
    """Could a list or map in it hold others over more than NESTING levels?

    Every byte of the values that may open a list or a map is read as if it did, from the last to the first, so
    no value is overlooked; that ordinary values look so deep by chance does not happen. A delivery that is not
    made of blocks counts as too deep.
    """
    if len(delivery) <= 2 * NESTING:
        return False
    try:
        parts = list(_values(delivery))
    except ValueError:
        return True
    return any(_deep(values) for values in parts)


def _values(delivery: bytes) -> Iterator[bytes]:
    at = _HEAD
    while at < len(delivery):
        length, at = read_number(delivery, at)
        end, start = at + length, at
        for _ in range(_NUMBERS):
            _, at = read_number(delivery, at)
        for _ in range(_PARTS):
            length, start = read_number(delivery, at)
            at = start + length
        if at != end or end > len(delivery):
            raise ValueError("a block that is not made of these parts")
        yield delivery[start:end]


def _deep(values: bytes) -> bool:
    openings = [match.start() for match in _OPENING.finditer(values)]
    return len(openings) > NESTING and _Reading(values).deepest(openings) > NESTING


class _Reading:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._steps = _STEPS_PER_BYTE * len(data)
        # Where the value that opens here ends (None: it is cut or broken), and its levels.
        self._known: dict[int, tuple[int | None, int]] = {}

    def deepest(self, openings: list[int]) -> int:
        most = 0
        for at in reversed(openings):
            self._known[at] = self._value(at)
            most = max(most, self._known[at][1])
            if most > NESTING or self._steps < 0:
                return NESTING + 1
        return most

    def _value(self, start: int) -> tuple[int | None, int]:
        """A broken value counts as deep as it got: the library finds out only when it is there."""
        is_map = self._data[start] == _MAP
        count, at = self._number(start + 1)
        levels = 0
        while at is not None and count > 0:
            count -= 1
            self._steps -= 1
            if self._steps < 0:
                return None, NESTING + 1
            if is_map:
                at = self._number(at)[1]
            if at is not None:
                at, inner = self._element(at)
                levels = max(levels, inner)
        return at, levels + 1

    def _element(self, at: int) -> tuple[int | None, int]:
        if at in self._known:
            return self._known[at]
        if at >= len(self._data):
            return None, 0
        kind = self._data[at]
        if kind in (_LIST, _MAP):
            return at + 2, 1  # an empty one: all others are known
        return self._scalar_end(kind, at + 1), 0

    def _scalar_end(self, kind: int, at: int) -> int | None:
        if kind in (_NULL, _TRUE, _FALSE):
            return at
        if kind == _FLOAT:
            return at + 8
        if kind == _CONTAINER:
            return at + 1
        if kind == _INT:
            return self._number(at)[1]
        if kind in (_TEXT, _BYTES):
            length, end = self._number(at)
            return None if end is None else end + length
        return None

    def _number(self, at: int) -> tuple[int, int | None]:
        try:
            return read_number(self._data, at)
        except ValueError:
            return 0, None
