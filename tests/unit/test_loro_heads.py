"""Heads are one text for one state, on every replica and in JavaScript, and lead back to what was there."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.adapters.loro_doc import LoroDocument
from appliance.adapters.loro_doc_heads import frontiers_of, heads_text, last_operations
from appliance.adapters.loro_doc_minimal import minimal
from appliance.core.draft import Heads, UnknownHeads
from tests.support.loro_peers import Peer, document

FAR = 2**63 + 5

# What encodeFrontiers of loro-crdt 1.17.1 makes of them, whatever their order.
IN_JAVASCRIPT = [
    ([], "00"),
    ([(1, 16)], "010120"),
    ([(1, 16), (FAR, 9)], "0201208580808080808080800112"),
    ([(2, 0), (300, 9), (2**64 - 2, 70_000)], "030200ac0212feffffffffffffffff01e0c508"),
    ([(2, 0), (5, 0), (300, 0), (70_000, 0)], "0402000500ac0200f0a20400"),
]


@pytest.mark.parametrize(("operations", "encoded"), IN_JAVASCRIPT)
def test_heads_are_what_javascript_makes_of_them(operations: list[tuple[int, int]], encoded: str) -> None:
    for some_order in itertools.permutations(operations):
        assert frontiers_of(some_order).encode().hex() == encoded
    assert last_operations(heads_text(frontiers_of(operations))) == operations


def test_replicas_that_got_the_same_in_another_order_have_the_same_heads() -> None:
    deliveries = [Peer(peer).set("m", "a", value=peer) for peer in (70_000, 5, FAR, 300, 2)]

    heads = {document(*some_order).heads() for some_order in itertools.permutations(deliveries)}

    assert len(heads) == 1
    assert len(last_operations(heads.pop())) == 5


def test_what_the_document_said_at_earlier_heads_can_be_read() -> None:
    ann = Peer(1)
    doc = document(ann.set("m", "a", value=1))
    before = doc.heads()
    doc.accept([ann.set("m", "a", value=2), Peer(2).set("m", "b", value=3)])

    assert doc.tree(before) == {"m": {"a": 1}}
    assert doc.tree(Heads("AA")) == {}
    assert doc.tree() == doc.tree(doc.heads()) == {"m": {"a": 2, "b": 3}}
    assert doc.holds(before)


def test_trees_of_old_heads_are_read_again_after_others() -> None:
    ann = Peer(1)
    doc = document()
    seen = []
    for number in range(8):
        doc.accept([ann.set("m", "a", value=number)])
        seen.append(doc.heads())

    assert [doc.tree(heads)["m"] for heads in seen * 2] == [{"a": number} for number in range(8)] * 2


def test_heads_that_have_not_arrived_are_unknown_until_they_have() -> None:
    ann = Peer(1)
    first, second = ann.set("m", "a", value=1), ann.set("m", "a", value=2)
    heads = document(first, second).heads()
    doc = document(second)

    with pytest.raises(UnknownHeads, match="have not arrived"):
        doc.tree(heads)
    assert not doc.holds(heads)
    doc.accept([first])
    assert doc.tree(heads) == {"m": {"a": 2}}


def test_heads_of_which_one_is_part_of_the_other_are_none() -> None:
    ann = Peer(1)
    first = ann.set("m", "a", value=1)
    doc = document(first, Peer(2, first).set("m", "b", value=1))
    both = heads_text(frontiers_of([(1, 0), (2, 0)]))

    with pytest.raises(UnknownHeads, match="one edit is part of another"):
        doc.tree(both)
    assert doc.tree() == {"m": {"a": 1, "b": 1}}


@pytest.mark.parametrize(
    "text", ["", "AA=", "AQ", "AQEB", "AgECAQI", "AgIAAQA", "AQH_____HwA", "not heads", "é", "A" * 99_999]
)
def test_text_that_the_library_never_writes_is_no_heads(text: str) -> None:
    with pytest.raises(UnknownHeads, match="heads"):
        document(Peer(1).set("m", "a", value=1)).tree(Heads(text))


@given(st.dictionaries(st.integers(0, 2**64 - 2), st.integers(0, 2**31 - 1), max_size=6))
def test_any_heads_come_back_as_they_went(operations: dict[int, int]) -> None:
    assert dict(last_operations(heads_text(frontiers_of(list(operations.items()))))) == operations


def test_counts_of_a_moment_lead_to_its_heads() -> None:
    ann = Peer(1)
    first = ann.set("m", "a", value=1)
    bob = Peer(2, first)
    second, third = bob.set("m", "b", value=1), ann.set("m", "a", value=2)
    doc = document(first, second, third)

    assert doc.tree(doc.heads_of({1: 1, 2: 1})) == {"m": {"a": 1, "b": 1}}
    assert doc.tree(doc.heads_of({1: 2})) == {"m": {"a": 2}}
    assert doc.heads_of({1: 2, 2: 1}) == doc.heads_of({1: 99, 2: 99, 3: 99}) == doc.heads()
    assert doc.heads_of({}) == doc.heads_of({2: 1}) == "AA"


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_counts_that_cut_what_others_build_on_lead_to_less(data: st.DataObject) -> None:
    peers = [Peer(number) for number in range(1, 5)]
    doc = document()
    for step in range(data.draw(st.integers(1, 25))):
        peer = data.draw(st.sampled_from(peers))
        if data.draw(st.booleans()):
            peer.follow(doc)
        doc.accept([peer.set("m", f"k{step}", value=step)])
    counts = {peer: data.draw(st.integers(0, 12)) for peer in range(1, 5)}

    heads = doc.heads_of(counts)
    said = doc.writes(since=None, until=heads)

    assert all(write.counter < counts[write.peer] for write in said)
    assert len(doc.tree(heads).get("m", {})) == len(said)  # type: ignore[arg-type]
    assert doc.holds(heads)


def crowd(rounds: int, people: int) -> LoroDocument:
    """In each round everybody edits at once, having seen the rounds before."""
    doc = document()
    for turn in range(rounds):
        known = doc.missing(b"")
        peers = [Peer(turn * people + person + 1, *([known] if known else [])) for person in range(people)]
        doc.accept([peer.set("pipelines", f"p{at % 5}", "schedule", value=[turn, at]) for at, peer in enumerate(peers)])
    return doc


def test_looking_back_at_a_crowd_does_not_take_for_ever() -> None:
    """The library's own ways between versions take minutes here; the time limit of a test is the check."""
    doc = crowd(16, 50)
    half = doc.heads_of(dict.fromkeys(range(1, 401), 9))

    assert len(doc.tree(half)["pipelines"]) == len(doc.tree()["pipelines"]) == 5  # type: ignore[arg-type]
    assert len(last_operations(half)) == len(last_operations(doc.heads())) == 50


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=24))
def test_what_stands_for_a_version_is_what_the_library_says(script: list[tuple[int, int]]) -> None:
    peers = [Peer(number + 1) for number in range(4)]
    for editor, other in script:
        peers[editor].set("pipelines", "p", "schedule", value=len(script))
        if editor != other:
            peers[other].doc.import_(peers[editor].everything())
    doc = peers[0].doc
    every = [(peer, end - 1) for peer, (_, end) in doc.oplog_vv.to_spans().inner().items()]

    assert frontiers_of(minimal(doc, every)).encode() == doc.oplog_frontiers.encode()
