"""A manifest without its defaults: what canonical TOML and JSON say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from appliance.core.manifest.names import is_tables, segment
from appliance.core.manifest.schema import SCHEMA
from appliance.core.manifest.shape import chosen
from appliance.core.manifest.typed import Tree, full_tree
from appliance.core.pipeline import Comment, Manifest, Value

Names: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Commented:
    """The places that have a comment, and the places that have one somewhere inside them."""

    places: frozenset[Names]
    around: frozenset[Names]

    @classmethod
    def of(cls, comments: Iterable[Comment]) -> Commented:
        comments = tuple(comments)
        above = {comment.at[:length] for comment in comments for length in range(len(comment.at))}
        # A remark at the end of a thing stands inside it.
        ends = {comment.at for comment in comments if comment.end}
        return cls(frozenset(comment.at for comment in comments), frozenset(above | ends))

    def keeps(self, place: Names) -> bool:
        """Must the place be written, even if it says nothing but a default?"""
        return place in self.places or place in self.around


def sparse_tree(manifest: Manifest) -> Tree:
    """Return the manifest without its defaults, except where someone commented on one."""
    return _sparse(full_tree(manifest), SCHEMA, Commented.of(manifest.comments), ())


def is_table_list(value: Value) -> bool:
    """Is the value written as `[[name]]` sections?"""
    return isinstance(value, list) and bool(value) and all(isinstance(entry, Mapping) for entry in value)


def _sparse(tree: Mapping[str, Value], fragment: Mapping[str, object], commented: Commented, path: Names) -> Tree:
    properties, required = fragment.get("properties"), fragment.get("required", ())
    if not isinstance(properties, dict) or not isinstance(required, Sequence):
        return dict(tree)
    thin: Tree = {}
    for key, value in tree.items():
        rest = _sparse_value(value, properties[key], commented, (*path, key))
        says_nothing = properties[key].get("default") == value or (rest == {} and "properties" in properties[key])
        if key in required or commented.keeps((*path, key)) or not says_nothing:
            thin[key] = rest
    return thin


def _sparse_value(value: Value, fragment: Mapping[str, object], commented: Commented, path: Names) -> Value:
    if isinstance(value, Mapping):
        return _sparse(value, fragment, commented, path)
    items = fragment.get("items")
    if isinstance(value, str) or not isinstance(value, Sequence) or not isinstance(items, dict):
        return value
    thin = [
        _sparse_value(entry, chosen(entry, items), commented, (*path, segment(path, index, entry)))
        for index, entry in enumerate(value)
    ]
    return _bare_tables(thin, commented, path) if is_tables(path) else thin


def _bare_tables(tables: Sequence[Value], commented: Commented, path: Names) -> Sequence[Value]:
    """Write tables by name alone, if none of them says more."""
    names = [table["name"] for table in tables if isinstance(table, Mapping) and len(table) == 1]
    if len(names) < len(tables) or any((*path, name) in commented.around for name in names):
        return tables
    return names
