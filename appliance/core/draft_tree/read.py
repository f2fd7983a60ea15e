"""From the document of a draft to the manifest it says, or to everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.core.draft import Heads, Tree
from appliance.core.draft_tree.homes import homed
from appliance.core.draft_tree.kinds import PIPELINES, REMOVED, TABLES, ContainerKind, kind_at
from appliance.core.draft_tree.reading import Reading, entries
from appliance.core.manifest.load import from_value
from appliance.core.manifest.problems import InvalidManifest, Problems, Report
from appliance.core.pipeline import Manifest, Problem

NAME = "draft"


def manifest_of(tree: Tree) -> Manifest:
    """Read what a document says, graves left out. Raises InvalidManifest with every problem found."""
    problems = Problems()
    reading = Reading(Report(NAME, problems))
    value = reading.value(tree)
    try:
        manifest = _manifest(value)
    except InvalidManifest as refused:
        found = [*problems.errors, *(problem for problem in refused.problems if not reading.is_echo(problem))]
    else:
        found = problems.errors
    if found:
        # Maps have no order of their own: every replica says the same things in the same order.
        raise InvalidManifest(sorted(found, key=_rank))
    return manifest


def graves(tree: Tree) -> Mapping[str, Heads]:
    """The pipelines that were removed, each with what the remover saw."""
    found = entries(tree.get(PIPELINES))
    removed = {name: entries(pipeline).get(REMOVED) for name, pipeline in sorted(found.items())}
    return {name: Heads(heads) for name, heads in removed.items() if isinstance(heads, str)}


def content(tree: Tree, pipeline: str) -> Tree:
    """What the document says of a pipeline, removed or not, however it is said: empty containers and null are left out.

    Empty if it says nothing.
    """
    fields = entries(entries(tree.get(PIPELINES)).get(pipeline))
    return _spoken({key: part for key, part in fields.items() if key != REMOVED}, (PIPELINES, pipeline))


def _spoken(node: Mapping[str, object], path: tuple[str, ...]) -> dict[str, object]:
    said: dict[str, object] = {}
    for key, part in entries(node).items():
        kind = kind_at((*path, key))
        inner = _spoken(part, (*path, key)) if kind is ContainerKind.MAP and isinstance(part, Mapping) else part
        # A table without options is a table.
        if kind is ContainerKind.REGISTER or path[2:] == (TABLES,) or inner not in ({}, [], ""):
            said[key] = inner
    return said


def _manifest(value: dict[str, object]) -> Manifest:
    try:
        return from_value(value, NAME)
    except InvalidManifest as refused:
        if any(problem.code != "comment_place" for problem in refused.problems):
            raise
    return from_value(homed(value, NAME), NAME)


def _rank(problem: Problem) -> tuple[bool, str, str, str]:
    return problem.code == "more", problem.path, problem.code, problem.message
