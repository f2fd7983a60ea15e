"""Giving every comment a place that canonical TOML can write it at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from appliance.core.manifest.names import segment
from appliance.core.manifest.sparse import Names, is_table_list
from appliance.core.manifest.toml_scan import Remarks
from appliance.core.pipeline import Comment, Value


@dataclass(frozen=True, slots=True)
class _Home:
    """Where a comment goes: the nearest place that can carry one, and whether it can end with one."""

    at: Names
    holds: bool = True
    is_first: bool = False


@dataclass(slots=True)
class _Gathered:
    first: list[str] = field(default_factory=list)
    own: Remarks = field(default_factory=Remarks)
    moved: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Places:
    """A tree that is asked about many paths: what was learnt about a list is remembered."""

    tree: Mapping[str, Value]
    positions: dict[Names, dict[str, int]] = field(default_factory=dict)
    sections: dict[Names, bool] = field(default_factory=dict)

    def exists(self, path: Names) -> bool:
        """Does the path lead anywhere?"""
        node: Value | None = self.tree
        for length, name in enumerate(path):
            node = self.child(node, path[:length], name)
        return node is not None

    def child(self, node: Value | None, path: Names, name: str) -> Value | None:
        if isinstance(node, Mapping):
            return node.get(name)
        if not isinstance(node, Sequence) or isinstance(node, str):
            return None
        if path not in self.positions:
            self.positions[path] = {segment(path, index, entry): index for index, entry in enumerate(node)}
        position = self.positions[path].get(name)
        return None if position is None else node[position]

    def is_section_list(self, node: Value, path: Names) -> bool:
        """Is this a list that is written as `[[name]]` sections?"""
        if path not in self.sections:
            self.sections[path] = is_table_list(node)
        return self.sections[path]


def settle(tree: Mapping[str, Value], remarks: Mapping[Names, Remarks]) -> tuple[Comment, ...]:
    """Move comments whose place has no line of its own to the nearest place that has, and drop empty ones."""
    places = Places(tree)
    gathered: dict[Names, _Gathered] = {}
    for at, said in sorted(remarks.items(), key=lambda item: item[0]):
        home = _home(places, at)
        place = gathered.setdefault(home.at, _Gathered())
        if home.at != at:
            (place.first if home.is_first else place.moved).extend([*said.before, *([said.line] if said.line else [])])
            place.moved += said.end
        elif home.holds:
            place.own = said
        else:
            place.own = Remarks([*said.before, *said.end], said.line)
    comments = (_comment(at, place) for at, place in sorted(gathered.items(), key=lambda item: item[0]))
    return tuple(comment for comment in comments if comment.before or comment.line or comment.end)


def _comment(at: Names, place: _Gathered) -> Comment:
    if not at:
        return Comment(at, end=(*place.first, *place.own.before, *place.own.end, *place.moved))
    before = (*place.first, *place.own.before, *place.moved)
    return Comment(at, before, place.own.line, tuple(place.own.end))


def _home(places: Places, path: Names) -> _Home:
    node: Value = places.tree
    in_list = False
    for length, name in enumerate(path):
        child = places.child(node, path[:length], name)
        if child is None:
            return _top(places.tree) if length == 0 else _Home(path[:length], holds=False)
        in_list = in_list or (isinstance(node, list) and not places.is_section_list(node, path[:length]))
        if in_list and isinstance(child, Mapping):
            # Inside an inline table no comment can stand.
            return _Home(path[: length + 1], holds=False)
        node = child
    if not path:
        return _top(places.tree)
    if not in_list and isinstance(node, list) and places.is_section_list(node, path):
        return _Home((*path, segment(path, 0, node[0])), is_first=True)
    return _Home(path, holds=isinstance(node, Mapping | list))


def _top(tree: Mapping[str, Value]) -> _Home:
    """The top of the page: the first section, unless keys come before it or there is none."""
    if not tree or not all(isinstance(value, Mapping) or is_table_list(value) for value in tree.values()):
        return _Home(())
    name = min(tree)
    value = tree[name]
    return _Home((name, segment((name,), 0, value[0])) if isinstance(value, list) else (name,), is_first=True)
