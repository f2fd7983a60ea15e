"""Pipelines that one person removed from a draft while another edited them."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.core.config_doc import ConfigDoc
from appliance.core.draft import Heads, Tree, UnknownHeads
from appliance.core.draft_tree import content, graves

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
    trees: dict[Heads, Tree] = {}
    return {
        pipeline_id: saw
        for pipeline_id, saw in graves(now).items()
        if _content_at(doc, pipeline_id, saw, seen=seen, trees=trees) != content(now, pipeline_id)
    }


def without_graves(tree: Tree) -> Tree:
    """The tree with the pipelines that are there."""
    gone, pipelines = graves(tree), tree.get("pipelines")
    if not gone or not isinstance(pipelines, Mapping):
        return tree
    return {**tree, "pipelines": {name: value for name, value in pipelines.items() if name not in gone}}


def _content_at(
    doc: ConfigDoc, pipeline_id: str, saw: Heads, *, seen: dict[tuple[str, str], object], trees: dict[Heads, Tree]
) -> object:
    if (pipeline_id, saw) not in seen:
        if saw not in trees:
            try:
                trees[saw] = doc.tree(saw)
            except UnknownHeads:
                return None
        if len(seen) >= _KEPT:
            seen.clear()
        seen[pipeline_id, saw] = content(trees[saw], pipeline_id)
    return seen[pipeline_id, saw]
