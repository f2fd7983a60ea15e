"""A draft's document in memory, beside what of it is stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from appliance.core.authors import Authors
from appliance.core.config_doc import Accepted, ConfigDoc, ConfigDocs, Deed, PeerRange, Refusal
from appliance.core.draft import Content, Drafts, Update
from appliance.core.limits import DRAFT_BYTES, DRAFT_LOG_BYTES, DRAFT_LOG_UPDATES, DRAFT_PEERS


@dataclass(frozen=True, slots=True)
class RoomLimits:
    """How much a document may hold, and after how much it is folded or rebuilt."""

    document_bytes: int = DRAFT_BYTES
    peers: int = DRAFT_PEERS
    log_updates: int = DRAFT_LOG_UPDATES
    log_bytes: int = DRAFT_LOG_BYTES


@dataclass(frozen=True, slots=True)
class News:
    """A delivery that a document took, before anybody is told. `source` delivered it."""

    update: Update
    brought: Accepted
    source: object | None


@dataclass(slots=True)
class RoomDocument:
    """All that the log up to `seq` says, and nothing else: whoever changes `doc` notes it here or drops the whole.

    `waits`: some delivery since the last snapshot waited for others.
    """

    doc: ConfigDoc
    authors: Authors
    seq: int
    snapshot_bytes: int
    log_updates: int = 0
    log_bytes: int = 0
    waits: bool = False
    seen: dict[tuple[str, str], object] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        return self.snapshot_bytes + self.log_bytes

    def note(self, update: Update, brought: Accepted) -> None:
        """The document has the update, and it is stored."""
        self.authors.record(brought.ranges, author=update.author, token_id=update.token_id, at=update.at)
        self.seq = update.seq
        self.log_updates += 1
        self.log_bytes += len(update.data)
        self.waits = self.waits or brought.waits

    def should_fold(self, limits: RoomLimits) -> bool:
        return self.log_updates > limits.log_updates or self.log_bytes > limits.log_bytes

    def fold(self, drafts: Drafts, epoch: str) -> None:
        """Put a snapshot, with its whole history, in the place of the log. Nothing in memory changes."""
        snapshot, waiting = self.doc.snapshot()
        drafts.compact(epoch, seq=self.seq, snapshot=snapshot, waiting=waiting, spans=self.authors.spans())
        self.snapshot_bytes = len(snapshot) + len(waiting)
        self.log_updates = self.log_bytes = 0
        self.waits = bool(waiting)


def load(drafts: Drafts, docs: ConfigDocs, epoch: str) -> RoomDocument:
    """The document as it is stored. Raises NotFound, Unavailable, DocBroken."""
    content = drafts.content(epoch)
    waiting = [content.waiting] if content.waiting else []
    loaded = RoomDocument(
        doc=docs.load(content.snapshot, waiting),
        authors=Authors(content.spans),
        seq=content.seq,
        snapshot_bytes=len(content.snapshot) + len(content.waiting),
        waits=bool(waiting),
    )
    _replay(loaded, docs, content)
    return loaded


def _replay(loaded: RoomDocument, docs: ConfigDocs, content: Content) -> None:
    answers = loaded.doc.accept([update.data for update in content.updates])
    applied = deque(content.applied_at)
    for update, answer in zip(content.updates, answers, strict=True):
        while applied and applied[0] < update.at:
            loaded.authors.applied(applied.popleft())
        brought = answer if isinstance(answer, Accepted) else _forced(loaded, docs, update)
        loaded.note(update, brought)
    for at in applied:
        loaded.authors.applied(at)


def reload_with(
    drafts: Drafts, docs: ConfigDocs, epoch: str, update: Update, ranges: Sequence[PeerRange]
) -> RoomDocument:
    """The document with the newest update of its log, one of ours that is more than a client may send.

    Its exact ranges are known only now, so they are stored at once.
    """
    loaded = load(drafts, docs, epoch)
    loaded.authors.record(ranges, author=update.author, token_id=update.token_id, at=update.at)
    loaded.fold(drafts, epoch)
    return loaded


def _forced(loaded: RoomDocument, docs: ConfigDocs, update: Update) -> Accepted:
    """Take a stored update that is more than a client may send: one of ours, or from before a limit was lowered.

    Its ranges are read from what it wrote. Operations that write nothing at its very end are not seen.
    """
    before = loaded.doc.heads()
    snapshot, waiting = loaded.doc.snapshot()
    loaded.doc = docs.load(snapshot, [waiting, update.data] if waiting else [update.data])
    ends: dict[int, int] = {}
    for write in loaded.doc.writes(since=before):
        letters = len(write.value) if write.deed is Deed.INSERT and isinstance(write.value, str) else 1
        ends[write.peer] = max(ends.get(write.peer, 0), write.counter + letters)
    return Accepted([PeerRange(peer, loaded.authors.end(peer), end) for peer, end in ends.items()], waits=False)


def verdict(answers: Iterable[Accepted | Refusal]) -> Accepted | Refusal:
    """One answer for all updates of a delivery: refused if one of them is."""
    ranges: list[PeerRange] = []
    waits = False
    for answer in answers:
        if isinstance(answer, Refusal):
            return answer
        ranges += answer.ranges
        waits = waits or answer.waits
    return Accepted(tuple(ranges), waits)


def size_of(updates: Sequence[bytes]) -> int:
    return sum(map(len, updates))
