"""What the parts of a manifest are called: a pipeline by its id, a table and a listed name by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

PIPELINE = "pipeline"
TABLES = "tables"

# Lists of names, as paths with every position and id left out.
_NAME_LISTS = frozenset(
    {(PIPELINE, "secrets"), (PIPELINE, "egress"), (PIPELINE, TABLES, "primary_key")},
)


def named(tree: Mapping[str, object], path: Sequence[str | int]) -> tuple[str, ...]:
    """Replace the positions in a path by names, wherever the tree has one."""
    node: object = tree
    names: list[str] = []
    for part in path:
        child = _child(node, part)
        names.append(segment(names, part, child) if isinstance(part, int) else part)
        node = child
    return tuple(names)


def segment(parent: Sequence[str], index: int, element: object) -> str:
    """Name one element of the list at `parent`, whose own parts are names already."""
    name: object = None
    if tuple(parent) == (PIPELINE,):
        name = element.get("id") if isinstance(element, Mapping) else None
    elif is_tables(parent):
        name = element.get("name") if isinstance(element, Mapping) else element
    elif _kinds(parent) in _NAME_LISTS:
        name = element
    return name if isinstance(name, str) and name else str(index)


def is_known_by_name(parent: Sequence[str]) -> bool:
    """Are the elements of the list at `parent` things that people call by name?"""
    return tuple(parent) == (PIPELINE,) or is_tables(parent)


def is_tables(path: Sequence[str]) -> bool:
    """Is this the list of a pipeline's tables?"""
    return len(path) == len((PIPELINE, "id", TABLES)) and path[0] == PIPELINE and path[2] == TABLES


def _kinds(path: Sequence[str]) -> tuple[str, ...]:
    # pipeline.<id>.tables.<name>.primary_key: every second part is a name.
    return tuple(path[:1]) + tuple(path[2::2])


def _child(node: object, part: str | int) -> object:
    if isinstance(node, Mapping) and isinstance(part, str):
        return node.get(part)
    if isinstance(node, Sequence) and not isinstance(node, str) and isinstance(part, int) and part < len(node):
        return node[part]
    return None
