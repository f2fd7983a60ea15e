"""Writes that are lost because somebody took away the container around them without having seen them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from loro import LoroDoc

from appliance.adapters.loro_doc_rivals import includes, seen_by
from appliance.core.config_doc import Deed, Unseen, Write


def find_unseen(doc: LoroDoc, writes: Sequence[Write]) -> Sequence[Unseen]:
    """`writes` are oldest first."""
    removals: dict[tuple[str, ...], list[Write]] = {}
    for write in writes:
        if write.deed is Deed.REMOVE:
            removals.setdefault(write.path, []).append(write)
    below: dict[tuple[str, ...], dict[int, list[Write]]] = {}
    for write in writes if removals else ():
        for length in range(1, len(write.path)):
            if write.path[:length] in removals:
                below.setdefault(write.path[:length], {}).setdefault(write.peer, []).append(write)
    found = (
        Unseen(removal, tuple(_unseen(doc, removal, by_peer)))
        for path, by_peer in sorted(below.items())
        for removal in removals[path]
    )
    return tuple(one for one in found if one.writes)


def _unseen(doc: LoroDoc, removal: Write, by_peer: Mapping[int, Sequence[Write]]) -> Iterator[Write]:
    """Who wrote in sight of the removal began anew. Of one peer, those that saw it are the later ones."""
    seen = seen_by(doc, removal)
    for _, writes in sorted(by_peer.items()):
        others = [write for write in sorted(writes, key=lambda write: write.counter) if not includes(seen, write)]
        knowing = bisect_left(others, 1, key=lambda write: int(includes(seen_by(doc, write), removal)))
        yield from others[:knowing]
