"""Small edits of a draft, each chosen by a number: what people do to the configuration, sensible or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from loro import LoroDoc, LoroMap

from appliance.adapters.loro_doc_heads import heads_text
from tests.support.sync_client import pipeline_map

if TYPE_CHECKING:
    from loro import LoroValue  # only the library's stub knows it

Edit = Callable[[LoroDoc, str, int], object]

PIPELINES = ("orders", "users")
TABLES = ("orders", "lines", "items")

_FIELDS: tuple[tuple[str, LoroValue], ...] = (
    ("schedule", "every 6h"),
    ("schedule", "every 12h"),
    ("timezone", "Europe/Berlin"),
    ("paused", True),
    ("paused", False),
    ("timeout", "5m"),
    ("schedule", "often"),
    ("nonsense", 1),
)


def create(doc: LoroDoc, pipeline: str, n: int) -> None:
    made = pipeline_map(doc, pipeline)
    made.ensure_mergeable_map("source").insert("connector", "scripted")
    _add_table(made, TABLES[n % len(TABLES)])


def set_field(doc: LoroDoc, pipeline: str, n: int) -> None:
    pipeline_map(doc, pipeline).insert(*_FIELDS[n % len(_FIELDS)])


def clear_field(doc: LoroDoc, pipeline: str, n: int) -> None:
    _delete(pipeline_map(doc, pipeline), _FIELDS[n % len(_FIELDS)][0])


def set_setting(doc: LoroDoc, pipeline: str, n: int) -> None:
    source = pipeline_map(doc, pipeline).ensure_mergeable_map("source")
    source.ensure_mergeable_map("config").insert(f"setting{n % 3}", n)


def add_table(doc: LoroDoc, pipeline: str, n: int) -> None:
    _add_table(pipeline_map(doc, pipeline), TABLES[n % len(TABLES)])


def remove_table(doc: LoroDoc, pipeline: str, n: int) -> None:
    tables = pipeline_map(doc, pipeline).ensure_mergeable_map("tables")
    _delete(tables, TABLES[n % len(TABLES)])


def set_option(doc: LoroDoc, pipeline: str, n: int) -> None:
    tables = pipeline_map(doc, pipeline).ensure_mergeable_map("tables")
    tables.ensure_mergeable_map(TABLES[n % len(TABLES)]).insert("primary_key", [f"id{n % 2}"])


def move_table(doc: LoroDoc, pipeline: str, n: int) -> None:
    order = pipeline_map(doc, pipeline).ensure_mergeable_movable_list("order")
    if len(order) > 1:
        order.mov(n % len(order), n // 2 % len(order))


def unlist_table(doc: LoroDoc, pipeline: str, n: int) -> None:
    order = pipeline_map(doc, pipeline).ensure_mergeable_movable_list("order")
    if len(order):
        order.delete(n % len(order), 1)


def note(doc: LoroDoc, pipeline: str, n: int) -> None:
    text = pipeline_map(doc, pipeline).ensure_mergeable_text("notes")
    text.insert(n % (text.len_unicode + 1), "why? ß🙂\n"[n % 4 :])


def cut_note(doc: LoroDoc, pipeline: str, n: int) -> None:
    text = pipeline_map(doc, pipeline).ensure_mergeable_text("notes")
    if length := text.len_unicode:
        text.delete(n % length, 1)


def bury(doc: LoroDoc, pipeline: str, _: int) -> None:
    doc.commit()
    pipeline_map(doc, pipeline).insert("removed", heads_text(doc.oplog_frontiers))


def keep(doc: LoroDoc, pipeline: str, _: int) -> None:
    _delete(pipeline_map(doc, pipeline), "removed")


def name_project(doc: LoroDoc, _: str, n: int) -> None:
    doc.get_map("settings").ensure_mergeable_map("project").insert("name", f"project-{n}")


BROKEN = "broken"
_WRONG: tuple[LoroValue, ...] = (5, None, "ab", {"a": 1}, [{"a": 1}, ["b"], 5, "orders"])
_PLACES = ("source", "tables", "order", "notes", "comments")


def break_kind(doc: LoroDoc, n: int) -> None:
    """Put a plain value where others expect a map, a text or a list; or where a whole pipeline should be."""
    if n % 7 == 0:
        doc.get_map("pipelines").insert("flat", _WRONG[n % len(_WRONG)])
    else:
        pipeline_map(doc, BROKEN).insert(_PLACES[n % len(_PLACES)], _WRONG[n // 5 % len(_WRONG)])


def mend_kinds(doc: LoroDoc) -> None:
    """Take it all away again."""
    _delete(doc.get_map("pipelines"), "flat")
    _delete(doc.get_map("pipelines"), BROKEN)


EDITS: Mapping[str, Edit] = {
    edit.__name__: edit
    for edit in (
        create,
        set_field,
        clear_field,
        set_setting,
        add_table,
        remove_table,
        set_option,
        move_table,
        unlist_table,
        note,
        cut_note,
        bury,
        keep,
        name_project,
    )
}


def _add_table(pipeline: LoroMap, table: str) -> None:
    pipeline.ensure_mergeable_map("tables").ensure_mergeable_map(table)
    order = pipeline.ensure_mergeable_movable_list("order")
    if table not in order.to_vec():
        order.push(table)


def _delete(held: LoroMap, key: str) -> None:
    if held.get(key) is not None:
        held.delete(key)
