"""A document as plain values, read level by level: the library's own way down overflows its stack."""

from __future__ import annotations

from typing import Any

from loro import (
    ContainerID,
    LoroCounter,
    LoroDoc,
    LoroList,
    LoroMap,
    LoroMovableList,
    LoroText,
    ValueOrContainer,
)

from appliance.core.draft import Tree

# Our shape is six containers deep. What lies below these reads as nothing.
LEVELS = 32


def read_tree(doc: LoroDoc) -> Tree:
    """Names in order, empty roots left out: replicas of one state give one tree."""
    roots: Any = doc.get_value()
    found = {name: _content(_container(doc, root), LEVELS) for name, root in sorted(roots.items())}
    return {name: content for name, content in found.items() if content not in ({}, [], "", None)}


def _container(doc: LoroDoc, root: Any) -> Any:
    return doc.get_container(root) if isinstance(root, ContainerID) else root


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
