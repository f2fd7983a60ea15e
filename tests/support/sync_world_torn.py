"""What a replica says, worked out without the server: its manifest, and whether people contradict each other in it."""

from __future__ import annotations

from collections.abc import Mapping

from loro import ExportMode, LoroDoc

from appliance.adapters.loro_doc import LoroDocs
from appliance.adapters.loro_doc_heads import heads_text
from appliance.core.draft import Tree, UnknownHeads
from appliance.core.draft_tree import content, graves, manifest_of
from appliance.core.manifest import InvalidManifest, render


def foretold(doc: LoroDoc) -> tuple[str, str]:
    """What applying a replica as it is must come to: `ok` with the manifest, or the code of the error."""
    document = LoroDocs().load(doc.export(ExportMode.Snapshot()), [])
    now = document.tree(heads_text(doc.oplog_frontiers))
    try:
        manifest = render(manifest_of(now))
    except InvalidManifest:
        return "invalid_manifest", ""
    for pipeline, saw in graves(now).items():
        try:
            then: object = content(document.tree(saw), pipeline)
        except UnknownHeads:
            then = None
        if then != content(now, pipeline):
            return "unresolved", ""
    return "ok", manifest


def said(tree: Tree) -> Mapping[str, object]:
    """What of a document outlives its history: settings, and the pipelines that are not removed.

    A table that stands twice in the order counts once.
    """
    pipelines = tree.get("pipelines", {})
    assert isinstance(pipelines, Mapping)
    alive = {name: _counted_once(content(tree, name)) for name in pipelines.keys() - graves(tree).keys()}
    return {"settings": tree.get("settings", {}), **{name: parts for name, parts in alive.items() if parts}}


def _counted_once(pipeline: Tree) -> Mapping[str, object]:
    order = pipeline.get("order")
    return {**pipeline, "order": list(dict.fromkeys(order))} if isinstance(order, list) else pipeline
