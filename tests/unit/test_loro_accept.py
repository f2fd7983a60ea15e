"""What clients send is merged whole or refused whole, and the server knows who brought which operation."""

from __future__ import annotations

import pytest
from loro import ID, CounterSpan, ExportMode, IdSpan

from appliance.adapters import loro_doc_accept
from appliance.core.config_doc import Accepted, PeerRange, Refusal
from appliance.core.limits import SYNC_UPDATE_BYTES, SYNC_UPDATE_OPERATIONS
from tests.support.loro_peers import Peer, document

NOTHING = Accepted((), waits=False)


def brought(peer: int, start: int, end: int, *, waits: bool = False) -> Accepted:
    return Accepted((PeerRange(peer, start, end),), waits=waits)


def test_a_delivery_brings_its_operations_once() -> None:
    ann = Peer(1)
    first, second = ann.set("m", "a", value=1), ann.set("m", "a", value=2)
    doc = document()

    assert doc.accept([first]) == [brought(1, 0, 1)]
    assert doc.accept([first]) == [NOTHING]
    assert doc.accept([ann.everything(), second]) == [brought(1, 1, 2), NOTHING]
    assert doc.tree() == {"m": {"a": 2}}


def test_operations_that_depend_on_absent_ones_wait_and_are_healed() -> None:
    ann = Peer(1)
    first = ann.set("m", "a", value=1)
    bob = Peer(2, first)
    second, third = bob.set("m", "b", value=1), bob.set("m", "b", value=2)
    doc = document()

    assert doc.accept([third]) == [brought(2, 1, 2, waits=True)]
    assert doc.tree() == {}
    assert doc.accept([second, first]) == [brought(2, 0, 1), brought(1, 0, 1)]
    assert doc.tree() == {"m": {"a": 1, "b": 2}}


def test_deliveries_of_one_call_may_depend_on_each_other_in_any_order() -> None:
    ann = Peer(1)
    deliveries = [ann.set("m", "a", value=number) for number in range(5)]

    answers = document().accept(deliveries[::-1])

    assert answers == [brought(1, counter, counter + 1) for counter in reversed(range(5))]


def test_bad_deliveries_among_good_ones_change_nothing() -> None:
    ann = Peer(1)
    good = [ann.set("m", "a", value=1), ann.set("m", "b", value=2)]
    snapshot = ann.doc.export(ExportMode.Snapshot())
    doc = document()

    answers = doc.accept([b"", good[1], good[0][:-1], snapshot, good[0], b"loro" * 9])

    assert answers == [
        Refusal.MALFORMED,
        brought(1, 1, 2),
        Refusal.MALFORMED,
        Refusal.NOT_UPDATES,
        brought(1, 0, 1),
        Refusal.NOT_UPDATES,
    ]
    assert doc.tree() == {"m": {"a": 1, "b": 2}}


@pytest.mark.parametrize("mode", [ExportMode.StateOnly(None), ExportMode.Snapshot()])
def test_only_updates_are_let_in(mode: ExportMode) -> None:
    ann = Peer(1)
    ann.set("m", "a", value=1)
    doc = document()

    assert doc.accept([ann.doc.export(mode)]) == [Refusal.NOT_UPDATES]
    assert doc.accept([ann.doc.export_json_updates(ann.doc.oplog_vv, ann.doc.oplog_vv).encode()]) == [Refusal.MALFORMED]
    assert doc.tree() == {}


def test_a_delivery_over_the_limit_of_bytes_is_refused() -> None:
    large = Peer(1).set("m", "a", value="x" * SYNC_UPDATE_BYTES)
    doc = document()

    assert doc.accept([large]) == [Refusal.TOO_LARGE]
    assert doc.tree() == {}


def test_operations_are_counted_without_those_that_are_in() -> None:
    ann = Peer(1)
    first = ann.edit(lambda doc: doc.get_text("t").insert(0, "x" * SYNC_UPDATE_OPERATIONS))
    more = ann.set("m", "a", value=1)
    doc = document()

    assert doc.accept([ann.everything()]) == [Refusal.TOO_LARGE]
    assert doc.accept([first]) == [brought(1, 0, SYNC_UPDATE_OPERATIONS)]
    assert doc.accept([ann.everything(), more]) == [
        brought(1, SYNC_UPDATE_OPERATIONS, SYNC_UPDATE_OPERATIONS + 1),
        NOTHING,
    ]


def test_what_a_delivery_leaves_out_it_does_not_bring() -> None:
    ann = Peer(1)
    for number in range(6):
        ann.set("m", "a", value=number)
    spans = [IdSpan(1, CounterSpan(0, 1)), IdSpan(1, CounterSpan(4, 6))]

    answers = document().accept([ann.doc.export(ExportMode.UpdatesInRange(spans))])

    assert answers == [Accepted((PeerRange(1, 0, 1), PeerRange(1, 4, 6)), waits=True)]


def test_a_counter_out_of_this_world_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = Peer(1).edit(lambda doc: doc.get_text("t").insert(0, "x" * 100))
    monkeypatch.setattr(loro_doc_accept, "_COUNTER_END", 99)

    assert document().accept([delivery]) == [Refusal.MALFORMED]


def test_one_state_has_one_history_of_the_library() -> None:
    ann = Peer(1)
    ann.set("m", "a", value=1)

    assert ann.doc.get_change(ID(1, 0)) is not None
    assert document(ann.everything()).peers() == 1
