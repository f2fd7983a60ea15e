"""How a document begins: written from values, with the live configuration as its first edit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from appliance.core.authors import Authors
from appliance.core.config_doc import ConfigDocs
from appliance.core.draft import Heads, Span, Tree


@dataclass(frozen=True, slots=True)
class Layer:
    """What the document is made to say at one step of its beginning, and who said so."""

    tree: Tree
    author: str
    token_id: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A whole document. It said the live configuration at `applied_heads`."""

    snapshot: bytes
    spans: Sequence[Span]
    applied_heads: Heads


def begin(docs: ConfigDocs, *, live: Layer | None, now: Layer | None, at: datetime) -> Begun:
    """Write what is live, if anything is, and on top of it what the draft says now, if that is something else."""
    doc, authors = docs.empty(), Authors()
    applied_heads = doc.heads()
    for layer in (live, now):
        if layer is None:
            continue
        edited = doc.write(layer.tree, at=doc.heads())
        if edited.ranges:
            # Loaded and not accepted: a configuration may be more than one client may send.
            doc = docs.load(doc.snapshot()[0], [edited.update])
            authors.record(edited.ranges, author=layer.author, token_id=layer.token_id, at=at)
        if layer is live:
            applied_heads = doc.heads()
    return Begun(doc.snapshot()[0], authors.spans(), applied_heads)
