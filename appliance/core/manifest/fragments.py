"""The kinds of value a manifest has, as fragments of JSON Schema."""

from __future__ import annotations

from typing import TypeAlias

Fragment: TypeAlias = dict[str, object]


def table(properties: Fragment, required: tuple[str, ...] = ()) -> Fragment:
    table: Fragment = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**table, "required": list(required)} if required else table


def text(description: str, title: str, example: str, **rules: object) -> Fragment:
    bounds: Fragment = {"minLength": 1, "maxLength": 256}
    fragment: Fragment = {"type": "string", "title": title, "description": description, "examples": [example]}
    return {**fragment, **bounds, **rules}


def choice(description: str, values: tuple[str, ...], default: str | None) -> Fragment:
    fragment: Fragment = {"type": "string", "description": description, "enum": list(values)}
    return fragment if default is None else {**fragment, "default": default}


def number(description: str, low: int, high: int, default: int) -> Fragment:
    title = f"a whole number from {low:,} to {high:,}"
    fragment: Fragment = {"type": "integer", "title": title, "description": description, "default": default}
    return {**fragment, "minimum": low, "maximum": high, "examples": [default]}


def names(description: str, item: Fragment, most: int, **rules: object) -> Fragment:
    fragment: Fragment = {"type": "array", "description": description, "items": item, "uniqueItems": True}
    return {**fragment, "maxItems": most, "examples": [item["examples"]], **rules}


def free(description: str, kind: str | None = None) -> Fragment:
    fragment: Fragment = {"description": f"{description} Kept, not acted on."}
    return fragment if kind is None else {**fragment, "type": kind}


def field(description: str) -> Fragment:
    return text(description, "a field name", "updated_at")
