"""Secrets on their way out, and kept from coming back."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from urllib.parse import quote, quote_plus

MASK = "***"
# A shorter value would be found by chance in data, and masking it there would corrupt rows.
SHORTEST_IN_BODIES = 8
_PLACE = re.compile(r"\$\{secret:([^{}]*)\}")


class SecretUnknown(Exception):
    """A placeholder names a secret that this reading was not given."""


class Secrets:
    """The values one reading was given, by name."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        forms = {form for value in values.values() for form in _forms(value)}
        self._text = _pattern(forms)
        self._short = frozenset(
            form for value in values.values() if len(value) < SHORTEST_IN_BODIES for form in _forms(value)
        )
        self._in_bodies = tuple(form.encode() for form in forms - self._short)

    def fill(self, text: str, encode: Callable[[str], str] = str) -> str:
        """`text` with each `${secret:NAME}` replaced by the encoded value. Raises SecretUnknown."""

        def value(found: re.Match[str]) -> str:
            if found[1] not in self._values:
                raise SecretUnknown(f"secret {found[1][:80]!r} is not granted to this connector")
            return encode(self._values[found[1]])

        return _PLACE.sub(value, text)

    def mask(self, text: str) -> str:
        """`text` with every value, also encoded, replaced by ***."""
        return self._text.sub(MASK, text) if self._text else text

    def masker(self) -> Masker:
        """For one response body."""
        return Masker(self._in_bodies)


def holds_place(text: str) -> bool:
    """Whether a secret is to be put into `text`."""
    return _PLACE.search(text) is not None


def json_text(value: str) -> str:
    """For inside a JSON string."""
    return json.dumps(value)[1:-1]


class Masker:
    """Masks a stream of chunks, also where a value is cut by the edge of a chunk."""

    def __init__(self, values: tuple[bytes, ...]) -> None:
        self._values = values
        self._longest = max(map(len, values), default=0)
        self._pattern = re.compile(b"|".join(re.escape(v) for v in sorted(values, key=len, reverse=True)))
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """What is safe to hand out so far."""
        if not self._values:
            return chunk
        data = self._held + chunk
        cut = self._first_beginning(data)
        for found in self._pattern.finditer(data):
            if found.start() < cut < found.end():
                cut = found.end()
        self._held = data[cut:]
        return self._mask(data[:cut])

    def finish(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        return self._mask(held) if self._values else held

    def _first_beginning(self, data: bytes) -> int:
        """Where the longest tail begins that could still become a value."""
        for start in range(max(0, len(data) - self._longest + 1), len(data)):
            tail = data[start:]
            if any(len(tail) < len(value) and value.startswith(tail) for value in self._values):
                return start
        return len(data)

    def _mask(self, data: bytes) -> bytes:
        return self._pattern.sub(MASK.encode(), data)


def _forms(value: str) -> set[str]:
    plain = {value, quote(value, safe=""), quote(value), quote_plus(value), json_text(value), repr(value)[1:-1]}
    return plain | {base64.b64encode(value.encode()).decode()}


def _pattern(forms: set[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))) if forms else None
