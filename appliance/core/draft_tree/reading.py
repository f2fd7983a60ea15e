"""Taking a document apart into the JSON form of a manifest, and saying what is no part of one.

Containers that are empty and registers that hold null say nothing, as if they were not there. What a
manifest may say is checked afterwards, by the rules of every manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from appliance.core.draft import Tree
from appliance.core.draft_tree.kinds import (
    COMMENTS,
    CONFIG,
    NOTES,
    ORDER,
    PIPELINES,
    REMOVED,
    SECTIONS,
    SETTINGS,
    SOURCE,
    TABLES,
)
from appliance.core.draft_tree.remarks import comment_parts, is_sayable, notes_lines, place_of, place_text
from appliance.core.manifest.names import PIPELINE
from appliance.core.manifest.problems import Path, Report, dotted, shown
from appliance.core.manifest.sources import COMMENTS as REMARKS
from appliance.core.pipeline import Problem

_PLAIN_SETTINGS = ("coord_backend",)
_COMMENT = '{"before": ["why"], "line": "", "end": []}'

_Fields = dict[str, object]


def entries(node: object) -> Mapping[str, object]:
    """The keys of a map that hold something; none if it is no map."""
    return {key: inner for key, inner in node.items() if inner is not None} if isinstance(node, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading. It raises nothing but InvalidManifest, once there are too many problems to be read."""

    report: Report
    remarks: list[object] = field(default_factory=list)
    misplaced: set[tuple[str, str]] = field(default_factory=set)

    def value(self, tree: Tree) -> _Fields:
        """The JSON form of what could be read. Other roots are no part of a draft: nobody could remove them."""
        value = self._settings(self._map(tree.get(SETTINGS), (SETTINGS,)))
        found = self._map(tree.get(PIPELINES), (PIPELINES,))
        pipelines = [self._pipeline(name, node) for name, node in sorted(found.items())]
        value[PIPELINE] = [pipeline for pipeline in pipelines if pipeline is not None]
        return {**value, REMARKS: self.remarks} if self.remarks else value

    def is_echo(self, problem: Problem) -> bool:
        """Does the problem only say that a thing is missing that was reported as something else?"""
        return problem.code == "missing_key" and (problem.path, problem.message) in self.misplaced

    def _settings(self, settings: Mapping[str, object]) -> _Fields:
        value: _Fields = {}
        for key, node in sorted(settings.items()):
            if key in SECTIONS:
                section = self._map(node, (key,))
                value.update({key: section} if section else {})
            elif key in _PLAIN_SETTINGS:
                value[key] = node
            elif key == COMMENTS:
                self._comments(node, ())
            else:
                known = ", ".join((*SECTIONS, *_PLAIN_SETTINGS))
                self.report.error((key,), "unknown_key", "is not a key here", f"write one of {known}")
        return value

    def _pipeline(self, name: str, node: object) -> _Fields | None:
        path: Path = (PIPELINE, name)
        if not isinstance(node, Mapping):
            self._wrong(node, path, "a map")
            return None
        fields = dict(entries(node))
        removed = fields.pop(REMOVED, None)
        if isinstance(removed, str):
            return None
        if removed is not None:
            self._wrong(removed, (*path, REMOVED), "the heads of a draft")
        if fields.pop("id", None) is not None:
            self.report.error((*path, "id"), "unknown_key", "is not a key here", "the pipeline's own key is its id")
        self._remarks(name, fields.pop(NOTES, None), fields.pop(COMMENTS, None))
        parts = (
            (SOURCE, self._source(fields.pop(SOURCE, None), path)),
            (TABLES, self._tables(fields.pop(TABLES, None), fields.pop(ORDER, None), path)),
        )
        return {"id": name, **fields, **{key: part for key, part in parts if part}}

    def _source(self, node: object, above: Path) -> _Fields:
        source = dict(self._map(node, (*above, SOURCE)))
        config = self._map(source.pop(CONFIG, None), (*above, SOURCE, CONFIG))
        return {**source, CONFIG: config} if config else source

    def _tables(self, node: object, order: object, above: Path) -> list[object]:
        found = self._map(node, (*above, TABLES))
        if order is not None and not isinstance(order, list):
            self._wrong(order, (*above, ORDER), "a list")
        listed = order if isinstance(order, list) else []
        # Two who add one table list it twice; who removes one may leave it listed.
        names = list(dict.fromkeys(name for name in listed if isinstance(name, str) and name in found))
        names += sorted(found.keys() - set(names))
        return [self._table(name, found[name], (*above, TABLES, name)) for name in names]

    def _table(self, name: str, node: object, path: Path) -> _Fields:
        options = dict(self._map(node, path))
        if options.pop("name", None) is not None:
            self.report.error((*path, "name"), "unknown_key", "is not a key here", "the table's own key is its name")
        return {"name": name, **options}

    def _remarks(self, pipeline: str, notes: object, comments: object) -> None:
        lines = notes_lines(notes) if isinstance(notes, str) else []
        path: Path = (PIPELINE, pipeline, NOTES)
        if notes is not None and not isinstance(notes, str):
            self._wrong(notes, path, "a text")
        if not all(map(is_sayable, lines)):
            self.report.error(path, "bad_text", "holds a control character", "remove it")
            lines = []
        self._comments(comments, (PIPELINE, pipeline), lines)

    def _comments(self, node: object, above: tuple[str, ...], notes: list[str] | None = None) -> None:
        """Collect comments; those of a pipeline (at `above`) together with its `notes`."""
        said: dict[tuple[str, ...], _Fields] = {above: {"before": notes}} if notes else {}
        for key, inner in sorted(self._map(node, (*above, COMMENTS)).items()):
            place = place_of(key)
            parts = comment_parts(inner)
            if place is None:
                example = place_text(("schedule",))
                message = f"{shown(key)} is not a place"
                self.report.error((*above, COMMENTS), "comment_place", message, f"write one such as {example}")
            elif place[:1] == (PIPELINE,) and len(place) > 1 and not above:
                message = f"{shown(dotted(place))} belongs to a pipeline"
                self.report.error((COMMENTS,), "comment_place", message, "write it into the comments of the pipeline")
            elif parts is None:
                self.report.error((*above, *place), "type", "a comment here is malformed", f"write {_COMMENT}")
            elif above and not place and parts.get("before"):
                message = "the lines above a pipeline stand in its notes"
                self.report.error((*above, COMMENTS), "comment_place", message, "write them there")
            elif any(parts.values()):
                at = (*above, *place)
                said[at] = {**said.get(at, {}), **{part: text for part, text in parts.items() if text}}
        self.remarks.extend({"at": list(at), **parts} for at, parts in said.items())

    def _map(self, node: object, path: Path) -> Mapping[str, object]:
        if node is not None and not isinstance(node, Mapping):
            self._wrong(node, path, "a map")
        return entries(node)

    def _wrong(self, node: object, path: Path, wanted: str) -> None:
        self.misplaced.add((dotted(path[:-1]), f"{path[-1]} is missing"))
        self.report.error(path, "type", f"{shown(node)} is not {wanted}", f"make it {wanted} again")
