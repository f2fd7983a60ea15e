"""A revision and what the drafts say of it are one step, on every substrate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.bootstrap import Substrate
from appliance.core.draft import MAIN, Heads, Merge, RoomMoved
from appliance.core.errors import Conflict
from appliance.core.fires import Policy
from appliance.core.ledger import NewSchedule
from appliance.core.revision import NewRevision
from appliance.core.schedule import Schedule
from tests.support.draft_rows import FIRST, SECOND_EPOCH, logged, new_epoch, opened, update, updates
from tests.support.harness import Harness
from tests.support.rows import NOW, SECOND, at_once, audited, noted

HEADS = Heads("heads of the apply")
SCHEDULES = [NewSchedule("orders", Schedule("every 1m", "UTC"), Policy(), False, "appliance", NOW + SECOND)]


def _new(based_on: int = 0, *, by: str = "alice", reverts: int | None = None) -> NewRevision:
    return NewRevision(
        based_on, f"digest of {based_on + 1}", "text", {}, {}, by, NOW, MAIN, FIRST, HEADS, reverts
    )  # fmt: skip


def _state(on: Substrate) -> object:
    """All that an apply may change."""
    epochs = [epoch.epoch for name in (MAIN, "another") for epoch in on.drafts.epochs(name)]
    contents = [on.drafts.content(epoch) for epoch in epochs]
    revisions = on.revisions.list(before=None, limit=10)
    return revisions, on.schedules.list(), audited(on), on.drafts.list(), contents


def test_a_revision_says_of_which_document_it_is(on: Substrate) -> None:
    revision = on.revisions.add(_new(), [], noted())

    assert revision == on.revisions.get(1)
    assert (revision.draft, revision.epoch, revision.heads, revision.reverts) == (MAIN, FIRST, HEADS, None)


def test_an_apply_lets_every_draft_of_it_say_so(on: Substrate) -> None:
    opened(on)
    opened(on, "another", SECOND_EPOCH)
    opened(on, "untouched", "0000000000cc")
    on.drafts.append(FIRST, updates(1, 2))

    on.revisions.add(
        _new(), SCHEDULES, noted("config.apply"), [Merge(FIRST, HEADS, update(3)), Merge(SECOND_EPOCH, Heads("its"))]
    )

    applied = [(draft.name, draft.applied, draft.applied_heads) for draft in on.drafts.list()]
    assert applied == [("another", 1, "its"), (MAIN, 1, HEADS), ("untouched", 0, "heads of 0")]
    assert on.drafts.content(FIRST).updates == updates(1, 3)
    assert logged(on, SECOND_EPOCH) == []
    assert [armed.revision for armed in on.schedules.list()] == [1]


def test_a_refused_revision_leaves_the_drafts_as_they_were(on: Substrate) -> None:
    opened(on)
    on.revisions.add(_new(), [], noted(), [Merge(FIRST, HEADS, update(1))])
    before = _state(on)

    with pytest.raises(Conflict, match="moved on from revision 0: alice applied revision 1") as refused:
        on.revisions.add(_new(), SCHEDULES, noted(), [Merge(FIRST, Heads("other"), update(2))])

    assert not isinstance(refused.value, RoomMoved)
    assert _state(on) == before


@pytest.mark.parametrize("with_update", [True, False])
@pytest.mark.parametrize("place", [0, 1])
def test_a_document_that_ended_refuses_the_revision_with_all_of_it(
    on: Substrate, with_update: bool, place: int
) -> None:
    on.revisions.add(_new(), [], noted())
    opened(on)
    opened(on, "another", SECOND_EPOCH)
    on.drafts.rebuild(new_epoch(epoch="0000000000cc"), noted(), instead_of=FIRST)
    merges = [Merge(SECOND_EPOCH, HEADS, update(1))]
    merges.insert(place, Merge(FIRST, HEADS, update(1) if with_update else None))
    before = _state(on)

    with pytest.raises(RoomMoved, match=r"goes on as config:main:0000000000cc"):
        on.revisions.add(_new(1, reverts=0), SCHEDULES, noted(), merges)

    assert _state(on) == before


def test_a_document_of_a_discarded_draft_refuses_the_revision(on: Substrate) -> None:
    opened(on, "another")
    on.drafts.discard("another", noted())

    with pytest.raises(RoomMoved, match="draft another was discarded"):
        on.revisions.add(_new(), SCHEDULES, noted(), [Merge(FIRST, HEADS)])

    assert on.revisions.head() is None


def test_a_number_that_is_taken_refuses_the_revision_and_tells_the_next(on: Substrate) -> None:
    opened(on)
    on.drafts.append(FIRST, updates(1, 2))
    before = _state(on)

    with pytest.raises(Conflict, match=f"config:main:{FIRST}: its next update is 3"):
        on.revisions.add(_new(), SCHEDULES, noted(), [Merge(FIRST, HEADS, update(2))])

    assert _state(on) == before


def test_an_apply_and_its_revert_are_merged_alike(on: Substrate) -> None:
    opened(on)
    for number in range(2):
        on.revisions.add(_new(number), [], noted(), [Merge(FIRST, HEADS, update(number + 1))])

    on.revisions.add(_new(2, reverts=1), [], noted(), [Merge(FIRST, Heads("back"), update(3))])

    assert [found.undone_by for found in on.revisions.list(before=None, limit=9).items] == [None, 3, None]
    assert (on.drafts.get(MAIN).applied, on.drafts.get(MAIN).applied_heads) == (3, "back")
    assert logged(on) == [1, 2, 3]


def test_of_eight_that_apply_at_once_only_the_winner_is_in_the_log(on: Substrate) -> None:
    opened(on)

    def apply(number: int) -> str | None:
        member = f"member {number}"
        merge = Merge(FIRST, Heads(member), update(1, author=member))
        try:
            return on.revisions.add(_new(by=member), [], noted(), [merge]).applied_by
        except Conflict:
            return None

    [winner] = [member for member in at_once(apply) if member]

    assert [found.author for found in on.drafts.content(FIRST).updates] == [winner]
    assert on.drafts.get(MAIN).applied_heads == winner


def test_what_was_merged_is_there_after_a_restart(harness: Harness) -> None:
    opened(harness.on)
    harness.on.revisions.add(_new(), SCHEDULES, noted(), [Merge(FIRST, HEADS, update(1))])
    before = _state(harness.on)

    harness.restart()

    assert _state(harness.on) == before


def test_a_rebuilt_document_is_merged_into_as_the_first_was(on: Substrate) -> None:
    opened(on)
    on.drafts.append(FIRST, updates(1, 5))
    on.drafts.rebuild(replace(new_epoch(epoch=SECOND_EPOCH), applied=0), noted(), instead_of=FIRST)

    on.revisions.add(replace(_new(), epoch=SECOND_EPOCH), [], noted(), [Merge(SECOND_EPOCH, HEADS, update(1))])

    assert logged(on, SECOND_EPOCH) == [1]
    assert (on.drafts.get(MAIN).epoch, on.drafts.get(MAIN).applied) == (SECOND_EPOCH, 1)
