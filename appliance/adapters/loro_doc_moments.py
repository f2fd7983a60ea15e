"""From what had arrived at a moment to heads: a version without anything whose reasons had not arrived."""

from __future__ import annotations

from collections.abc import Mapping

from loro import ID, Frontiers, LoroDoc, VersionVector

from appliance.adapters.loro_doc_guard import new_version
from appliance.adapters.loro_doc_heads import frontiers_of
from appliance.adapters.loro_doc_minimal import minimal


def frontiers_at(doc: LoroDoc, counts: Mapping[int, int]) -> Frontiers:
    """The newest version with at most so many operations of each peer, all that they depend on included."""
    own = doc.oplog_vv.to_spans().inner()
    kept = {peer: min(count, own[peer][1]) for peer, count in counts.items() if peer in own and count > 0}
    if kept == {peer: end for peer, (_, end) in own.items()}:
        return doc.oplog_frontiers
    wanted = _version(kept)
    # What an operation depends on closes by itself, so that one look at each peer is enough.
    closed = {peer: _complete(doc, peer, count, wanted) for peer, count in kept.items()}
    return frontiers_of(minimal(doc, [(peer, count - 1) for peer, count in closed.items() if count]))


def _complete(doc: LoroDoc, peer: int, count: int, wanted: VersionVector) -> int:
    """How many operations of the peer depend on nothing outside: what one depends on, later ones do, too."""
    low, high = 0, count
    while low < high:
        middle = (low + high + 1) // 2
        needs = doc.frontiers_to_vv(frontiers_of([(peer, middle - 1)]))
        if needs is not None and wanted.includes_vv(needs):
            low = middle
        else:
            high = middle - 1
    return low


def _version(counts: Mapping[int, int]) -> VersionVector:
    version = new_version()
    for peer, count in counts.items():
        if count:
            version.set_end(ID(peer, count))
    return version
