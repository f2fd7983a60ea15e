"""What a history tells, newest first: bursts of edits, revisions that were applied, and how a document began."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from appliance.core.draft import MAIN, Epoch
from appliance.services.history_log import Chronicle, Position, Written, micros_of
from appliance.services.history_words import Edit, edits_of, touches

# After a pause of this length the same person's edits are told as another entry.
PAUSE = timedelta(minutes=1)

# Whoever writes more places at once than this gets the newest of them told, and the number of the rest.
EDITS = 100

# An apply that writes in a draft does so right after it took the time.
_MOMENT = timedelta(seconds=10)

_PAUSE = PAUSE // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Edited:
    """What one member did without a long pause and without anybody else in between. `more` are edits left out."""

    author: str
    first_at: datetime
    last_at: datetime
    edits: Sequence[Edit]
    more: int


@dataclass(frozen=True, slots=True)
class Applied:
    """A revision went live. `reverts` is the one that it brought back.

    `writes`: it was not in the main draft yet, and was written there.
    """

    number: int
    author: str
    at: datetime
    draft: str
    epoch: str
    reverts: int | None
    writes: bool


@dataclass(frozen=True, slots=True)
class Began:
    """The document was made: the draft's first one, or one in the place of an older one."""

    epoch: Epoch

    @property
    def author(self) -> str:
        return self.epoch.began_by


Entry = Edited | Applied | Began


@dataclass(frozen=True, slots=True)
class Sift:
    """Which entries are wanted; those about no pipeline are left out where one is asked for."""

    pipeline: str | None = None
    member: str | None = None

    def edited(self, burst: Sequence[Written]) -> Edited | None:
        if self.member is not None and burst[0].author != self.member:
            return None
        if self.pipeline is not None:
            if not touches(burst, self.pipeline):
                return None
            burst = [one for one in burst if touches([one], self.pipeline)]
        edits = edits_of(burst)
        told = sorted(edits[-EDITS:], key=lambda edit: (edit.path, edit.kind))
        return Edited(burst[0].author, burst[0].at, burst[-1].at, told, len(edits) - len(told))

    def wants(self, entry: Applied | Began) -> bool:
        return self.pipeline is None and self.member in (None, entry.author)


@dataclass(slots=True)
class Walk:
    """Goes back through one document from a position, exclusive. `applied` are the revisions left, newest first."""

    chronicle: Chronicle
    applied: Iterator[Applied]
    before: Position
    _next: tuple[Position, Applied] | None = None

    def __iter__(self) -> Iterator[tuple[Position, Sequence[Written] | Applied]]:
        """Bursts and revisions, each with the position of its oldest part."""
        index = self.chronicle.before(self.before)
        self._advance()
        while index or self._next:
            newest = self.chronicle.writes[index - 1] if index else None
            if self._next and (newest is None or self._next[0] > newest.position):
                yield self._next
                self._advance()
            else:
                start = self._start(index)
                yield self.chronicle.writes[start].position, self.chronicle.writes[start:index]
                index = start

    def _start(self, index: int) -> int:
        """Where the burst begins that ends before `index`."""
        writes = self.chronicle.writes
        start = index - 1
        while start:
            one, earlier = writes[start], writes[start - 1]
            if earlier.author != one.author or one.position.micros - earlier.position.micros > _PAUSE:
                break
            if self._next and earlier.position < self._next[0]:
                break
            start -= 1
        return start

    def _advance(self) -> None:
        # The clock may have been set back between two of them: they stay in the order of their numbers.
        bound = self._next[0] if self._next else self.before
        applied = next(self.applied, None)
        if applied is None:
            self._next = None
        else:
            place = self._place(applied)
            self._next = (min(place, bound._replace(rank=1, number=applied.number)), applied)

    def _place(self, applied: Applied) -> Position:
        """After what it wrote into the draft itself."""
        micros = max(micros_of(applied.at), micros_of(self.chronicle.epoch.began_at))
        if applied.writes and self.chronicle.epoch.draft == MAIN:
            micros = self._written_until(applied, micros)
        return Position(micros, 1, applied.number, 0, 0)

    def _written_until(self, applied: Applied, micros: int) -> int:
        index = self.chronicle.before(Position(micros, 0, 0, 0, 0))
        if index == len(self.chronicle.writes):
            return micros
        first = self.chronicle.writes[index]
        soon = first.position.micros - micros_of(applied.at) <= _MOMENT // timedelta(microseconds=1)
        return first.position.micros if soon and first.author == applied.author else micros
