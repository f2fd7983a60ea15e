"""Heads as text: the library's own bytes for frontiers, read without it, because it panics over made-up ones."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from loro import ID, Frontiers, VersionVector

from appliance.adapters.loro_doc_guard import LoroFailed, guarded, new_version
from appliance.adapters.loro_doc_numbers import read_number
from appliance.core.draft import Heads, UnknownHeads
from appliance.core.errors import Invalid

COUNTER_END = 1 << 31
PEER_END = (1 << 64) - 1  # the last number is the library's own

# More people than a document is rebuilt after cannot have written at once.
_TEXT = 64 << 10


def heads_text(frontiers: Frontiers) -> Heads:
    """Sorted by the library, here as in JavaScript: one state, one text."""
    return Heads(urlsafe_b64encode(frontiers.encode()).rstrip(b"=").decode())


def count(version: VersionVector, peer: int) -> int:
    """How many operations of the peer are in."""
    last = version.get_last(peer)
    return 0 if last is None else last + 1


def last_operations(heads: Heads) -> Sequence[tuple[int, int]]:
    """The peer and counter of each head. Raises UnknownHeads if the text is not exactly what the library writes."""
    try:
        data = _bytes(heads)
        found, at = [], 0
        count, at = read_number(data, at)
        for _ in range(count):
            peer, at = read_number(data, at)
            zigzag, at = read_number(data, at)
            found.append((peer, (zigzag >> 1) ^ -(zigzag & 1)))
    except ValueError:
        raise UnknownHeads(f"heads {heads[:80]!r}: not the URL-safe base64 of encoded frontiers") from None
    if not _canonical(heads, found):
        raise UnknownHeads(f"heads {heads[:80]!r}: not as the library encodes frontiers")
    return found


def frontiers_of(operations: Sequence[tuple[int, int]]) -> Frontiers:
    return Frontiers.from_ids([ID(peer, counter) for peer, counter in operations])


def _bytes(heads: Heads) -> bytes:
    if len(heads) > _TEXT:
        raise ValueError("too long")
    return urlsafe_b64decode(heads + "=" * (-len(heads) % 4))


def _canonical(heads: Heads, operations: Sequence[tuple[int, int]]) -> bool:
    peers = [peer for peer, _ in operations]
    if sorted(set(peers)) != peers or any(peer >= PEER_END for peer in peers):
        return False
    if any(not 0 <= counter < COUNTER_END for _, counter in operations):
        return False
    return heads_text(frontiers_of(operations)) == heads


def version_vector(version: bytes) -> VersionVector:
    """What a client says it has; empty bytes are an empty version. Raises Invalid."""
    if not version:
        return new_version()
    try:
        with guarded():
            decoded = VersionVector.decode(version)
    except LoroFailed:
        raise Invalid("version: not an encoded version vector") from None
    # Negative counts are left out of the spans. The library would take them, and export nonsense.
    clean = new_version()
    for peer, (_, end) in decoded.to_spans().inner().items():
        clean.set_end(ID(peer, end))
    return clean
