"""How one key or one value is written in canonical TOML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from appliance.core.pipeline import Value

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_UNSAFE = re.compile(r'["\\\x00-\x1f\x7f]')
_UNSAFE_IN_BLOCK = re.compile(r'"(?="")|"\Z|[\\\x00-\x08\x0b-\x1f\x7f]')


def key_text(key: str) -> str:
    """Write a key, in quotes only if it needs them."""
    return key if _BARE.fullmatch(key) else _quoted(key)


def value_text(value: Value) -> str:
    """Write a value on one line."""
    match value:
        case str():
            return _quoted(value)
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case Mapping():
            pairs = (f"{key_text(key)} = {value_text(value[key])}" for key in sorted(value))
            return f"{{ {', '.join(pairs)} }}" if value else "{}"
        case Sequence():
            return f"[{', '.join(map(value_text, value))}]"


def block_text(value: str) -> str:
    """Write text; text of several lines keeps them."""
    if "\n" not in value:
        return _quoted(value)
    return f'"""\n{_UNSAFE_IN_BLOCK.sub(_escaped, value)}"""'


def _quoted(value: str) -> str:
    return f'"{_UNSAFE.sub(_escaped, value)}"'


def _escaped(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0]) or f"\\u{ord(match[0]):04x}"
