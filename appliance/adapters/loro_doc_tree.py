"""A document as plain values, read level by level: the library's own way down overflows its stack."""

from __future__ import annotations

from typing import Any

from loro import (
    LoroCounter,
    LoroDoc,
    LoroList,
    LoroMap,
    LoroMovableList,
    LoroText,
    ValueOrContainer,
)

from appliance.core.draft import Tree
from appliance.core.draft_tree.kinds import PIPELINES, SETTINGS

# Our shape is six containers deep. What lies below these reads as nothing.
LEVELS = 32


def read_tree(doc: LoroDoc) -> Tree:
    """Names in order, empty roots left out: replicas of one state give one tree."""
    roots: Any = doc.get_value()
    found = {name: _content(_root(doc, name, roots[name]), LEVELS) for name in sorted(roots) if _can_be_asked(name)}
    return {name: content for name, content in found.items() if content not in ({}, [], "", None)}


def _root(doc: LoroDoc, name: str, found: Any) -> Any:
    # Roots of several kinds may share a name, and the library tells one of them: a stray text must not hide the map.
    return doc.get_map(name) if name in (SETTINGS, PIPELINES) else doc.get_container(found)


def _can_be_asked(root: str) -> bool:
    # The library takes these from others, and panics when it is asked for them.
    return bool(root) and not root.startswith("🤝:") and "/" not in root and "\0" not in root


def _content(container: Any, levels: int) -> object:
    if levels == 0:
        return None
    if isinstance(container, LoroMap):
        return {name: _member(member, levels) for name, member in sorted(container.items())}
    if isinstance(container, LoroText):
        return container.to_string()
    if isinstance(container, LoroList | LoroMovableList):
        return [_member(container.get(index), levels) for index in range(len(container))]
    return container.value if isinstance(container, LoroCounter) else None


def _member(member: ValueOrContainer | None, levels: int) -> object:
    if isinstance(member, ValueOrContainer.Container):
        return _content(member.container, levels - 1)
    return member.value if isinstance(member, ValueOrContainer.Value) else None
