"""From a manifest to the document that says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from appliance.core.draft import Tree
from appliance.core.draft_tree.kinds import COMMENTS, CONFIG, NOTES, ORDER, PIPELINES, SETTINGS, SOURCE, TABLES
from appliance.core.draft_tree.remarks import notes_text, place_text
from appliance.core.manifest.load import to_value
from appliance.core.manifest.names import PIPELINE
from appliance.core.manifest.sources import COMMENTS as REMARKS
from appliance.core.pipeline import Manifest, Value

_Value: TypeAlias = Mapping[str, Value]
_Plant: TypeAlias = dict[str, object]


def to_tree(manifest: Manifest) -> Tree:
    """Write a manifest as a document: `manifest_of` gives it back. Nested values are shared."""
    return tree_of_value(to_value(manifest))


def tree_of_value(value: Mapping[str, Value]) -> Tree:
    """Write the JSON form of a manifest, as `to_value` gives it and revisions keep it, as a document."""
    pipelines = {str(pipeline["id"]): _pipeline(pipeline) for pipeline in _maps(value.get(PIPELINE, []))}
    settings: _Plant = {key: part for key, part in value.items() if key not in (PIPELINE, REMARKS) and part != {}}
    for comment in _maps(value.get(REMARKS, [])):
        at = tuple(cast("Sequence[str]", comment["at"]))
        if at[:1] == (PIPELINE,) and len(at) > 1:
            _remark(pipelines[at[1]], at[2:], comment)
        else:
            _register(settings, at, comment)
    return {SETTINGS: settings, PIPELINES: pipelines}


def _pipeline(value: _Value) -> _Plant:
    source = cast("_Value", value["source"])
    plant: _Plant = {key: part for key, part in value.items() if key not in ("id", SOURCE, TABLES)}
    plant[SOURCE] = {key: part for key, part in source.items() if key != CONFIG or part}
    tables = [({"name": table} if isinstance(table, str) else table) for table in cast("list[_Value]", value[TABLES])]
    plant[TABLES] = {str(table["name"]): {key: table[key] for key in table if key != "name"} for table in tables}
    plant[ORDER] = [table["name"] for table in tables]
    return plant


def _remark(plant: _Plant, at: tuple[str, ...], comment: _Value) -> None:
    if not at and "before" in comment:
        plant[NOTES] = notes_text(cast("Sequence[str]", comment["before"]))
        comment = {part: comment[part] for part in comment if part != "before"}
    if len(comment) > 1:
        _register(plant, at, comment)


def _register(plant: _Plant, at: tuple[str, ...], comment: _Value) -> None:
    said = cast("_Plant", plant.setdefault(COMMENTS, {}))
    said[place_text(at)] = {part: comment[part] for part in comment if part != "at"}


def _maps(value: Value) -> Sequence[_Value]:
    return cast("Sequence[_Value]", value)
