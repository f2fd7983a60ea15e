"""What two people do at once: both is there, on both sides, and a write of one undoes nothing of the other's."""

from __future__ import annotations

from loro import ExportMode, LoroDoc

from appliance.adapters.loro_doc_write import write_tree
from appliance.core.draft import Tree
from appliance.core.draft_tree import graves, manifest_of, to_tree
from appliance.core.manifest import from_value
from appliance.core.pipeline import Manifest
from tests.unit.test_draft_write import LATER, SEEN, a_doc, a_manifest, fields, new_doc, operations, pipeline_of, said


def copy(doc: LoroDoc, peer: int) -> LoroDoc:
    other = new_doc(peer)
    other.import_(doc.export(ExportMode.Snapshot()))
    return other


def meet(one: LoroDoc, other: LoroDoc) -> Tree:
    one.import_(other.export(ExportMode.Updates(one.oplog_vv)))
    other.import_(one.export(ExportMode.Updates(other.oplog_vv)))
    assert said(one) == said(other)
    return said(one)


def test_a_pipeline_made_by_two_at_once_is_one() -> None:
    one, other = a_doc(peer=1), a_doc(peer=2)
    write_tree(one, to_tree(a_manifest(retries=7)), seen=SEEN)
    write_tree(other, to_tree(a_manifest(paused=True)), seen=SEEN)

    read_back = manifest_of(meet(one, other)).pipeline("orders")

    assert (read_back.retries, read_back.paused) == (7, True)
    assert [table.name for table in read_back.tables] == ["customers", "orders", "refunds", "stock"]


def test_a_field_that_somebody_edits_meanwhile_survives_a_write() -> None:
    one = a_doc(a_manifest(), peer=1)
    other = copy(one, 2)
    fields(other).insert("retries", 9)
    fields(other).ensure_mergeable_map("source").ensure_mergeable_map("config").insert("page", 99)
    other.commit()
    write_tree(one, to_tree(a_manifest(schedule="every 1h")), seen=SEEN)

    read_back = manifest_of(meet(one, other)).pipeline("orders")

    assert (read_back.retries, read_back.schedule, read_back.source.config["page"]) == (9, "every 1h", 99)


def test_tables_that_two_reorder_at_once_have_one_order() -> None:
    one = a_doc(a_manifest(tables=list("abcd")), peer=1)
    other = copy(one, 2)
    write_tree(one, to_tree(a_manifest(tables=list("dabc"))), seen=SEEN)
    write_tree(other, to_tree(a_manifest(tables=list("bcdae"))), seen=SEEN)

    read_back = manifest_of(meet(one, other)).pipeline("orders")

    assert sorted(table.name for table in read_back.tables) == list("abcde")


def test_a_table_that_two_add_at_once_is_read_once() -> None:
    one = a_doc(a_manifest(tables=["a"]), peer=1)
    other = copy(one, 2)
    for doc in (one, other):
        write_tree(doc, to_tree(a_manifest(tables=["a", "b"])), seen=SEEN)

    merged = meet(one, other)

    assert pipeline_of(merged)["order"] == ["a", "b", "b"]
    assert [table.name for table in manifest_of(merged).pipeline("orders").tables] == ["a", "b"]
    assert operations(one, a_manifest(tables=["a", "b"])) == 1


def test_what_was_edited_in_a_removed_pipeline_is_still_there() -> None:
    one = a_doc(a_manifest(), peer=1)
    other = copy(one, 2)
    fields(other).insert("retries", 9)
    other.commit()
    write_tree(one, to_tree(Manifest()), seen=LATER)

    merged = meet(one, other)

    assert graves(merged) == {"orders": LATER}
    assert manifest_of(merged) == Manifest()
    assert pipeline_of(merged)["retries"] == 9


def test_a_section_that_goes_leaves_what_somebody_adds_meanwhile() -> None:
    one = a_doc(from_value({"project": {"name": "shop"}}), peer=1)
    other = copy(one, 2)
    other.get_map("settings").ensure_mergeable_map("project").insert("version", "2")
    other.commit()
    write_tree(one, to_tree(Manifest()), seen=SEEN)

    assert manifest_of(meet(one, other)) == from_value({"project": {"version": "2"}})
