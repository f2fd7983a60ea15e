"""Drafts are opened, rebuilt and discarded, and what was stored of them stays, on every substrate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.bootstrap import Substrate
from appliance.core.draft import MAIN, Content, Draft, Epoch, Heads, Merge, NewEpoch, RoomMoved, Span
from appliance.core.errors import Conflict, NotFound, TooLarge
from appliance.core.event import AuditEntry
from appliance.core.limits import DRAFTS
from tests.support.draft_rows import FIRST, SECOND_EPOCH, SPAN, logged, new_epoch, opened, update, updates
from tests.support.harness import Harness
from tests.support.rows import HOSTILE, NOW, SECOND, at_once, audited, noted

LATER = AuditEntry(NOW + SECOND, "carol", "draft.rebuild", MAIN)


def test_there_is_no_draft_at_first(on: Substrate) -> None:
    assert on.drafts.list() == []
    assert on.drafts.epochs(MAIN) == []
    with pytest.raises(NotFound, match="no draft main"):
        on.drafts.get(MAIN)
    with pytest.raises(NotFound, match=FIRST):
        on.drafts.content(FIRST)


def test_a_draft_is_kept_as_it_was_opened(on: Substrate) -> None:
    draft = on.drafts.create(new_epoch("try-this", applied=7), noted("draft.create", "try-this"))

    assert draft == on.drafts.get("try-this") == Draft("try-this", FIRST, 7, Heads("heads of 7"), "alice", NOW)
    assert on.drafts.content(FIRST) == Content(b"snapshot", b"", 0, [SPAN], [])
    assert on.drafts.epochs("try-this") == [Epoch(FIRST, "try-this", "begun", "alice", NOW, None)]
    assert audited(on) == [("alice", "draft.create", "try-this")]


def test_open_drafts_are_listed_by_name(on: Substrate) -> None:
    for number, name in enumerate(["b", "main", "a"]):
        opened(on, name, f"{number:012x}")

    assert [draft.name for draft in on.drafts.list()] == ["a", "b", "main"]
    assert on.drafts.list()[0] == on.drafts.get("a")


def test_of_eight_that_open_one_name_one_wins(on: Substrate) -> None:
    def create(number: int) -> str | None:
        try:
            return on.drafts.create(new_epoch("one", f"{number:012x}"), noted("draft.create")).epoch
        except Conflict:
            return None

    results = at_once(create)

    assert sorted(results, key=str)[1:] == [None] * 7
    assert [on.drafts.get("one").epoch] == [epoch for epoch in results if epoch]
    assert len(on.drafts.epochs("one")) == 1
    assert len(audited(on)) == 1


def test_a_name_that_is_open_is_refused_and_changes_nothing(on: Substrate) -> None:
    opened(on)
    before = on.drafts.list()

    with pytest.raises(Conflict, match="draft main is open already"):
        on.drafts.create(new_epoch(epoch=SECOND_EPOCH), noted())

    assert on.drafts.list() == before
    assert len(audited(on)) == 1
    with pytest.raises(NotFound):
        on.drafts.content(SECOND_EPOCH)


def test_an_epoch_that_was_given_out_is_refused_and_changes_nothing(on: Substrate) -> None:
    opened(on)

    with pytest.raises(Conflict, match=f"a document {FIRST} already"):
        opened(on, "another")
    with pytest.raises(Conflict, match=f"a document {FIRST} already"):
        on.drafts.rebuild(new_epoch(), noted(), instead_of=FIRST)

    assert [draft.name for draft in on.drafts.list()] == [MAIN]
    assert [epoch.ended_at for epoch in on.drafts.epochs(MAIN)] == [None]


def test_so_many_drafts_may_be_open_and_main_always(on: Substrate) -> None:
    for number in range(DRAFTS):
        opened(on, f"draft-{number}", f"{number:012x}")

    with pytest.raises(TooLarge, match=f"DRAFTS: {DRAFTS} drafts are open"):
        opened(on, "one-more", "00000000ffff")
    opened(on, MAIN, "00000000eeee")
    on.drafts.discard("draft-0", noted())
    on.drafts.discard("draft-1", noted())
    opened(on, "one-more", "00000000ffff")

    assert len(on.drafts.list()) == DRAFTS


def test_a_discarded_draft_is_closed_and_keeps_its_content(on: Substrate) -> None:
    opened(on, "try-this")
    on.drafts.append(FIRST, updates(1, 2))
    content = on.drafts.content(FIRST)

    on.drafts.discard("try-this", replace(LATER, action="draft.discard"))

    assert on.drafts.list() == []
    assert on.drafts.content(FIRST) == content
    assert [epoch.ended_at for epoch in on.drafts.epochs("try-this")] == [NOW + SECOND]
    assert audited(on)[-1][:2] == ("carol", "draft.discard")
    with pytest.raises(RoomMoved, match="draft try-this was discarded"):
        on.drafts.append(FIRST, [update(3)])


def test_a_discarded_name_can_be_opened_again(on: Substrate) -> None:
    opened(on, "try-this")
    on.drafts.discard("try-this", noted())

    draft = opened(on, "try-this", SECOND_EPOCH)

    assert on.drafts.get("try-this") == draft
    assert [epoch.epoch for epoch in on.drafts.epochs("try-this")] == [SECOND_EPOCH, FIRST]


def test_main_and_what_is_not_open_cannot_be_discarded(on: Substrate) -> None:
    draft = opened(on)

    with pytest.raises(Conflict, match="main"):
        on.drafts.discard(MAIN, noted())
    with pytest.raises(NotFound, match="nothing-of-that-name"):
        on.drafts.discard("nothing-of-that-name", noted())

    assert on.drafts.list() == [draft]
    assert len(audited(on)) == 1


def test_a_rebuilt_draft_goes_on_in_a_new_document(on: Substrate) -> None:
    before = opened(on)
    on.drafts.append(FIRST, updates(1, 2))
    new = NewEpoch(SECOND_EPOCH, MAIN, b"rebuilt", [], 3, Heads("other"), "too many peers")

    draft = on.drafts.rebuild(new, LATER, instead_of=FIRST)

    assert draft == on.drafts.get(MAIN) == replace(before, epoch=SECOND_EPOCH, applied=3, applied_heads=Heads("other"))
    assert on.drafts.content(SECOND_EPOCH) == Content(b"rebuilt", b"", 0, [], [])
    assert logged(on) == [1, 2]
    assert on.drafts.epochs(MAIN) == [
        Epoch(SECOND_EPOCH, MAIN, "too many peers", "carol", NOW + SECOND, None),
        Epoch(FIRST, MAIN, "begun", "alice", NOW, NOW + SECOND),
    ]
    on.drafts.append(SECOND_EPOCH, [update(1)])
    with pytest.raises(RoomMoved, match=f"goes on as config:main:{SECOND_EPOCH}"):
        on.drafts.append(FIRST, [update(3)])


def test_epochs_are_in_order_although_the_clock_was_set_back(on: Substrate) -> None:
    opened(on)

    on.drafts.rebuild(new_epoch(epoch=SECOND_EPOCH), replace(LATER, at=NOW - SECOND), instead_of=FIRST)

    assert [epoch.epoch for epoch in on.drafts.epochs(MAIN)] == [SECOND_EPOCH, FIRST]


@pytest.mark.parametrize("stale", [FIRST, "0000000000ff"])
def test_a_rebuild_of_a_document_that_the_draft_is_no_longer_at_changes_nothing(on: Substrate, stale: str) -> None:
    opened(on)
    on.drafts.rebuild(new_epoch(epoch=SECOND_EPOCH), noted(), instead_of=FIRST)
    before = (on.drafts.list(), on.drafts.epochs(MAIN), audited(on))

    with pytest.raises(RoomMoved):
        on.drafts.rebuild(new_epoch(epoch="0000000000cc"), noted(), instead_of=stale)

    assert (on.drafts.list(), on.drafts.epochs(MAIN), audited(on)) == before


def test_a_document_of_another_draft_cannot_be_rebuilt(on: Substrate) -> None:
    opened(on)
    opened(on, "another", SECOND_EPOCH)

    with pytest.raises(RoomMoved, match=f"draft another is not at document {FIRST}"):
        on.drafts.rebuild(new_epoch("another", "0000000000cc"), noted(), instead_of=FIRST)

    assert [draft.epoch for draft in on.drafts.list()] == [SECOND_EPOCH, FIRST]
    assert [epoch.ended_at for epoch in on.drafts.epochs("another")] == [None]


def test_of_eight_that_rebuild_one_document_one_wins(on: Substrate) -> None:
    opened(on)

    def rebuild(number: int) -> str | None:
        try:
            return on.drafts.rebuild(new_epoch(epoch=f"{number:012x}"), noted(), instead_of=FIRST).epoch
        except RoomMoved:
            return None

    results = at_once(rebuild)

    assert [on.drafts.get(MAIN).epoch] == [epoch for epoch in results if epoch]
    assert [epoch.ended_at for epoch in on.drafts.epochs(MAIN)] == [None, NOW]


def test_a_draft_catches_up_with_a_revision_that_was_applied_without_it(on: Substrate) -> None:
    before = opened(on)
    on.drafts.append(FIRST, [update(1)])

    on.drafts.catch_up(Merge(FIRST, Heads("caught up"), update(2)), applied=4, audit=LATER)

    assert on.drafts.get(MAIN) == replace(before, applied=4, applied_heads=Heads("caught up"))
    assert logged(on) == [1, 2]
    assert audited(on)[-1] == ("carol", LATER.action, MAIN)


def test_a_draft_that_cannot_catch_up_is_left_as_it_was(on: Substrate) -> None:
    opened(on)
    on.drafts.append(FIRST, [update(1)])
    before = (on.drafts.list(), on.drafts.content(FIRST), audited(on))

    with pytest.raises(Conflict, match="next update is 2"):
        on.drafts.catch_up(Merge(FIRST, Heads("other"), update(1)), applied=4, audit=LATER)
    for merge in (Merge(SECOND_EPOCH, Heads("other")), Merge(SECOND_EPOCH, Heads("other"), update(1))):
        with pytest.raises(RoomMoved):
            on.drafts.catch_up(merge, applied=4, audit=LATER)

    assert (on.drafts.list(), on.drafts.content(FIRST), audited(on)) == before


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_kept_as_it_is(on: Substrate, text: str) -> None:
    span = Span(0, 0, 1, text, text, NOW, NOW)
    new = NewEpoch(FIRST, "any", text.encode(), [span], 0, Heads(text), text)

    draft = on.drafts.create(new, noted(actor=text))
    on.drafts.append(FIRST, [replace(update(1, author=text), data=text.encode())])

    assert (draft.applied_heads, draft.created_by) == (text, text)
    assert on.drafts.list() == [draft]
    assert on.drafts.epochs("any") == [Epoch(FIRST, "any", text, text, NOW, None)]
    content = on.drafts.content(FIRST)
    assert (content.snapshot, content.spans) == (text.encode(), [span])
    assert [(found.data, found.author) for found in content.updates] == [(text.encode(), text)]


def test_drafts_are_there_after_a_restart(harness: Harness) -> None:
    opened(harness.on)
    harness.on.drafts.append(FIRST, updates(1, 3))
    harness.on.drafts.compact(FIRST, seq=2, snapshot=b"two", waiting=b"waiting", spans=[SPAN])
    before = (harness.on.drafts.list(), harness.on.drafts.content(FIRST), harness.on.drafts.epochs(MAIN))

    harness.restart()

    assert (
        harness.on.drafts.list(), harness.on.drafts.content(FIRST), harness.on.drafts.epochs(MAIN)
    ) == before  # fmt: skip
