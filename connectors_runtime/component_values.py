"""Plain values to and from the shapes of wasmtime's component API.

There a variant is a bare payload where the Python classes of its cases differ, and a `Variant` where they
overlap, and so it is for results and options.
"""

from __future__ import annotations

from typing import Any

from wasmtime.component import Record as ForeignRecord
from wasmtime.component import ResourceAny
from wasmtime.component import Variant as ForeignVariant

from .abi import Bool, Bytes, Enum, Scalar, Text, Type, Value
from .abi_compound import ListOf, Option, Record, Variant

_PLAIN: dict[type, type] = {Bool: bool, Enum: str, Text: str, ListOf: list}
Cases = tuple[tuple[str, Type | None], ...]


def from_component(kind: Type, value: Any) -> Value:
    """What wasmtime gave, as a plain value."""
    match kind:
        case Bytes(text=True):
            return value.encode()
        case ListOf():
            return [from_component(kind.item, item) for item in value]
        case Record():
            items = value if isinstance(value, tuple) else [getattr(value, name) for name, _ in kind.fields]
            return tuple(from_component(inner, item) for (_, inner), item in zip(kind.fields, items, strict=True))
        case Option():
            name, payload = _opened(_option_cases(kind), value)
            return None if name == "none" else from_component(kind.some, payload)
        case Variant():
            name, payload = _opened(kind.cases, value)
            inner = dict(kind.cases)[name]
            return name, None if inner is None else from_component(inner, payload)
    return value


def to_component(kind: Type, value: Value) -> Any:
    """A plain value as wasmtime takes it."""
    match kind:
        case Bytes(text=True):
            return value.decode()
        case ListOf():
            return [to_component(kind.item, item) for item in value]
        case Record():
            items = [to_component(inner, item) for (_, inner), item in zip(kind.fields, value, strict=True)]
            return tuple(items) if _is_tuple(kind) else _record(kind, items)
        case Option():
            case = ("none", None) if value is None else ("some", to_component(kind.some, value))
            return _closed(_option_cases(kind), *case)
        case Variant():
            name, payload = value
            inner = dict(kind.cases)[name]
            return _closed(kind.cases, name, None if inner is None else to_component(inner, payload))
    return value


def _opened(cases: Cases, value: Any) -> tuple[str, Any]:
    if _is_tagged(cases):
        return value.tag, value.payload
    for name, kind in cases:
        # `object` stands for no payload, so it must not swallow the others.
        if (kind is None and value is None) or (
            kind is not None and isinstance(value, tuple(_classes(kind) - {object}))
        ):
            return name, value
    # An option within: its "none" is None as well.
    for name, kind in cases:
        if kind is not None and value is None and object in _classes(kind):
            return name, value
    raise ValueError(f"no case for {type(value).__name__}")


def _closed(cases: Cases, name: str, payload: Any) -> Any:
    return ForeignVariant(name, payload) if _is_tagged(cases) else payload


def _is_tagged(cases: Cases) -> bool:
    seen: set[type] = set()
    for _, kind in cases:
        classes = {object} if kind is None else _classes(kind)
        if classes & seen:
            return True
        seen |= classes
    return False


def _classes(kind: Type) -> set[type]:
    match kind:
        case Option():
            return _variant_classes(_option_cases(kind))
        case Variant():
            return _variant_classes(kind.cases)
        case Scalar():
            return {ResourceAny if kind.handle else int}
        case Record():
            return {tuple if _is_tuple(kind) else ForeignRecord}
        case Bytes():
            return {str if kind.text else bytes}
    return {_PLAIN[type(kind)]}


def _variant_classes(cases: Cases) -> set[type]:
    if _is_tagged(cases):
        return {ForeignVariant}
    return {found for _, kind in cases for found in ({object} if kind is None else _classes(kind))}


def _option_cases(kind: Option) -> Cases:
    return ("none", None), ("some", kind.some)


def _is_tuple(kind: Record) -> bool:
    return kind.fields[0][0] == "0"


def _record(kind: Record, items: list[Any]) -> ForeignRecord:
    made = ForeignRecord()
    for (name, _), item in zip(kind.fields, items, strict=True):
        setattr(made, name, item)
    return made
