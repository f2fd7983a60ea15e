"""What any value of a manifest may be, whatever its key: the part that TOML and JSON share."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import date, datetime, time

from appliance.core import manifest_limits
from appliance.core.manifest.problems import Path, Report, shown

# Neither form of the file can carry a lone surrogate, and no storage likes NUL.
_BROKEN = re.compile("[\x00\ud800-\udfff]")
_INT_BITS = 63


def settle_values(tree: dict[str, object], report: Report) -> None:
    """Check every key and value, and write dates and times as RFC 3339 text, in place."""
    rest: list[tuple[dict[str, object] | list[object], Path]] = [(tree, ())]
    count = 0
    while rest:
        node, above = rest.pop()
        count += len(node)
        if count > manifest_limits.VALUES:
            limit = f"at most {manifest_limits.VALUES:,}"
            report.error((), "too_large", "has too many keys and list elements", limit)
            return
        pairs: Iterable[tuple[str | int, object]] = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in list(pairs):
            path = (*above, key)
            if len(path) > manifest_limits.NESTING:
                report.error(path[:-1], "nesting", "is nested too deep", f"at most {manifest_limits.NESTING} levels")
            elif isinstance(node, dict) and not _is_good_key(key, path, report):
                continue
            elif isinstance(value, dict | list):
                rest.append((value, path))
            elif isinstance(value, date | time):
                node[key] = _moment_text(value)  # type: ignore[index]  # the key came from this node
            else:
                _check(value, path, report)


def _is_good_key(key: object, path: Path, report: Report) -> bool:
    if not isinstance(key, str):
        report.error(path[:-1], "type", f"the key {shown(key)} is not text", "write it in quotes")
        return False
    if len(key) > manifest_limits.KEY_CHARS:
        limit = f"at most {manifest_limits.KEY_CHARS} characters"
        report.error(path[:-1], "too_large", f"the key {shown(key)} is too long", limit)
        return False
    if _BROKEN.search(key):
        report.error(path[:-1], "bad_text", "a key holds NUL or a lone surrogate", "remove it")
        return False
    return True


def _check(value: object, path: Path, report: Report) -> None:
    match value:
        case bool():
            pass
        case str():
            _check_text(value, path, report)
        case int():
            if not -(1 << _INT_BITS) <= value < (1 << _INT_BITS):
                report.error(path, "range", "the number does not fit 64 bits", "write it as text, in quotes")
        case float():
            if not math.isfinite(value):
                report.error(path, "range", f"{value} is not a number that JSON can carry", "write a finite number")
        case None:
            report.error(path, "null", "null says nothing here", "leave the key out")
        case _:
            report.error(path, "type", f"a {type(value).__name__} cannot stand in a manifest")


def _check_text(value: str, path: Path, report: Report) -> None:
    if _BROKEN.search(value):
        report.error(path, "bad_text", "the text holds NUL or a lone surrogate", "remove it")
    elif len(value) * 4 > manifest_limits.STRING_BYTES and len(value.encode()) > manifest_limits.STRING_BYTES:
        limit = f"at most {manifest_limits.STRING_BYTES >> 10} KiB"
        report.error(path, "too_large", f"the text has {len(value.encode())} bytes", limit)


def _moment_text(value: date | time) -> str:
    text = value.isoformat()
    return text.removesuffix("+00:00") + "Z" if isinstance(value, datetime) and text.endswith("+00:00") else text
