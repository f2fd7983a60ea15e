"""Documents and updates that the tests of the drafts start from."""

from __future__ import annotations

from appliance.bootstrap import Substrate
from appliance.core.draft import MAIN, Draft, Heads, NewEpoch, Span, Update
from tests.support.rows import NOW, SECOND, noted

FIRST = "0000000000aa"
SECOND_EPOCH = "0000000000bb"

# A peer is an unsigned number of 64 bits: more than SQLite's integers hold.
SPAN = Span((1 << 64) - 1, 0, 3, "bob", "bob-token", NOW, NOW + SECOND)


def new_epoch(
    draft: str = MAIN, epoch: str = FIRST, *, snapshot: bytes = b"snapshot", applied: int = 0, reason: str = "begun"
) -> NewEpoch:
    return NewEpoch(epoch, draft, snapshot, [SPAN], applied, Heads(f"heads of {applied}"), reason)


def opened(on: Substrate, draft: str = MAIN, epoch: str = FIRST) -> Draft:
    return on.drafts.create(new_epoch(draft, epoch), noted("draft.create", draft))


def update(seq: int, data: bytes | None = None, *, author: str = "bob") -> Update:
    text = f"update {seq}\0\xff".encode("latin-1") if data is None else data
    return Update(seq, text, author, f"{author}-token", NOW + seq * SECOND)


def updates(first: int, last: int) -> list[Update]:
    return [update(seq) for seq in range(first, last + 1)]


def logged(on: Substrate, epoch: str = FIRST) -> list[int]:
    """The numbers in the log."""
    return [found.seq for found in on.drafts.content(epoch).updates]
