"""Logs, the audit trail, counters and answers to repeated requests, on every substrate."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from appliance.bootstrap import Substrate
from appliance.core.errors import Conflict, Invalid
from appliance.core.event import AuditEntry, Sample
from appliance.core.run import LogLine, RunId
from appliance.core.team import Member, Role
from tests.support.harness import Harness
from tests.support.rows import HOSTILE, NOW, SECOND, all_pages, at_once, audited, counted, create, new_run

RUN = RunId("orders@20260601T000000Z")
OTHER = RunId("orders@20260601T000100Z")


def _lines(on: Substrate, run_id: RunId = RUN, *, after: int = 0, limit: int = 500) -> list[LogLine]:
    return list(on.records.logs(run_id, after=after, limit=limit))


def test_lines_are_numbered_from_one_within_their_run(on: Substrate) -> None:
    on.records.log(RUN, [(NOW, "info", "first"), (NOW + SECOND, "error", "second")])
    on.records.log(OTHER, [(NOW, "info", "elsewhere")])
    on.records.log(RUN, [(NOW, "info", "third")])

    assert _lines(on) == [
        LogLine(1, NOW, "info", "first"),
        LogLine(2, NOW + SECOND, "error", "second"),
        LogLine(3, NOW, "info", "third"),
    ]
    assert [line.message for line in _lines(on, OTHER)] == ["elsewhere"]


def test_lines_are_read_on_from_a_number(on: Substrate) -> None:
    on.records.log(RUN, [(NOW, "info", str(number)) for number in range(1, 10)])

    assert [line.seq for line in _lines(on, after=3, limit=2)] == [4, 5]
    assert _lines(on, after=9) == []


def test_no_lines_are_no_lines(on: Substrate) -> None:
    on.records.log(RUN, [])

    assert _lines(on) == []


def test_eight_that_log_at_once_lose_no_line_and_keep_each_ones_order(on: Substrate) -> None:
    def log(number: int) -> None:
        for n in range(5):
            on.records.log(RUN, [(NOW, str(number), str(n))] * 2)

    at_once(log)

    lines = _lines(on)
    assert [line.seq for line in lines] == list(range(1, 81))
    for number in range(8):
        assert [line.message for line in lines if line.level == str(number)] == [str(n) for n in range(5) for _ in "ab"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_line_is_kept_as_it_is(on: Substrate, text: str) -> None:
    on.records.log(RUN, [(NOW, text, text)])

    assert _lines(on) == [LogLine(1, NOW, text, text)]


def test_a_line_says_when_it_was_said_to_the_microsecond_in_any_zone(on: Substrate) -> None:
    at = datetime.fromisoformat("2026-06-01T02:00:00.000001+05:45")

    on.records.log(RUN, [(at, "info", "then")])

    assert _lines(on)[0].at == at


def test_the_trail_comes_newest_first(on: Substrate) -> None:
    for number in range(3):
        on.runs.create(new_run(), AuditEntry(NOW - number * SECOND, "alice", f"action {number}", "", {"n": number}))

    entries = on.records.audit(before=None, limit=10).items

    assert [entry.action for entry in entries] == ["action 2", "action 1", "action 0"]
    assert [entry.detail for entry in entries] == [{"n": 2}, {"n": 1}, {"n": 0}]
    assert entries[0].at == NOW - 2 * SECOND


def test_pages_of_the_trail_hold_every_row_once_while_new_ones_come(on: Substrate) -> None:
    for _ in range(7):
        create(on)
    before = [subject for _, _, subject in reversed(audited(on))]

    read = all_pages(lambda key: on.records.audit(before=key, limit=2), between=lambda: create(on))

    assert [entry.subject for entry in read] == before


@pytest.mark.parametrize("before", ["x", "WyJ4Il0", *HOSTILE])
def test_a_page_key_that_nobody_gave_out_is_refused(on: Substrate, before: str) -> None:
    with pytest.raises(Invalid, match="before"):
        on.records.audit(before=before, limit=2)


@pytest.mark.parametrize("text", HOSTILE)
def test_an_audit_row_is_kept_as_it_is(on: Substrate, text: str) -> None:
    entry = AuditEntry(NOW, text, text, text, {text: [text, 1, None, True]})
    on.teams.add_member(Member("bob", Role.OWNER, NOW), entry)

    assert on.records.audit(before=None, limit=1).items == [entry]


def test_counters_add_up_by_name_and_labels(on: Substrate) -> None:
    on.records.count([Sample("a", {}, 1), Sample("a", {"x": "1"}, 2.5), Sample("a", {"x": "1"}, 0.5)])
    on.records.count([Sample("a", {}, 10), Sample("b", {"x": "1", "y": "2"}, 1)])
    on.records.count([Sample("b", {"y": "2", "x": "1"}, 1)])
    on.records.count([])

    assert counted(on) == {"a": 11, "a{x=1}": 3, "b{x=1,y=2}": 2}


def test_eight_that_count_at_once_lose_nothing(on: Substrate) -> None:
    def count(number: int) -> None:
        for _ in range(10):
            on.records.count([Sample("all", {}, 1), Sample(str(number), {}, 1)])

    at_once(count)

    assert counted(on) == {"all": 80} | {str(number): 10 for number in range(8)}


def test_counters_survive_a_restart(harness: Harness) -> None:
    harness.on.records.count([Sample("a", {}, 2)])

    harness.restart()
    harness.on.records.count([Sample("a", {}, 3)])

    assert counted(harness.on) == {"a": 5}


@pytest.mark.parametrize("text", HOSTILE)
def test_a_label_is_kept_as_it_is(on: Substrate, text: str) -> None:
    sample = Sample(text, {text: text}, 1)
    on.records.count([sample])

    assert list(on.records.counters()) == [sample]


def _remember(
    on: Substrate, *, member: str = "alice", key: str = "k", fingerprint: str = "f", at: datetime = NOW
) -> tuple[int, str] | None:
    stale, old = at - timedelta(minutes=5), at - timedelta(days=1)
    return on.records.remember(member, key, fingerprint, now=at, stale=stale, old=old)


def test_a_request_that_was_answered_gets_the_same_answer(on: Substrate) -> None:
    assert _remember(on) is None
    on.records.answer("alice", "k", 201, '{"id": 1}')

    assert _remember(on) == (201, '{"id": 1}')
    assert _remember(on) == (201, '{"id": 1}')


def test_a_key_is_its_members(on: Substrate) -> None:
    _remember(on)
    on.records.answer("alice", "k", 201, "hers")

    assert _remember(on, member="bob") is None
    assert _remember(on, key="another") is None


def test_a_key_of_another_request_is_refused(on: Substrate) -> None:
    _remember(on)
    on.records.answer("alice", "k", 201, "{}")

    with pytest.raises(Conflict, match="another request"):
        _remember(on, fingerprint="another")


def test_a_request_that_is_being_answered_is_not_done_twice(on: Substrate) -> None:
    _remember(on)

    with pytest.raises(Conflict, match="still being answered"):
        _remember(on, at=NOW + timedelta(minutes=5))


def test_of_eight_that_send_one_request_one_does_it(on: Substrate) -> None:
    def send(_number: int) -> bool:
        try:
            return _remember(on) is None
        except Conflict:
            return False

    assert sum(at_once(send)) == 1


def test_a_request_whose_process_died_gives_way(on: Substrate) -> None:
    _remember(on)

    assert _remember(on, fingerprint="another", at=NOW + timedelta(minutes=5, seconds=1)) is None
    with pytest.raises(Conflict):
        _remember(on, at=NOW + timedelta(minutes=6))


def test_an_answer_outlives_what_makes_a_request_stale_and_is_forgotten_when_it_is_old(on: Substrate) -> None:
    _remember(on)
    on.records.answer("alice", "k", 204, "")

    assert _remember(on, at=NOW + timedelta(days=1)) == (204, "")
    _remember(on, key="any other", at=NOW + timedelta(days=1, seconds=1))
    assert _remember(on, fingerprint="another", at=NOW + timedelta(days=1, seconds=1)) is None


@pytest.mark.parametrize("text", HOSTILE)
def test_a_key_and_an_answer_are_kept_as_they_are(on: Substrate, text: str) -> None:
    assert _remember(on, member=text, key=text, fingerprint=text) is None
    on.records.answer(text, text, 200, text)

    assert _remember(on, member=text, key=text, fingerprint=text) == (200, text)


def test_a_request_that_will_have_no_answer_may_be_sent_again_at_once(on: Substrate) -> None:
    _remember(on)

    on.records.forget("alice", "k")

    assert _remember(on, fingerprint="another") is None


def test_forgetting_a_request_leaves_every_other(on: Substrate) -> None:
    _remember(on)
    _remember(on, key="another")
    _remember(on, member="bob")

    on.records.forget("alice", "k")
    on.records.forget("alice", "never sent")

    with pytest.raises(Conflict):
        _remember(on, key="another")
    with pytest.raises(Conflict):
        _remember(on, member="bob")
