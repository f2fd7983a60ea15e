"""Checking a tree against the part of JSON Schema that the manifest's schema uses, with advice."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from appliance.core.manifest.problems import Path, Report, dotted, shown

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_TITLES = {
    "string": "text in quotes",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a table",
}


def check(value: object, fragment: Mapping[str, object], path: Path, report: Report) -> None:
    """Report everything in `value` that the schema does not allow."""
    fragment = chosen(value, fragment)
    kind = fragment.get("type")
    if isinstance(kind, str) and not _is_a(value, kind):
        report.error(path, "type", f"{shown(value)} is not {_TITLES[kind]}", _advice(fragment, kind))
    elif isinstance(value, dict):
        _check_table(value, fragment, path, report)
    elif isinstance(value, list):
        _check_list(value, fragment, path, report)
    elif isinstance(value, str):
        _check_text(value, fragment, path, report)
    elif isinstance(value, int) and not isinstance(value, bool):
        _check_number(value, fragment, path, report)


def chosen(value: object, fragment: Mapping[str, object]) -> Mapping[str, object]:
    """Return the alternative that is meant for this type of value, if the schema has several."""
    choices = fragment.get("anyOf")
    if not isinstance(choices, list):
        return fragment
    return next((choice for choice in choices if _is_a(value, choice["type"])), choices[0])


def _is_a(value: object, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _check_table(value: dict[str, object], fragment: Mapping[str, object], path: Path, report: Report) -> None:
    properties = fragment.get("properties")
    if not isinstance(properties, dict):
        return
    for key in (key for key in value if key not in properties):
        report.error((*path, key), "unknown_key", "is not a key here", _known(key, list(properties)))
    required = fragment.get("required", [])
    for key in required if isinstance(required, list) else []:
        if key not in value:
            report.error(path, "missing_key", f"{key} is missing", _advice(properties[key], "object", key))
    for key, inner in value.items():
        if key in properties:
            check(inner, properties[key], (*path, key), report)


def _check_list(value: list[object], fragment: Mapping[str, object], path: Path, report: Report) -> None:
    least, most = fragment.get("minItems", 0), fragment.get("maxItems", len(value))
    if isinstance(least, int) and len(value) < least:
        report.error(path, "range", "is empty", _advice(fragment, "array"))
    if isinstance(most, int) and len(value) > most:
        report.error(path, "too_large", f"has {len(value):,} entries", f"at most {most:,}")
        return
    items = fragment.get("items")
    seen: set[object] = set()
    for index, entry in enumerate(value):
        if isinstance(items, dict):
            check(entry, items, (*path, index), report)
        if fragment.get("uniqueItems") and isinstance(entry, str):
            if entry in seen:
                report.error((*path, index), "duplicate", f"{shown(entry)} stands twice", "keep one of them")
            seen.add(entry)


def _check_text(value: str, fragment: Mapping[str, object], path: Path, report: Report) -> None:
    least, most, allowed = (fragment.get(rule) for rule in ("minLength", "maxLength", "enum"))
    if isinstance(allowed, list) and value not in allowed:
        report.error(path, "value", f"{shown(value)} is not one of its values", _known(value, allowed, quote=True))
    elif isinstance(least, int) and len(value) < least:
        report.error(path, "value", "is empty", _advice(fragment, "string"))
    elif isinstance(most, int) and len(value) > most:
        report.error(path, "too_large", f"{shown(value)} has {len(value)} characters", f"at most {most}")
    else:
        pattern = fragment.get("pattern")
        # A dollar sign alone would let a newline through at the end.
        if isinstance(pattern, str) and (value.endswith("\n") or re.search(pattern, value) is None):
            report.error(path, "value", f"{shown(value)} is not {fragment.get('title')}", _advice(fragment, "string"))


def _check_number(value: int, fragment: Mapping[str, object], path: Path, report: Report) -> None:
    low, high = fragment.get("minimum", value), fragment.get("maximum", value)
    if isinstance(low, int) and isinstance(high, int) and not low <= value <= high:
        report.error(path, "range", f"{value} is out of range", f"write {fragment.get('title')}")


def _known(word: str, words: Sequence[str], *, quote: bool = False) -> str:
    said = [shown(known) if quote else dotted([known]) for known in words]
    close = get_close_matches(word[:64].lower(), words, n=1)
    if close:
        return f"did you mean {said[list(words).index(close[0])]}?"
    return f"write {'one of ' if len(said) > 1 else ''}{', '.join(said)}"


def _advice(fragment: Mapping[str, object], kind: str, key: str = "") -> str:
    examples, allowed = fragment.get("examples"), fragment.get("enum")
    start = f"write {key} = " if key else "write "
    if isinstance(examples, list):
        return f"{start}{_toml(examples[0])}"
    if isinstance(allowed, list):
        return f"{start}{' or '.join(map(shown, allowed))}"
    return f"{start}{_TITLES[str(fragment.get('type', kind))]}"


def _toml(example: object) -> str:
    if isinstance(example, list):
        return f"[{', '.join(map(_toml, example))}]"
    return shown(example)
