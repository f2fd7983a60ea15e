"""Values that people set at one place without having seen each other's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from loro import ID, LoroDoc, VersionVector

from appliance.adapters.loro_doc_guard import new_version
from appliance.adapters.loro_doc_heads import frontiers_of
from appliance.core.config_doc import Deed, Rivals, Write


def find_rivals(doc: LoroDoc, writes: Sequence[Write], *, new: Sequence[Write]) -> Sequence[Rivals]:
    """`writes` are in the library's order, oldest first, so that the last at a place is the one that shows.

    Those of a place are told if one of `new` is among them.
    """
    fresh = {(write.peer, write.counter) for write in new}
    places: dict[tuple[str, ...], dict[int, Write]] = {}
    for write in writes:
        if write.deed in (Deed.SET, Deed.REMOVE):
            # Of one peer only the last write counts: whoever writes has seen their own.
            places.setdefault(write.path, {})[write.peer] = write
    return tuple(
        Rivals(path, standing)
        for path, by_peer in sorted(places.items())
        if len(by_peer) > 1
        and any((write.peer, write.counter) in fresh for write in by_peer.values())
        and _differ(standing := tuple(_standing(doc, by_peer)))
        and any((write.peer, write.counter) in fresh for write in standing)
    )


def seen_by_all(doc: LoroDoc, version: VersionVector, writes: Sequence[Write]) -> VersionVector:
    """What is in `version`, and everybody who made these writes had seen when they made their first."""
    firsts: dict[int, Write] = {}
    for write in writes:
        firsts[write.peer] = min(write, firsts.get(write.peer, write), key=lambda one: one.counter)
    ends = _ends(version)
    for write in firsts.values():
        seen = _ends(seen_by(doc, write))
        ends = {peer: min(end, seen.get(peer, 0)) for peer, end in ends.items()}
    shared = new_version()
    for peer, end in ends.items():
        shared.set_end(ID(peer, end))
    return shared


def _ends(version: VersionVector) -> Mapping[int, int]:
    return {peer: end for peer, (_, end) in version.to_spans().inner().items()}


def _standing(doc: LoroDoc, by_peer: Mapping[int, Write]) -> Iterator[Write]:
    """The writes that no other one was made in sight of, the latest first."""
    seen = {peer: seen_by(doc, write) for peer, write in by_peer.items()}
    for write in sorted(by_peer.values(), key=lambda write: (write.lamport, write.peer), reverse=True):
        others = (version for peer, version in seen.items() if peer != write.peer)
        if not any(includes(version, write) for version in others):
            yield write


def seen_by(doc: LoroDoc, write: Write) -> VersionVector:
    version = doc.frontiers_to_vv(frontiers_of([(write.peer, write.counter)]))
    if version is None:
        raise RuntimeError("an operation that is in has no version")
    return version


def includes(version: VersionVector, write: Write) -> bool:
    last = version.get_last(write.peer)
    return last is not None and last >= write.counter


def _differ(writes: Sequence[Write]) -> bool:
    return len({(write.deed, json.dumps(write.value, sort_keys=True)) for write in writes}) > 1
