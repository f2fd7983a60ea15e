"""Merging what clients sent: which deliveries are let in, and which operations each of them brought."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from loro import EncodedBlobMode, LoroDoc, VersionVector

from appliance.adapters.loro_doc_guard import LoroFailed, guarded, loro_failure, whole
from appliance.adapters.loro_doc_heads import PEER_END, count
from appliance.adapters.loro_doc_nesting import too_deep
from appliance.adapters.loro_doc_sound import sound
from appliance.core.config_doc import Accepted, DocBroken, PeerRange, Refusal
from appliance.core.limits import SYNC_UPDATE_BYTES, SYNC_UPDATE_OPERATIONS

# How every encoding of the library begins, and the mark of updates after the checksum. Looked at first: even the
# metadata of a snapshot is had only by unpacking it, and a small one can be made to unpack to a gigabyte.
_MAGIC = b"loro"
_MARK = slice(20, 22)
_UPDATES = b"\x00\x04"

# A document never counts so far; the library counts to twice as much before it overflows.
_COUNTER_END = 1 << 30

# By peer: the first counter, and the one after the last.
Spans: TypeAlias = Mapping[int, tuple[int, int]]

_NONE: Spans = {}


def accept(doc: LoroDoc, deliveries: Sequence[bytes]) -> Sequence[Accepted | Refusal]:
    """See ConfigDoc. Raises DocBroken."""
    before = doc.oplog_vv
    answers: dict[int, Spans | Refusal] = {
        index: _examine(delivery, before) for index, delivery in enumerate(deliveries)
    }
    good = {index: deliveries[index] for index, answer in answers.items() if not isinstance(answer, Refusal)}
    refused, waiting = _merge(doc, good)
    after = doc.oplog_vv
    if after != before:
        _check(doc, before, after)
    answers |= dict.fromkeys(refused, Refusal.MALFORMED)
    claims = {index: answer for index, answer in answers.items() if not isinstance(answer, Refusal)}
    accepted = _brought(claims, before=before, after=after, waiting=waiting)
    return [answer if isinstance(answer, Refusal) else accepted[index] for index, answer in answers.items()]


def _examine(delivery: bytes, own: VersionVector) -> Spans | Refusal:
    if len(delivery) > SYNC_UPDATE_BYTES:
        return Refusal.TOO_LARGE
    if delivery[_MARK] != _UPDATES:
        return Refusal.NOT_UPDATES if delivery.startswith(_MAGIC) else Refusal.MALFORMED
    try:
        meta = LoroDoc.decode_import_blob_meta(delivery, True)
    except BaseException as failure:  # noqa: BLE001 - `guarded` for each would cost a quarter of this
        loro_failure(failure)
        return Refusal.MALFORMED
    if meta.mode != EncodedBlobMode.Updates or too_deep(delivery):
        return Refusal.MALFORMED
    return _measure(meta.partial_end_vv.sub_vec(meta.partial_start_vv).inner(), own)


def _measure(spans: Spans, own: VersionVector) -> Spans | Refusal:
    operations = 0
    for peer, (start, end) in spans.items():
        if peer >= PEER_END or not 0 <= start <= end <= _COUNTER_END:
            return Refusal.MALFORMED
        operations += max(end - max(start, count(own, peer)), 0)
    return spans if operations <= SYNC_UPDATE_OPERATIONS else Refusal.TOO_LARGE


def _merge(doc: LoroDoc, deliveries: Mapping[int, bytes]) -> tuple[Sequence[int], Spans]:
    """Which ones the library chokes on, and what waits for other operations.

    All at once, because that is up to ten times faster; one by one only to find the culprits.
    """
    if not deliveries:
        return (), _NONE
    before = doc.oplog_vv
    try:
        with guarded():
            pending = doc.import_batch(list(deliveries.values())).pending
    except LoroFailed as failure:
        if failure.panic or doc.oplog_vv != before:
            raise _broken(failure) from failure
        return _one_by_one(doc, deliveries)
    return (), pending.inner() if pending else _NONE


def _one_by_one(doc: LoroDoc, deliveries: Mapping[int, bytes]) -> tuple[Sequence[int], Spans]:
    refused: list[int] = []
    waiting = _waiting(doc)
    for index, delivery in deliveries.items():
        before = doc.oplog_vv
        try:
            with guarded():
                doc.import_(delivery)
        except LoroFailed as failure:
            if failure.panic or (doc.oplog_vv, _waiting(doc)) != (before, waiting):
                raise _broken(failure) from failure
            refused.append(index)
        waiting = _waiting(doc)
    return refused, waiting


def _check(doc: LoroDoc, before: VersionVector, after: VersionVector) -> None:
    """Raises DocBroken."""
    with whole():
        good = sound(doc, since=before, until=after)
    if not good:
        raise DocBroken("a delivery has operations that the library never writes")


def _broken(failure: LoroFailed) -> DocBroken:
    return DocBroken(f"a delivery broke the document: {failure}")


def _waiting(doc: LoroDoc) -> Spans:
    with whole():
        pending = doc.export_pending_updates()
        if not pending:
            return _NONE
        meta = LoroDoc.decode_import_blob_meta(pending, check_checksum=False)
        return meta.partial_end_vv.sub_vec(meta.partial_start_vv).inner()


def _brought(
    claims: Mapping[int, Spans], *, before: VersionVector, after: VersionVector, waiting: Spans
) -> Mapping[int, Accepted]:
    by_peer: dict[int, list[tuple[int, int, int]]] = {}
    for index, spans in claims.items():
        for peer, (start, end) in spans.items():
            by_peer.setdefault(peer, []).append((start, index, end))
    ranges: dict[int, list[PeerRange]] = {index: [] for index in claims}
    waits: set[int] = set()
    for peer, found in by_peer.items():
        reached, known = count(before, peer), count(after, peer)
        for start, index, end in sorted(found):
            ranges[index] += _parts(peer, max(start, reached), end, known=known, waiting=waiting.get(peer))
            reached = max(reached, end)
            if end > known:
                waits.add(index)
    return {index: Accepted(tuple(ranges[index]), index in waits) for index in claims}


def _parts(peer: int, start: int, end: int, *, known: int, waiting: tuple[int, int] | None) -> Iterator[PeerRange]:
    """The part that is in, and the part that waits: a delivery may leave out what lies between them."""
    if start < min(end, known):
        yield PeerRange(peer, start, min(end, known))
    first, last = waiting or (known, end)
    if max(start, known, first) < min(end, last):
        yield PeerRange(peer, max(start, known, first), min(end, last))
