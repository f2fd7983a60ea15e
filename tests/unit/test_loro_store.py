"""A document comes back from what is stored of it, and replicas that got the same say the same."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loro import LoroDoc, LoroMap, LoroText

from appliance.adapters.loro_doc import LoroDocs, LoroDocument
from appliance.adapters.loro_doc_heads import frontiers_of, heads_text
from appliance.core.config_doc import Accepted
from appliance.core.draft import Heads
from appliance.core.errors import Conflict
from tests.support.loro_peers import Peer, document

if TYPE_CHECKING:
    from loro import LoroValue  # only the stub knows it

KEYS = st.sampled_from(["a", "b", "c"])


def edits(data: st.DataObject, *, peers: int = 3) -> tuple[list[bytes], Peer]:
    """What some people sent who now and then saw what others had sent, and one who saw it all."""
    people = [Peer(number) for number in range(1, peers + 1)]
    server = document()
    sent: list[bytes] = []
    for step in range(data.draw(st.integers(1, 20))):
        person = data.draw(st.sampled_from(people))
        if data.draw(st.booleans()):
            person.follow(server)
        sent.append(_edit(data, person, step))
        assert isinstance(server.accept(sent[-1:])[0], Accepted)
    last = Peer(99)
    last.follow(server)
    return sent, last


def _edit(data: st.DataObject, person: Peer, step: int) -> bytes:
    change = data.draw(st.sampled_from([_set, _remove, _type, _add, _take, _move]))
    name, key = data.draw(KEYS), data.draw(KEYS)
    place = data.draw(st.integers(0, 9))
    return person.edit(lambda _: change(person.map("pipelines", name), key, place, step))


def _set(pipeline: LoroMap, key: str, _: int, step: int) -> None:
    pipeline.insert(key, step)


def _remove(pipeline: LoroMap, key: str, _: int, step: int) -> None:
    pipeline.delete(key)


def _type(pipeline: LoroMap, key: str, place: int, step: int) -> None:
    text = pipeline.ensure_mergeable_text("notes")
    text.insert(min(place, text.len_unicode), f"({step})")


def _add(pipeline: LoroMap, key: str, place: int, step: int) -> None:
    order = pipeline.ensure_mergeable_movable_list("order")
    order.insert(min(place, len(order)), f"t{step}")


def _take(pipeline: LoroMap, key: str, place: int, step: int) -> None:
    order = pipeline.ensure_mergeable_movable_list("order")
    if place < len(order):
        order.delete(place, 1)


def _move(pipeline: LoroMap, key: str, place: int, step: int) -> None:
    order = pipeline.ensure_mergeable_movable_list("order")
    if place < len(order):
        order.mov(place, 0)


def state(doc: LoroDocument) -> object:
    return doc.version(), doc.heads(), doc.tree()


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_order_of_delivery_ends_in_one_state(data: st.DataObject) -> None:
    sent, last = edits(data)
    some_order = data.draw(st.permutations(sent))
    cut = data.draw(st.integers(0, len(sent)))
    one, other = document(last.everything()), document()
    for part in (some_order[:cut], some_order[cut:], some_order[:cut]):
        other.accept(part)

    assert state(one)[1:] == state(other)[1:]  # type: ignore[index]
    assert other.snapshot()[1] == b""


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_stored_document_is_the_one_that_was_in_memory_with_what_waits(data: st.DataObject) -> None:
    sent, last = edits(data)
    lost = data.draw(st.sets(st.integers(0, len(sent) - 1)))
    missing = [sent[at] for at in lost]
    doc = document(*(delivery for at, delivery in enumerate(sent) if at not in lost))
    snapshot, waiting = doc.snapshot()

    again = LoroDocs().load(snapshot, [waiting] if waiting else [])
    assert state(again)[1:] == state(doc)[1:]  # type: ignore[index]
    again.accept(missing)
    assert again.tree() == document(last.everything()).tree()


def test_a_client_gets_what_it_lacks_and_no_more() -> None:
    ann = Peer(1)
    doc = document(ann.set("m", "a", value=1))
    bob = Peer(2)
    bob.follow(doc)
    doc.accept([bob.set("m", "b", value=2), ann.set("m", "a", value=3)])

    assert doc.missing(doc.version()) == document().missing(b"") == b""
    assert len(doc.missing(bob.doc.oplog_vv.encode())) < len(doc.missing(b""))
    bob.follow(doc)
    assert bob.doc.get_deep_value() == doc.tree() == {"m": {"a": 3, "b": 2}}
    ahead = bob.set("m", "c", value=4)
    assert doc.missing(bob.doc.oplog_vv.encode()) == b""
    assert ahead


def test_pipelines_that_two_people_create_at_once_become_one() -> None:
    one, other = Peer(1), Peer(2)
    mine = one.set("pipelines", "orders", "tables", "t", "mode", value="append")
    theirs = other.set("pipelines", "orders", "tables", "t", "key", value=["id"])

    assert document(theirs, mine).tree() == {
        "pipelines": {"orders": {"tables": {"t": {"key": ["id"], "mode": "append"}}}}
    }


def test_values_of_every_kind_are_read_as_they_are() -> None:
    ann = Peer(1)
    long = "x" * 1_000_000
    found: dict[str, LoroValue] = {
        "nan": math.nan,
        "inf": -math.inf,
        "none": None,
        "bytes": b"\0a",
        "long": long,
        "big": 2**63 - 1,
        "é🤝": [],
    }

    def fill(doc: LoroDoc) -> None:
        for key, value in found.items():
            ann.map("m").insert(key, value)
        text = doc.get_list("l").insert_container(0, LoroText())  # type: ignore[no-untyped-call]
        assert isinstance(text, LoroText)
        text.insert(0, "text")
        doc.get_counter("c").increment(2)
        doc.get_tree("t").create()
        doc.get_map("empty")

    tree = document(ann.edit(fill)).tree()

    assert tree.keys() == {"m", "l", "c"}
    assert (tree["l"], tree["c"], str(tree["m"])) == (["text"], 2.0, str(dict(sorted(found.items()))))


def test_an_edit_on_a_branch_is_made_from_what_was_seen() -> None:
    ann = Peer(1)
    doc = document(ann.set("settings", "project", "name", value="shop"))
    seen = doc.heads()
    doc.accept([ann.set("settings", "context", "path", value="docs")])
    before = state(doc)

    edited = doc.write({"settings": {"project": {"name": "store"}}}, at=seen)

    assert state(doc) == before
    assert doc.accept([edited.update]) == [Accepted(edited.ranges, waits=False)]
    assert doc.tree(edited.heads) == {"settings": {"project": {"name": "store"}}}
    assert doc.tree() == {"settings": {"context": {"path": "docs"}, "project": {"name": "store"}}}


def test_an_edit_that_changes_nothing_brings_nothing() -> None:
    doc = document(Peer(1).set("settings", "project", "name", value="shop"))

    edited = doc.write(doc.tree(), at=doc.heads())

    assert (edited.heads, edited.ranges) == (doc.heads(), ())
    assert doc.accept([edited.update]) == [Accepted((), waits=False)]


def test_a_peer_does_not_write_the_same_operation_twice() -> None:
    ann = Peer(1)
    doc = document(ann.set("settings", "project", "name", value="shop"))

    with pytest.raises(Conflict, match="peer 1 has written"):
        doc.write({}, at=Heads("AA"), peer=1)
    assert doc.write({"settings": {"project": {"name": "x"}}}, at=doc.heads(), peer=1).ranges[0].start == 2


def test_an_empty_document_has_neither_heads_nor_peers() -> None:
    doc = LoroDocs().empty()

    assert (doc.heads(), doc.peers(), doc.tree()) == (heads_text(frontiers_of([])), 0, {})
