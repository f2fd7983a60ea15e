"""Who wrote what where, read back from a document, under any name that somebody can give a place."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from loro import LoroDoc, LoroMap

from appliance.core.config_doc import Deed, Write
from appliance.core.draft import Heads, UnknownHeads
from tests.support.loro_peers import Peer, document

names = st.text(st.sampled_from(">:/\\$@ \t\n\0s0é🤝🦜.'\"{}") | st.characters(codec="utf-8"), max_size=8)


@given(st.lists(names, min_size=1, max_size=5), names)
@example(["", "", ""], "")
@example(["a>b", "a\\", ">", "\\>", "\\s"], "/")
@example(["🤝:$pipelines>p", "@1:0"], "cid:root-m:Map")
@settings(max_examples=250, deadline=None)
def test_any_name_comes_back_in_a_path(way: list[str], key: str) -> None:
    ann = Peer(1)
    path = ("pipelines", *way, key)

    doc = document(ann.set(*path, value=1), ann.remove(*path))
    written = doc.writes(since=None)

    assert [(write.path, write.deed, write.value) for write in written] == [
        (path, Deed.SET, 1),
        (path, Deed.REMOVE, None),
    ]


@pytest.mark.parametrize("root", ["settings", "x:y", "$x", "@y", "ro>ot", "a\\b", " "])
def test_any_root_comes_back_in_a_path(root: str) -> None:
    doc = document(Peer(1).set(root, "a", value=1), Peer(2).set(root, "m", "b", value=2))

    assert {write.path for write in doc.writes(since=None)} == {(root, "a"), (root, "m", "b")}


def test_texts_and_lists_tell_what_was_put_in() -> None:
    ann = Peer(7)

    def change(_: LoroDoc) -> None:
        notes = ann.map("pipelines", "p").ensure_mergeable_text("notes")
        notes.insert(0, "héy🤝")
        notes.delete(1, 2)
        order = ann.map("pipelines", "p").ensure_mergeable_movable_list("order")
        order.insert(0, "t1")
        order.insert(0, "t2")
        order.mov(0, 1)
        order.set(0, "t3")
        order.delete(0, 1)

    found = document(ann.edit(change)).writes(since=None)

    notes, order = ("pipelines", "p", "notes"), ("pipelines", "p", "order")
    assert [(write.path, write.deed, write.value) for write in found] == [
        (notes, Deed.INSERT, "héy🤝"),
        (notes, Deed.REMOVE, None),
        (order, Deed.INSERT, ["t1"]),
        (order, Deed.INSERT, ["t2"]),
        (order, Deed.MOVE, None),
        (order, Deed.SET, "t3"),
        (order, Deed.REMOVE, None),
    ]
    assert [write.counter for write in found] == sorted(write.counter for write in found)
    assert {write.peer for write in found} == {7}


def test_containers_that_do_not_merge_go_by_who_made_them() -> None:
    ann = Peer(5)

    def change(doc: LoroDoc) -> None:
        child = doc.get_map("m").insert_container("k", LoroMap())  # type: ignore[no-untyped-call]
        assert isinstance(child, LoroMap)
        child.insert("x", 1)
        child.ensure_mergeable_map("deep").insert("y", 2)

    found = document(ann.edit(change)).writes(since=None)

    assert [(write.path, write.value) for write in found] == [
        (("m", "k"), {}),
        (("@5:0", "x"), 1),
        (("@5:0", "deep", "y"), 2),
    ]


def test_writes_are_in_the_order_in_which_later_ones_win() -> None:
    ann, bob = Peer(9), Peer(3)
    first = ann.set("m", "a", value=1)
    doc = document(first, ann.set("m", "a", value=2), bob.set("m", "b", value=3))

    assert [(write.lamport, write.peer, write.value) for write in doc.writes(since=None)] == [
        (0, 3, 3),
        (0, 9, 1),
        (1, 9, 2),
    ]


def test_writes_between_two_heads_are_those_of_the_second_without_the_first() -> None:
    ann, bob = Peer(1), Peer(2)
    doc = document(ann.set("m", "a", value=1))
    start = doc.heads()
    doc.accept([ann.set("m", "a", value=2), ann.set("m", "a", value=3)])
    middle = doc.heads()
    doc.accept([bob.set("m", "b", value=4)])

    def values(*, since: Heads | None, until: Heads | None = None) -> list[object]:
        return [write.value for write in doc.writes(since=since, until=until)]

    assert values(since=start, until=middle) == [2, 3]
    assert values(since=start) == [4, 2, 3]
    assert values(since=None, until=start) == [1]
    assert values(since=middle, until=start) == values(since=doc.heads()) == []
    assert values(since=Heads("AA"), until=middle) == [1, 2, 3]
    with pytest.raises(UnknownHeads):
        doc.writes(since=start, until=document(Peer(8).set("m", "z", value=1)).heads())


def test_a_write_knows_its_operation() -> None:
    ann = Peer(2**63 + 5)
    ann.set("m", "a", value=[1, {"x": None}])
    doc = document(ann.everything())

    assert doc.writes(since=None) == [Write(("m", "a"), Deed.SET, [1, {"x": None}], 2**63 + 5, 0, 0)]
