"""Clients of a document on the CRDT library alone, and what a hostile one could send."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from loro import ExportMode, LoroDoc, LoroMap

from appliance.adapters.loro_doc import LoroDocs, LoroDocument
from appliance.adapters.loro_doc_guard import new_doc, new_version

# The library's checksum: XXH32 of everything from byte 20 on, in bytes 16 to 20.
_SEED = int.from_bytes(b"LORO", "little")
_SUM, _BODY = slice(16, 20), 20
_PRIMES = (2654435761, 2246822519, 3266489917, 668265263, 374761393)
_MASK = 0xFFFFFFFF


class Peer:
    """Somebody who edits a copy of their own."""

    def __init__(self, peer: int, *deliveries: bytes) -> None:
        self.doc = new_doc()
        self.doc.peer_id = peer
        for delivery in deliveries:
            self.doc.import_(delivery)

    def map(self, *path: str) -> LoroMap:
        root, *rest = path
        return reduce(LoroMap.ensure_mergeable_map, rest, self.doc.get_map(root))

    def edit(self, change: Callable[[LoroDoc], object]) -> bytes:
        """Make a change, and return the delivery that carries it."""
        before = self.doc.oplog_vv
        change(self.doc)
        self.doc.commit()
        return self.doc.export(ExportMode.Updates(before))

    def set(self, *path: str, value: object) -> bytes:
        *way, key = path
        return self.edit(lambda _: self.map(*way).insert(key, value))  # type: ignore[arg-type]

    def remove(self, *path: str) -> bytes:
        *way, key = path
        return self.edit(lambda _: self.map(*way).delete(key))

    def follow(self, document: LoroDocument) -> None:
        if missing := document.missing(self.doc.oplog_vv.encode()):
            self.doc.import_(missing)

    def everything(self) -> bytes:
        return self.doc.export(ExportMode.Updates(new_version()))


def document(*deliveries: bytes) -> LoroDocument:
    return LoroDocs().load(b"", deliveries)


def sealed(delivery: bytes) -> bytes:
    """The bytes with the checksum that belongs to them, as whoever forges a delivery would send it."""
    forged = bytearray(delivery)
    forged[_SUM] = _xxh32(bytes(forged[_BODY:])).to_bytes(4, "little")
    return bytes(forged)


def _xxh32(data: bytes) -> int:
    one, two, three, four, five = _PRIMES
    words = [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data) - len(data) % 4, 4)]
    striped = len(words) - len(words) % 4
    lanes = [_SEED + one + two, _SEED + two, _SEED, _SEED - one]
    for at, word in enumerate(words[:striped]):
        lanes[at % 4] = _left(lanes[at % 4] + word * two, 13) * one & _MASK
    mixed = sum(map(_left, lanes, (1, 7, 12, 18))) if striped else _SEED + five
    mixed += len(data)
    for word in words[striped:]:
        mixed = _left(mixed + word * three, 17) * four
    for byte in data[len(words) * 4 :]:
        mixed = _left(mixed + byte * five, 11) * one
    mixed &= _MASK
    for shift, prime in ((15, two), (13, three), (16, 1)):
        mixed = (mixed ^ mixed >> shift) * prime & _MASK
    return mixed


def _left(value: int, bits: int) -> int:
    value &= _MASK
    return (value << bits | value >> 32 - bits) & _MASK
