"""The published JSON Schema of a draft's document: which containers it has, and what its registers may say."""

from __future__ import annotations

from typing import cast

from appliance.core import manifest_limits
from appliance.core.draft_tree.kinds import (
    COMMENTS,
    NOTES,
    ORDER,
    PIPELINES,
    REMOVED,
    SECTIONS,
    SETTINGS,
    SOURCE,
    TABLES,
    ContainerKind,
    kind_at,
)
from appliance.core.manifest.fragments import Fragment
from appliance.core.manifest.schema import schema

DRAFT_SCHEMA_ID = "https://hakiri.dev/schemas/v1/draft.json"

_Path = tuple[str, ...]

_TYPES = {ContainerKind.MAP: "object", ContainerKind.TEXT: "string", ContainerKind.LIST: "array"}
_DESCRIPTIONS = {
    (SETTINGS,): "What is no pipeline's.",
    (SETTINGS, "project"): "What people call it.",
    (SETTINGS, "context"): "Where readers find the store.",
    (SETTINGS, "sync"): "The bucket that laptops share.",
    (PIPELINES,): "The pipelines by id. Whoever removes one leaves its key and sets `removed`.",
    (PIPELINES, "*"): "One pipeline. Its key is its id.",
    (PIPELINES, "*", TABLES): "What to read: each table's options under its name.",
    (PIPELINES, "*", TABLES, "*"): "One table. Without options it is an empty map.",
}


def draft_schema() -> dict[str, object]:
    """Return JSON Schema 2020-12 for the deep value of the document.

    `x-loro` says of each property which container it is, or that it is a register: a plain value, set as a
    whole. Any key may be absent, a container empty and a register null; whether what is said makes a manifest
    is told where the draft is read as one.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": DRAFT_SCHEMA_ID,
        "title": "A draft",
        "description": "The configuration while people edit it, as the deep value of its document. "
        "An empty container and a register that holds null say nothing.",
        **_container((), {SETTINGS: _settings(), PIPELINES: _pipelines()}),
    }


def _settings() -> Fragment:
    known = _properties(schema())
    sections: Fragment = {key: _container((SETTINGS, key), _registers((SETTINGS, key), known[key])) for key in SECTIONS}
    plain = {"coord_backend": _register(known["coord_backend"])}
    return _container((SETTINGS,), {**sections, **plain, COMMENTS: _comments((SETTINGS, COMMENTS))})


def _pipelines() -> Fragment:
    every = _items(_properties(schema())["pipeline"])
    path = (PIPELINES, "*")
    plain = {key: _register(part) for key, part in _properties(every).items() if key not in ("id", SOURCE, TABLES)}
    parts: Fragment = {
        **plain,
        SOURCE: _source(_properties(every)[SOURCE]),
        TABLES: _tables(_properties(every)[TABLES]),
        ORDER: _order(),
        NOTES: _notes(),
        COMMENTS: _comments((*path, COMMENTS)),
        REMOVED: _removed(),
    }
    names = {key: part for key, part in _properties(every)["id"].items() if key in ("pattern", "maxLength")}
    return _map((PIPELINES,), _container(path, parts), maxProperties=manifest_limits.PIPELINES, propertyNames=names)


def _source(fragment: Fragment) -> Fragment:
    path = (PIPELINES, "*", SOURCE)
    known = _properties(fragment)
    setting = _register({"description": "One setting."})
    config = _map((*path, "config"), setting, description=known["config"]["description"])
    parts: Fragment = {"connector": _register(known["connector"]), "config": config}
    return {**_container(path, parts), "description": fragment["description"]}


def _tables(fragment: Fragment) -> Fragment:
    name, options = cast("list[Fragment]", _items(fragment)["anyOf"])
    path = (PIPELINES, "*", TABLES)
    parts = _registers((*path, "*"), options)
    names = {key: name[key] for key in ("minLength", "maxLength", "pattern")}
    return _map(path, _container((*path, "*"), parts), maxProperties=manifest_limits.TABLES, propertyNames=names)


def _order() -> Fragment:
    return {
        "type": _TYPES[kind_at((PIPELINES, "*", ORDER))],
        "description": "Names of the tables in the order in which they are read. A name that stands twice counts "
        "once, one that is no table not at all; tables that are not listed come last, by name.",
        "items": {"type": "string"},
        "x-loro": kind_at((PIPELINES, "*", ORDER)).value,
    }


def _notes() -> Fragment:
    return {
        "type": _TYPES[kind_at((PIPELINES, "*", NOTES))],
        "description": "The comment above the pipeline, line by line, without its `#`.",
        "x-loro": kind_at((PIPELINES, "*", NOTES)).value,
    }


def _removed() -> Fragment:
    description = "Set by whoever removes the pipeline: the heads of the document that they saw. Absent: it is there."
    return _register({"type": "string", "description": description})


def _comments(path: _Path) -> Fragment:
    comment = dict(_items(_properties(schema())["$comments"]))
    said = {key: part for key, part in _properties(comment).items() if key != "at"}
    register = _register({"type": "object", "description": "One comment.", "additionalProperties": False})
    place = "the keys that lead to the place, from here on; `[]` is this very thing"
    if path[0] == SETTINGS:
        place = "the keys that lead to the place, from the top of the manifest on; `[]` is its end"
    description = f"Comments by their place, the JSON text of a list without spaces: {place}."
    return _map(path, {**register, "properties": said}, description=description)


def _registers(path: _Path, fragment: Fragment) -> Fragment:
    # A table's name is its key.
    unsaid = ("name",) if path[0] == PIPELINES else ()
    return {key: _register(part) for key, part in _properties(fragment).items() if key not in unsaid}


def _register(fragment: Fragment) -> Fragment:
    return {**fragment, "x-loro": ContainerKind.REGISTER.value}


def _container(path: _Path, properties: Fragment) -> Fragment:
    return {**_described(path), "additionalProperties": not path, "properties": properties}


def _map(path: _Path, every: Fragment, **more: object) -> Fragment:
    return {**_described(path), **more, "additionalProperties": every}


def _described(path: _Path) -> Fragment:
    kind = kind_at(path)
    described: Fragment = {"description": _DESCRIPTIONS[path]} if path in _DESCRIPTIONS else {}
    return {"type": _TYPES[kind], **described, **({"x-loro": kind.value} if path else {})}


def _properties(fragment: Fragment) -> dict[str, Fragment]:
    return cast("dict[str, Fragment]", fragment["properties"])


def _items(fragment: Fragment) -> Fragment:
    return cast("Fragment", fragment["items"])
