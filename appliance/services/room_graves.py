"""Pipelines that one person removed from a draft while another edited them."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.core.config_doc import ConfigDoc
from appliance.core.draft import Heads, Tree, UnknownHeads
from appliance.core.draft_tree import content, graves
from appliance.core.draft_tree.kinds import PIPELINES, REMOVED, SETTINGS

# What removers saw of graves that are gone is not kept for ever.
_KEPT = 1000


def removed_but_edited(
    doc: ConfigDoc, heads: Heads | None, *, seen: dict[tuple[str, str], object]
) -> Mapping[str, Heads]:
    """Each such pipeline with the heads that its remover saw. Raises UnknownHeads for `heads`.

    A remover who saw what nobody knows removed something else than what is there. `seen` remembers what a
    pipeline said at some heads, which never changes and costs a walk through the history.
    """
    now = doc.tree(heads)
    at = doc.heads() if heads is None else heads
    trees: dict[Heads, Tree] = {}
    torn = {}
    for pipeline_id, saw in graves(now).items():
        if (pipeline_id, saw) not in seen and _is_untouched(doc, pipeline_id, saw, at):
            _remember(seen, pipeline_id, saw, content(now, pipeline_id))
        if _content_at(doc, pipeline_id, saw, seen=seen, trees=trees) != content(now, pipeline_id):
            torn[pipeline_id] = saw
    return torn


def without_graves(tree: Tree) -> Tree:
    """The tree with the pipelines that are there."""
    gone, pipelines = graves(tree), tree.get(PIPELINES)
    if not gone or not isinstance(pipelines, Mapping):
        return tree
    return {**tree, PIPELINES: {name: value for name, value in pipelines.items() if name not in gone}}


def _content_at(
    doc: ConfigDoc, pipeline_id: str, saw: Heads, *, seen: dict[tuple[str, str], object], trees: dict[Heads, Tree]
) -> object:
    if (pipeline_id, saw) not in seen:
        if saw not in trees:
            try:
                trees[saw] = doc.tree(saw)
            except UnknownHeads:
                return None
        _remember(seen, pipeline_id, saw, content(trees[saw], pipeline_id))
    return seen[pipeline_id, saw]


def _is_untouched(doc: ConfigDoc, pipeline_id: str, saw: Heads, at: Heads) -> bool:
    """Was nothing of the pipeline written between the two? Far cheaper than what it said, if little was written at all.

    Looked at in both directions: a client may claim to have seen what is not in `at`. What is written in a container
    that nobody can find by name may be anywhere.
    """
    try:
        writes = [*doc.writes(since=saw, until=at), *doc.writes(since=at, until=saw)]
    except UnknownHeads:
        return False
    return not any(
        write.path[:1] not in ((PIPELINES,), (SETTINGS,))
        or (write.path[:2] == (PIPELINES, pipeline_id) and write.path[2:] != (REMOVED,))
        for write in writes
    )


def _remember(seen: dict[tuple[str, str], object], pipeline_id: str, saw: Heads, said: object) -> None:
    if len(seen) >= _KEPT:
        seen.clear()
    seen[pipeline_id, saw] = said
