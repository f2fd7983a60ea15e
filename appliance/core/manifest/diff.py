"""What changed between two manifests, field by field and comment by comment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from appliance.core.manifest.names import PIPELINE, is_tables, segment
from appliance.core.manifest.problems import dotted
from appliance.core.manifest.sparse import Names, sparse_tree
from appliance.core.manifest.typed import full_tree
from appliance.core.pipeline import Comment, Manifest, PipelineId, Value


class ChangeKind(StrEnum):
    PIPELINE_ADDED = "pipeline_added"
    PIPELINE_REMOVED = "pipeline_removed"
    FIELD = "field"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `pipeline` is None outside pipelines; None as `old` or `new` says that there is none."""

    kind: ChangeKind
    path: str
    old: Value | None
    new: Value | None
    pipeline: PipelineId | None = None

    def __str__(self) -> str:
        if self.kind in (ChangeKind.PIPELINE_ADDED, ChangeKind.PIPELINE_REMOVED):
            return f"{self.path}: {'added' if self.old is None else 'removed'}"
        what = "comment " if self.kind is ChangeKind.COMMENT else ""
        return f"{self.path}: {what}{_said(self.old)} -> {_said(self.new)}"


def diff(old: Manifest, new: Manifest) -> tuple[Change, ...]:
    """Return what turns `old` into `new`, sorted; empty exactly if their canonical texts are equal."""
    before, after = ({pipeline.id for pipeline in manifest.pipelines} for manifest in (old, new))
    changes = [
        *_whole(ChangeKind.PIPELINE_REMOVED, old, before - after),
        *_whole(ChangeKind.PIPELINE_ADDED, new, after - before),
        *_between(ChangeKind.FIELD, _fields(old), _fields(new)),
        *_between(ChangeKind.COMMENT, _comments(old), _comments(new)),
    ]
    partial = before ^ after
    kept = (change for change in changes if change.kind in _WHOLE or change.pipeline not in partial)
    return tuple(sorted(kept, key=lambda change: (change.path, change.kind)))


# Tables whose presence alone says nothing.
_SECTIONS = ((), ("project",), ("context",), ("sync", "replica"))
_WHOLE = (ChangeKind.PIPELINE_ADDED, ChangeKind.PIPELINE_REMOVED)


def _whole(kind: ChangeKind, manifest: Manifest, ids: set[PipelineId]) -> Iterator[Change]:
    listed = sparse_tree(manifest).get(PIPELINE, []) if ids else []
    for tree in listed if isinstance(listed, list) else []:
        if tree["id"] in ids:
            old, new = (None, tree) if kind is ChangeKind.PIPELINE_ADDED else (tree, None)
            yield Change(kind, dotted((PIPELINE, tree["id"])), old, new, PipelineId(tree["id"]))


def _between(kind: ChangeKind, old: Mapping[Names, Value], new: Mapping[Names, Value]) -> Iterator[Change]:
    for path in old.keys() | new.keys():
        before, after = old.get(path), new.get(path)
        # As text, because Python takes 1, 1.0 and true for equal.
        if _said(before) != _said(after):
            pipeline = PipelineId(path[1]) if path[:1] == (PIPELINE,) and len(path) > 1 else None
            yield Change(kind, dotted(path), before, after, pipeline)


def _fields(manifest: Manifest) -> dict[Names, Value]:
    return dict(_leaves((), full_tree(manifest)))


def _leaves(path: Names, value: Value) -> Iterator[tuple[Names, Value]]:
    if isinstance(value, Mapping) and (value or path in _SECTIONS or path[2:] == ("source", "config")):
        for key, inner in value.items():
            yield from _leaves((*path, key), inner)
    elif isinstance(value, list) and (path == (PIPELINE,) or is_tables(path)):
        names = [segment(path, index, entry) for index, entry in enumerate(value)]
        if is_tables(path):
            yield path, names
        for name, entry in zip(names, value, strict=True):
            yield from _leaves((*path, name), entry)
    else:
        yield path, value


def _comments(manifest: Manifest) -> dict[Names, Value]:
    return {comment.at: _lines(comment) for comment in manifest.comments}


def _lines(comment: Comment) -> Sequence[Value]:
    return [list(comment.before), comment.line, list(comment.end)]


def _said(value: Value | None) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
