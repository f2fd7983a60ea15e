"""Which operations stand for a version: those that no other one depends on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from loro import ID, LoroDoc

from appliance.adapters.loro_doc_heads import frontiers_of


def minimal(doc: LoroDoc, operations: Iterable[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    """Those of the operations (peer and counter, all of them in) that are in no other's history, sorted.

    The library answers the same for a version vector (`vv_to_frontiers`), and takes minutes when dozens of people
    wrote at once. This is one walk for each operation that stays: an operation's lamport is greater than those of
    all it depends on, so whoever covers it comes first.
    """
    covered: dict[int, int] = {}
    kept = []
    for peer, counter in sorted(operations, key=lambda one: (-_lamport(doc, *one), one)):
        if counter < covered.get(peer, 0):
            continue
        kept.append((peer, counter))
        history = doc.frontiers_to_vv(frontiers_of([(peer, counter)]))
        for other, (_, end) in history.to_spans().inner().items() if history else ():
            covered[other] = max(covered.get(other, 0), end)
    return sorted(kept)


def _lamport(doc: LoroDoc, peer: int, counter: int) -> int:
    change = doc.get_change(ID(peer, counter))
    return change.lamport + counter - change.id.counter if change else 0
