"""A document is made to say a tree with the fewest operations, and what others did meanwhile survives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, TypeAlias, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loro import LoroDoc, LoroMap

from appliance.adapters.loro_doc_write import write_tree
from appliance.core.draft import Heads, Tree
from appliance.core.draft_tree import graves, manifest_of, to_tree, tree_of_value
from appliance.core.manifest import InvalidManifest, from_value, render, to_value
from appliance.core.pipeline import Manifest, Problem
from tests.support.manifests import TomlWriter, manifest_values
from tests.unit.test_manifest_canonical import read, remarks

if TYPE_CHECKING:
    from loro import LoroValue  # only the library's stub knows it

Harm: TypeAlias = Callable[[LoroDoc], object]

SEEN = Heads("c2Vlbg")
LATER = Heads("bGF0ZXI")
ORDERS: dict[str, object] = {
    "id": "orders",
    "schedule": "every 15m",
    "source": {"connector": "http", "config": {"url": "https://shop.example", "page": 50}},
    "tables": ["customers", {"name": "orders", "primary_key": ["id"]}, "refunds", "stock"],
}


def a_manifest(**changes: object) -> Manifest:
    return from_value({"pipeline": [{**ORDERS, **changes}]})


def new_doc(peer: int = 1) -> LoroDoc:
    doc = LoroDoc()  # type: ignore[no-untyped-call]  # the library's stub says nothing of it
    doc.peer_id = peer
    return doc


def said(doc: LoroDoc) -> Tree:
    return cast("Tree", doc.get_deep_value())


def pipeline_of(tree: Tree, name: str = "orders") -> Mapping[str, object]:
    return cast("Mapping[str, Mapping[str, object]]", tree["pipelines"])[name]


def a_doc(*manifests: Manifest, peer: int = 1) -> LoroDoc:
    doc = new_doc(peer)
    for manifest in manifests:
        write_tree(doc, to_tree(manifest), seen=SEEN)
    return doc


def operations(doc: LoroDoc, manifest: Manifest) -> int:
    before = doc.len_ops
    write_tree(doc, to_tree(manifest), seen=LATER)
    return doc.len_ops - before


def fields(doc: LoroDoc, pipeline: str = "orders") -> LoroMap:
    return doc.get_map("pipelines").ensure_mergeable_map(pipeline)


def some_manifest(value: Mapping[str, object], chance: Random) -> Manifest:
    return read(TomlWriter(chance, remarks()).write(value))


MANIFESTS = st.builds(some_manifest, manifest_values(), st.integers(0, 1 << 32).map(Random))


@given(MANIFESTS, MANIFESTS)
@settings(max_examples=60, deadline=None)
def test_a_document_says_what_was_written_last(one: Manifest, other: Manifest) -> None:
    doc = a_doc(one, other)

    read_back = manifest_of(said(doc))

    assert read_back == other
    assert render(read_back) == render(other)
    assert operations(doc, other) == 0


@given(MANIFESTS, MANIFESTS)
@settings(max_examples=30, deadline=None)
def test_what_comes_back_is_as_it_was(one: Manifest, other: Manifest) -> None:
    assert manifest_of(said(a_doc(one, other, one))) == one


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 0),
        ({"schedule": "every 20m"}, 1),
        ({"schedule": "every 15m", "retries": 7}, 1),
        ({"source": {"connector": "http", "config": {"url": "https://shop.example", "page": 50.0}}}, 1),
        ({"source": {"connector": "http", "config": {"url": "https://shop.example"}}}, 1),
        ({"tables": [{"name": "orders", "primary_key": ["id"]}, "refunds", "stock", "customers"]}, 1),
        ({"tables": ["stock", "customers", {"name": "orders", "primary_key": ["id"]}, "refunds"]}, 1),
        ({"tables": ["customers", {"name": "orders", "primary_key": ["key"]}, "refunds", "stock"]}, 1),
        ({"tables": ["customers", {"name": "orders", "primary_key": ["id"]}, "stock"]}, 2),
        ({"tables": ["customers", "more", {"name": "orders", "primary_key": ["id"]}, "refunds", "stock"]}, 2),
    ],
)
def test_a_change_is_as_many_operations_as_it_takes(changes: dict[str, object], count: int) -> None:
    assert operations(a_doc(a_manifest()), a_manifest(**changes)) == count


@given(st.permutations("abcdef"), st.permutations("bcdefgh"))
@settings(max_examples=60, deadline=None)
def test_tables_get_any_order(one: list[str], other: list[str]) -> None:
    doc = a_doc(a_manifest(tables=one), a_manifest(tables=other))

    assert pipeline_of(said(doc))["order"] == other


def test_notes_are_edited_letter_by_letter() -> None:
    doc = a_doc(read('# why\n[[pipeline]]\nid = "a"\ntables = ["t"]\nsource = { connector = "http" }\n'))
    manifest = read('# why not\n[[pipeline]]\nid = "a"\ntables = ["t"]\nsource = { connector = "http" }\n')

    assert operations(doc, manifest) == len(" not")


def test_very_different_long_notes_are_replaced_in_time() -> None:
    chance = Random(7)  # noqa: S311 - text, not a secret
    texts = ["".join(chance.choice("abc \n") for _ in range(20_000)) for _ in range(2)]
    trees = [{"pipelines": {"a": {"notes": f"same{text}same"}}} for text in texts]
    doc = new_doc()
    write_tree(doc, trees[0], seen=SEEN)
    write_tree(doc, trees[1], seen=SEEN)

    assert said(doc)["pipelines"] == trees[1]["pipelines"]


@pytest.mark.parametrize("value", [(1 << 63) - 1, -(1 << 63), 0.0, -0.0, 1.0, 1, True, [1.0, -0.0], {"a": [1e22]}])
@pytest.mark.parametrize("before", [1, 0.0, [1, 0.0]])
def test_numbers_keep_their_kind_and_every_bit(value: object, before: object) -> None:
    was, wanted = (a_manifest(source={"connector": "http", "config": {"n": n}}) for n in (before, value))

    read_back = manifest_of(said(a_doc(was, wanted)))

    assert repr(read_back.pipeline("orders").source.config["n"]) == repr(value)


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1, float("nan"), float("inf")])
def test_a_number_that_no_document_could_keep_is_in_no_manifest(value: object) -> None:
    with pytest.raises(InvalidManifest):
        a_manifest(source={"connector": "http", "config": {"n": value}})


def test_a_removed_pipeline_that_comes_back_says_what_was_written() -> None:
    doc = a_doc(a_manifest(retries=7), Manifest(), a_manifest(paused=True))

    assert graves(said(doc)) == {}
    assert manifest_of(said(doc)) == a_manifest(paused=True)


def test_a_grave_is_dug_once() -> None:
    doc = a_doc(a_manifest(), Manifest())

    assert operations(doc, Manifest()) == 0
    assert graves(said(doc)) == {"orders": SEEN}


WRONG: tuple[LoroValue, ...] = (None, "x", 1, [1])


def _over(place: str, value: LoroValue) -> Harm:
    def break_it(doc: LoroDoc) -> None:
        fields(doc).insert(place, value)

    return break_it


def _plain_container(doc: LoroDoc) -> None:
    fields(doc).delete("source")
    plain = LoroMap()  # type: ignore[no-untyped-call]  # the library's stub says nothing of it
    cast("LoroMap", fields(doc).insert_container("source", plain)).insert("connector", "http")


def _pipeline_of_text(doc: LoroDoc) -> None:
    doc.get_map("pipelines").insert("orders", "gone")


def _text_for_map(doc: LoroDoc) -> None:
    fields(doc).ensure_mergeable_text("tables").insert(0, "t")


@pytest.mark.parametrize(
    "harm",
    [
        *(_over(place, value) for place in ("source", "tables", "order", "notes") for value in WRONG),
        _over("removed", True),
        _over("tables", {"customers": {}}),
        _over("strange", {"a": 1}),
        _plain_container,
        _pipeline_of_text,
        _text_for_map,
        lambda doc: doc.get_map("pipelines").delete("orders"),
        lambda doc: doc.get_map("pipelines").insert("strange", 3),
        lambda doc: fields(doc).ensure_mergeable_movable_list("order").insert(0, {"a": 1}),
        lambda doc: doc.get_map("settings").insert("sync", 5),
    ],
)
def test_what_is_of_another_kind_is_put_right(harm: Harm) -> None:
    doc = a_doc(a_manifest())
    harm(doc)
    doc.commit()

    write_tree(doc, to_tree(a_manifest()), seen=LATER)

    assert manifest_of(said(doc)) == a_manifest()
    assert operations(doc, a_manifest()) == 0
    assert fields(doc).ensure_mergeable_map("source").ensure_mergeable_map("config").get("page") is not None


def test_an_order_that_names_a_table_twice_is_written_as_it_is_read() -> None:
    doc = a_doc(a_manifest())
    fields(doc).ensure_mergeable_movable_list("order").push("customers")
    doc.commit()
    copy = new_doc(2)

    write_tree(copy, said(doc), seen=SEEN)

    assert manifest_of(said(copy)) == manifest_of(said(doc)) == a_manifest()


@pytest.mark.parametrize("place", ["source", "tables", "order", "notes", "comments"])
@pytest.mark.parametrize("value", [5, "ab", None, {"a": 1}, [{"a": 1}, ["b"], 5, "orders"]])
def test_a_document_that_is_wrong_is_copied_with_what_is_wrong_in_it(place: str, value: LoroValue) -> None:
    doc, copy = a_doc(a_manifest()), new_doc(2)
    fields(doc).insert(place, value)
    doc.commit()

    write_tree(copy, said(doc), seen=SEEN)

    assert outcome(said(copy)) == outcome(said(doc))


def outcome(tree: Tree) -> Manifest | Sequence[Problem]:
    try:
        return manifest_of(tree)
    except InvalidManifest as refused:
        return refused.problems


def test_a_root_of_the_same_name_and_another_kind_is_left_alone() -> None:
    doc = a_doc(a_manifest())
    doc.get_text("pipelines").insert(0, "mine")
    doc.commit()

    assert operations(doc, a_manifest()) == 0


def test_a_revision_can_be_written_from_what_is_stored_of_it() -> None:
    assert tree_of_value(to_value(a_manifest())) == to_tree(a_manifest())
