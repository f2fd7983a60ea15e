"""Revisions are numbered, never change, and arm their schedules, on every substrate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.bootstrap import Substrate
from appliance.core.errors import Conflict, Invalid, NotFound
from appliance.core.fires import LedgerEntry, Policy, Reason
from appliance.core.ledger import Firing, NewSchedule
from appliance.core.pipeline import Catchup, Overlap
from appliance.core.revision import NewRevision, Revision
from appliance.core.schedule import Schedule
from tests.support.harness import Harness
from tests.support.rows import HOSTILE, NOW, SECOND, all_pages, at_once, audited, noted

MINUTE = 60 * SECOND


def _new(based_on: int = 0, *, by: str = "alice") -> NewRevision:
    return NewRevision(
        based_on, f"digest of {based_on + 1}", "text", {"pipeline": [{"id": "orders"}]}, {"a.toml": "# sent\r\n"},
        by, NOW + based_on * SECOND,
    )  # fmt: skip


def _schedule(pipeline_id: str = "orders", text: str = "every 1m", zone: str = "UTC") -> NewSchedule:
    return NewSchedule(pipeline_id, Schedule(text, zone), Policy(), False, "appliance", NOW + MINUTE)


def _add(on: Substrate, *schedules: NewSchedule, based_on: int | None = None) -> Revision:
    number = (on.revisions.head_number() or 0) if based_on is None else based_on
    return on.revisions.add(_new(number), schedules, noted("config.apply"))


def test_there_is_no_revision_at_first(on: Substrate) -> None:
    assert on.revisions.head() is None
    assert on.revisions.head_number() is None
    assert on.revisions.list(before=None, limit=10).items == []
    with pytest.raises(NotFound):
        on.revisions.get(1)


def test_a_revision_is_kept_as_it_was_applied(on: Substrate) -> None:
    new = _new()

    revision = on.revisions.add(new, [], noted("config.apply"))

    assert revision == on.revisions.get(1) == on.revisions.head()
    assert revision == Revision(1, new.digest, new.manifest, new.value, new.uploads, "alice", NOW)
    assert audited(on) == [("alice", "config.apply", "revision 1")]


def test_revisions_are_numbered_and_the_newest_is_the_head(on: Substrate) -> None:
    assert [_add(on).number for _ in range(3)] == [1, 2, 3]
    assert on.revisions.head_number() == 3
    assert on.revisions.get(1).digest == "digest of 1"


@pytest.mark.parametrize("based_on", [0, 1, 3, 100])
def test_a_revision_that_is_not_based_on_the_head_is_refused_and_changes_nothing(on: Substrate, based_on: int) -> None:
    for _ in range(2):
        _add(on, _schedule())
    before = (on.revisions.list(before=None, limit=10), on.schedules.list(), audited(on))

    with pytest.raises(Conflict, match=f"revision {based_on}: alice applied revision 2"):
        _add(on, _schedule("another"), based_on=based_on)

    assert (on.revisions.list(before=None, limit=10), on.schedules.list(), audited(on)) == before


@pytest.mark.parametrize("based_on", [1, 7])
def test_the_first_revision_is_based_on_nothing(on: Substrate, based_on: int) -> None:
    with pytest.raises(Conflict):
        _add(on, based_on=based_on)

    assert on.revisions.head() is None


def test_of_eight_that_apply_on_one_head_one_wins(on: Substrate) -> None:
    _add(on)

    def apply(number: int) -> int | None:
        try:
            schedules = [_schedule(f"of-{number}")]
            return on.revisions.add(_new(1, by=f"member {number}"), schedules, noted(actor=f"member {number}")).number
        except Conflict:
            return None

    results = at_once(apply)

    assert sorted(results, key=str) == [2] + [None] * 7
    winner = on.revisions.get(2).applied_by
    assert [actor for actor, _, _ in audited(on)[1:]] == [winner]
    assert [armed.pipeline_id for armed in on.schedules.list()] == [f"of-{winner[-1]}"]


def test_exactly_the_schedules_of_the_head_are_armed(on: Substrate) -> None:
    _add(on, _schedule("one"), _schedule("two"))
    _add(on, _schedule("two"), _schedule("three"))

    assert [(armed.pipeline_id, armed.revision) for armed in on.schedules.list()] == [("three", 2), ("two", 2)]

    _add(on)
    assert on.schedules.list() == []


def _fire_once(on: Substrate) -> None:
    [armed] = on.schedules.list()
    due_at = NOW + MINUTE
    entry = LedgerEntry(due_at, due_at, 1, Reason.PAUSED)
    on.schedules.record([Firing(armed, [entry], [], False, due_at, due_at + MINUTE)], [], now=due_at)


def test_an_unchanged_schedule_keeps_its_position_and_takes_its_new_policy(on: Substrate) -> None:
    _add(on, _schedule())
    _fire_once(on)
    [before] = on.schedules.list()
    policy = Policy(Catchup.ALL, 9, Overlap.ALLOW)

    _add(on, replace(_schedule(), policy=policy, paused=True, placement="any-laptop"))

    [after] = on.schedules.list()
    assert after == replace(before, revision=2, policy=policy, paused=True, placement="any-laptop")
    assert after.last_expected == NOW + MINUTE


@pytest.mark.parametrize(("text", "zone"), [("every 2m", "UTC"), ("every 1m", "Europe/Berlin")])
def test_a_schedule_with_another_time_starts_anew(on: Substrate, text: str, zone: str) -> None:
    _add(on, _schedule())
    _fire_once(on)

    _add(on, _schedule(text=text, zone=zone))

    [after] = on.schedules.list()
    assert (after.armed_at, after.last_expected, after.next_fire) == (NOW + SECOND, None, NOW + MINUTE)


def test_a_schedule_that_comes_back_starts_anew(on: Substrate) -> None:
    _add(on, _schedule())
    _fire_once(on)
    _add(on)

    _add(on, _schedule())

    assert [armed.last_expected for armed in on.schedules.list()] == [None]


def test_pages_hold_every_revision_once_while_new_ones_come(on: Substrate) -> None:
    for _ in range(7):
        _add(on)

    read = all_pages(lambda before: on.revisions.list(before=before, limit=2), between=lambda: _add(on))

    assert [revision.number for revision in read] == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("before", ["x", "WyJ4Il0", "WzEsMl0", "W3RydWVd", *HOSTILE])
def test_a_page_key_that_nobody_gave_out_is_refused(on: Substrate, before: str) -> None:
    with pytest.raises(Invalid, match="before"):
        on.revisions.list(before=before, limit=2)


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_kept_as_it_is(on: Substrate, text: str) -> None:
    new = NewRevision(0, text, text, {text: [text, None, 1.5, {"deep": text}]}, {text: text}, text, NOW)

    revision = on.revisions.add(new, [], noted(actor=text))

    assert revision == Revision(1, text, text, new.value, new.uploads, text, NOW)


def test_the_head_of_any_moment_is_told(on: Substrate) -> None:
    assert on.revisions.number_at(NOW) is None
    for _ in range(3):
        _add(on)

    moments = [NOW - SECOND, NOW, NOW + SECOND / 2, NOW + SECOND, NOW + 2 * SECOND, NOW + 1000 * SECOND]
    assert [on.revisions.number_at(moment) for moment in moments] == [None, 1, 1, 2, 3, 3]


def test_a_revision_that_was_applied_after_the_clock_was_set_back_is_the_head_of_now(on: Substrate) -> None:
    _add(on)
    on.revisions.add(replace(_new(1), applied_at=NOW - MINUTE), [], noted())

    assert on.revisions.number_at(NOW + SECOND) == 2


def _revert(on: Substrate, *, to: int) -> Revision:
    head, old = on.revisions.head_number() or 0, on.revisions.get(to)
    return on.revisions.add(replace(_new(head), digest=old.digest, reverts=to), [], noted("config.revert"))


def _undone_by(on: Substrate) -> list[int | None]:
    return [found.undone_by for found in reversed(on.revisions.list(before=None, limit=10).items)]


def test_a_revert_undoes_exactly_what_came_after_the_revision_it_brings_back(on: Substrate) -> None:
    for _ in range(4):
        _add(on)

    revision = _revert(on, to=2)

    assert (revision.number, revision.reverts, revision.undone_by) == (5, 2, None)
    assert _undone_by(on) == [None, None, 5, 5, None]
    assert on.revisions.undone("digest of 4") == on.revisions.get(4)
    assert on.revisions.undone("digest of 2") is None, "it is what is live"
    assert on.revisions.undone("digest that never was") is None


def test_what_was_undone_stays_so_by_whom_it_was_first(on: Substrate) -> None:
    for _ in range(3):
        _add(on)
    _revert(on, to=2)

    _revert(on, to=1)

    assert _undone_by(on) == [None, 5, 4, 5, None]
    assert on.revisions.undone("digest of 2") == on.revisions.get(4), "the newest of that digest"


def test_what_was_undone_and_applied_again_is_not_undone(on: Substrate) -> None:
    for _ in range(2):
        _add(on)
    _revert(on, to=1)

    _revert(on, to=2)

    assert _undone_by(on) == [None, 3, 4, None]
    assert on.revisions.undone("digest of 2") is None
    assert on.revisions.undone("digest of 1") == on.revisions.get(3)


def test_a_refused_revert_undoes_nothing(on: Substrate) -> None:
    for _ in range(3):
        _add(on)

    with pytest.raises(Conflict):
        on.revisions.add(replace(_new(2), reverts=1), [], noted())

    assert _undone_by(on) == [None, None, None]


def test_a_revision_is_there_after_a_restart(harness: Harness) -> None:
    revision = _add(harness.on, _schedule())
    before = harness.on.schedules.list()

    harness.restart()

    assert (harness.on.revisions.head(), harness.on.schedules.list()) == (revision, before)
