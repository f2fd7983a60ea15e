"""What is stored of a document as rows: long bytes in pieces, spans packed."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from appliance.core.draft import Span

# Cloudflare Durable Objects: a value is at most 2 MB.
PIECE_BYTES = 1_500_000

# Most of a packed span is said again and again: more effort saves a tenth and takes three times as long.
_EFFORT = 1

# Packing is done while everybody waits: times as numbers take a third of the time that text does.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def pieces(data: bytes) -> Iterator[tuple[int, bytes]]:
    """At least one, so that what is empty has its row, too."""
    for number, start in enumerate(range(0, max(len(data), 1), PIECE_BYTES)):
        yield number, data[start : start + PIECE_BYTES]


def packed(spans: Sequence[Span]) -> bytes:
    """Peers are text, as JSON elsewhere has no integers of 64 bits; people are told once each."""
    people: dict[tuple[str, str], int] = {}
    rows = [
        (
            str(span.peer),
            span.start,
            span.end,
            people.setdefault((span.author, span.token_id), len(people)),
            (span.first_at - _EPOCH) // _MICROSECOND,
            (span.last_at - _EPOCH) // _MICROSECOND,
        )
        for span in spans
    ]
    return zlib.compress(json.dumps({"people": list(people), "spans": rows}).encode(), _EFFORT)


def unpacked(data: bytes) -> list[Span]:
    stored = json.loads(zlib.decompress(data))
    people = stored["people"]
    return [
        Span(int(peer), start, end, people[who][0], people[who][1], _moment(first_at), _moment(last_at))
        for peer, start, end, who, first_at, last_at in stored["spans"]
    ]


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
