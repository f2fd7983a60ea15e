"""Who delivered which operations of a document: spans of counters, by peer."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from appliance.core.config_doc import PeerRange
from appliance.core.draft import Span

# What one token delivers of one peer within this time is one span: time travel is exact to it, and typing costs
# one span a second and not one a letter.
GRAIN = timedelta(seconds=1)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_GRAIN = GRAIN // _MICROSECOND

# Before every moment.
_NEVER = -(1 << 62)


class _Peer:
    """The spans of one peer in the order of their counters, none of them over another, in columns of plain numbers."""

    __slots__ = ("ends", "firsts", "lasts", "starts", "whose")

    def __init__(self) -> None:
        self.starts, self.ends = array("q"), array("q")
        self.firsts, self.lasts = array("q"), array("q")
        self.whose = array("q")

    def record(self, start: int, end: int, whose: int, at: int, *, applied: int) -> None:
        index = self._room_for(start, end)
        was_applied = bool(index) and self.firsts[index - 1] <= applied < at
        if index and not was_applied and self._goes_on(index - 1, start, whose, at):
            self.ends[index - 1] = end
            self.lasts[index - 1] = at
        else:
            self._insert(index, (start, end, whose, at, at))

    def keep(self, start: int, end: int, whose: int, *, first: int, last: int) -> None:
        self._insert(self._room_for(start, end), (start, end, whose, first, last))

    def find(self, counter: int) -> int | None:
        index = bisect_right(self.starts, counter) - 1
        return index if index >= 0 and counter < self.ends[index] else None

    def count_at(self, moment: int) -> int:
        """How many operations, without a gap, had arrived."""
        count = 0
        for start, end, last in zip(self.starts, self.ends, self.lasts, strict=True):
            if start != count or last > moment:
                break
            count = end
        return count

    def _goes_on(self, index: int, start: int, whose: int, at: int) -> bool:
        near = self.lasts[index] <= at <= self.firsts[index] + _GRAIN
        return near and self.ends[index] == start and self.whose[index] == whose

    def _room_for(self, start: int, end: int) -> int:
        """Where a range goes, once nothing else is there."""
        if not self.ends or self.ends[-1] <= start:
            return len(self.starts)
        self._clear(start, end)
        return bisect_right(self.starts, start)

    def _clear(self, start: int, end: int) -> None:
        """Cut what reaches into a range, drop what lies in it."""
        index = max(bisect_right(self.starts, start) - 1, 0)
        while index < len(self.starts) and self.starts[index] < end:
            old = (self.starts[index], self.ends[index], self.whose[index], self.firsts[index], self.lasts[index])
            if old[1] <= start:
                index += 1
                continue
            self._delete(index)
            if old[0] < start:
                self._insert(index, (old[0], start, *old[2:]))
                index += 1
            if end < old[1]:
                self._insert(index, (end, *old[1:]))

    def _insert(self, index: int, row: tuple[int, int, int, int, int]) -> None:
        for column, number in zip(self._columns(), row, strict=True):
            column.insert(index, number)

    def _delete(self, index: int) -> None:
        for column in self._columns():
            del column[index]

    def _columns(self) -> Sequence[array[int]]:
        return self.starts, self.ends, self.whose, self.firsts, self.lasts


class Authors:
    """Every operation of a document with the token that delivered it. Not for two threads at once.

    An operation that is delivered again counts for the later delivery: a document reports only what it did not
    have yet, so the earlier one still waited for others, and anybody can claim what has not arrived.
    """

    __slots__ = ("_applied", "_names", "_peers", "_whose")

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._peers: dict[int, _Peer] = {}
        self._names: list[tuple[str, str]] = []
        self._whose: dict[tuple[str, str], int] = {}
        self._applied = _NEVER
        for span in spans:
            whose, first, last = self._number(span.author, span.token_id), _micros(span.first_at), _micros(span.last_at)
            self._peer(span.peer).keep(span.start, span.end, whose, first=first, last=last)

    def record(self, ranges: Iterable[PeerRange], *, author: str, token_id: str, at: datetime) -> None:
        """Note what a delivery brought."""
        whose, micros = self._number(author, token_id), _micros(at)
        for one in ranges:
            if one.start < one.end:
                self._peer(one.peer).record(one.start, one.end, whose, micros, applied=self._applied)

    def applied(self, at: datetime) -> None:
        """A revision went live: no span from before goes on after it, so that each edit has its side of it."""
        self._applied = _micros(at)

    def who(self, peer: int, counter: int) -> Span | None:
        """The span that an operation is in; None if nobody delivered it."""
        spans = self._peers.get(peer)
        index = spans.find(counter) if spans else None
        return None if spans is None or index is None else self._span(peer, spans, index)

    def counts_at(self, moment: datetime) -> Mapping[int, int]:
        """How many operations of each peer had arrived at a moment, to the second; peers with none are left out."""
        micros = _micros(moment)
        counts = ((peer, spans.count_at(micros)) for peer, spans in self._peers.items())
        return {peer: count for peer, count in counts if count}

    def end(self, peer: int) -> int:
        """One more than the highest counter that anybody delivered of a peer; 0 for a peer never seen."""
        spans = self._peers.get(peer)
        return spans.ends[-1] if spans else 0

    def spans(self) -> Sequence[Span]:
        """All of them, by peer and counter."""
        return [
            self._span(peer, spans, index)
            for peer, spans in sorted(self._peers.items())
            for index in range(len(spans.starts))
        ]

    def _span(self, peer: int, spans: _Peer, index: int) -> Span:
        author, token_id = self._names[spans.whose[index]]
        first, last = _moment(spans.firsts[index]), _moment(spans.lasts[index])
        return Span(peer, spans.starts[index], spans.ends[index], author, token_id, first, last)

    def _peer(self, peer: int) -> _Peer:
        known = self._peers.get(peer)
        if known is None:
            known = self._peers[peer] = _Peer()
        return known

    def _number(self, author: str, token_id: str) -> int:
        number = self._whose.setdefault((author, token_id), len(self._names))
        if number == len(self._names):
            self._names.append((author, token_id))
        return number


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _moment(micros: int) -> datetime:
    return _EPOCH + micros * _MICROSECOND
