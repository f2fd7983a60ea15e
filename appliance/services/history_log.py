"""Every write of one document in the order in which they arrived, each with who delivered it and what stood there."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from appliance.core.config_doc import Deed, Write
from appliance.core.draft import Epoch, Heads, Span
from appliance.core.draft_tree import ContainerKind, kind_at
from appliance.services.derive import SOMEBODY

WhoWrote = Callable[[int, int], Span | None]

_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Position(NamedTuple):
    """Where something stands in a history: by the moment of its arrival, and in an order of its own within one.

    A revision stands behind the writes of its moment. Nothing that arrives later changes a position.
    """

    micros: int
    rank: int
    number: int
    peer: int
    counter: int


# What comes after every position of a document, and where the document begins.
LATEST = Position(2**52, 0, 0, 0, 0)
BEGINNING = Position(0, 0, 0, 0, 0)


class Written(NamedTuple):
    """A write at `position`. `before` is what showed at its place until then, None if nothing was said.

    What is written in a text is not kept. A tuple, because there are tens of thousands.
    """

    position: Position
    path: tuple[str, ...]
    deed: Deed
    value: object
    author: str
    before: Written | None

    @property
    def at(self) -> datetime:
        return moment_of(self.position.micros)

    @property
    def shows(self) -> bool:
        """Did it show once it had arrived? What was written in sight of more does not, if it came late."""
        return self.before is None or _weight(self) > _weight(self.before)


@dataclass(slots=True)
class Chronicle:
    """Follows a document. Its very beginning, which nobody edited, counts only for what stood there.

    Callers see to it that only one is in it at a time. `is_whole`: nobody edits the document any more, and all of it
    is here.
    """

    epoch: Epoch
    is_whole: bool = False
    writes: list[Written] = field(default_factory=list)
    heads: Heads | None = None
    _showing: dict[tuple[str, ...], Written] = field(default_factory=dict)

    def take(self, writes: Iterable[Write], who: WhoWrote, *, heads: Heads) -> None:
        """Add what is new in the document since the last time. It is at `heads` now."""
        spans, began = _Spans(who), micros_of(self.epoch.began_at)
        given: list[Written] = []
        for write in writes:
            span = spans.of(write)
            if self._is_beginning(span, began):
                self._show(_written(write, span))
            else:
                given.append(_written(write, span))
        self._insert(given)
        self.heads = heads

    def before(self, position: Position) -> int:
        """How many of the writes stand before a position."""
        return bisect_left(self.writes, position, key=lambda one: one.position)

    def _insert(self, given: list[Written]) -> None:
        """Late ones take their place among the others, which are taken back one by one to see what stood there."""
        if not given:
            return
        first = min(one.position for one in given)
        while self.writes and self.writes[-1].position > first:
            last = self.writes.pop()
            given.append(last._replace(before=None))
            self._hide(last)
        given.sort(key=lambda one: one.position)
        self.writes.extend(map(self._show, given))

    def _show(self, one: Written) -> Written:
        before = self._showing.get(one.path)
        shown = one if before is None else one._replace(before=before)
        if before is None or _weight(one) > _weight(before):
            self._showing[one.path] = shown
        return shown

    def _hide(self, last: Written) -> None:
        if not last.shows:
            return
        if last.before is None:
            del self._showing[last.path]
        else:
            self._showing[last.path] = last.before

    def _is_beginning(self, span: Span | None, began: int) -> bool:
        """Written when the document was made: what was live, without a token, or what its maker brought along."""
        if span is None or micros_of(span.first_at) > began:
            return False
        return not span.token_id or span.author == self.epoch.began_by


@dataclass(slots=True)
class _Spans:
    """Most writes of a peer are in the span of the one before."""

    who: WhoWrote
    _last: dict[int, Span] = field(default_factory=dict)

    def of(self, write: Write) -> Span | None:
        known = self._last.get(write.peer)
        if known is None or not known.start <= write.counter < known.end:
            known = self.who(write.peer, write.counter)
            if known is not None:
                self._last[write.peer] = known
        return known


def micros_of(moment: datetime) -> int:
    return (moment - _ZERO) // _MICROSECOND


def moment_of(micros: int) -> datetime:
    return _ZERO + micros * _MICROSECOND


def _written(write: Write, span: Span | None) -> Written:
    # Later than the beginning, whoever it was.
    micros = 1 if span is None else micros_of(span.first_at)
    position = Position(micros, 0, write.lamport, write.peer, write.counter)
    author = SOMEBODY if span is None else span.author
    value = None if kind_at(write.path) is ContainerKind.TEXT else write.value
    return Written(position, write.path, write.deed, value, author, None)


def _weight(one: Written) -> tuple[int, int]:
    """The library lets the later one by this show."""
    return one.position.number, one.position.peer
