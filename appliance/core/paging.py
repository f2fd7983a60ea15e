"""Keyset pages: a page ends with the key that the next one starts after."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from appliance.core.errors import Invalid

T = TypeVar("T")

_LARGEST = 2**53


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, newest first, and the opaque key of the next page, if there is one."""

    items: Sequence[T]
    next: str | None


def encode_key(*parts: str | int) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def decode_key(text: str, *kinds: type) -> tuple[str | int, ...]:
    """Raises Invalid unless the key came from `encode_key` with parts of these kinds."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        parts = None
    if not isinstance(parts, list) or [type(part) for part in parts] != list(kinds) or not all(map(_fits, parts)):
        raise Invalid("before: must be the `next` of an earlier page")
    return tuple(parts)


def _fits(part: str | int) -> bool:
    """Can every store take it as a parameter?"""
    return part.isprintable() if isinstance(part, str) else 0 <= part <= _LARGEST
