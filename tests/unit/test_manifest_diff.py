"""What changed between two manifests, as the audit and a plan show it."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.manifest import Change, ChangeKind, SourceText, diff, load, render
from appliance.core.pipeline import Manifest
from tests.support.manifests import TomlWriter, manifest_values

CHANCES = st.integers(0, 1 << 32).map(Random)
ORDERS = '[[pipeline]]\nid = "orders"\nsource = { connector = "http", config = { size = 1 } }\ntables = ["a", "b"]\n'


def read(text: str) -> Manifest:
    return load([SourceText("hakiri.toml", text, "toml")])


def changes(old: str, new: str) -> list[Change]:
    return list(diff(read(old), read(new)))


def test_a_changed_field_shows_old_and_new() -> None:
    (change,) = changes(ORDERS, f'{ORDERS}schedule = "every 15m"\n')

    assert change == Change(
        ChangeKind.FIELD, "pipeline.orders.schedule", None, "every 15m", read(ORDERS).pipelines[0].id
    )
    assert str(change) == 'pipeline.orders.schedule: nothing -> "every 15m"'


def test_leaving_a_default_shows_the_default() -> None:
    assert [str(change) for change in changes(ORDERS, f"{ORDERS}retries = 7\n")] == ["pipeline.orders.retries: 5 -> 7"]


def test_a_pipeline_comes_and_goes_as_one_change() -> None:
    ads = f"# why\n{ORDERS}".replace('"orders"', '"ads"')

    assert [str(change) for change in changes(ORDERS, ads)] == ["pipeline.ads: added", "pipeline.orders: removed"]


def test_a_comment_is_a_change_of_its_own() -> None:
    (change,) = changes(ORDERS, ORDERS.replace('"orders"', '"orders" # the shop'))

    assert (change.kind, change.path) == (ChangeKind.COMMENT, "pipeline.orders.id")


def test_the_order_of_tables_is_a_change() -> None:
    (change,) = changes(ORDERS, ORDERS.replace('"a", "b"', '"b", "a"'))

    assert (change.path, change.old, change.new) == ("pipeline.orders.tables", ["a", "b"], ["b", "a"])


def test_an_option_of_a_table_is_named_by_the_table() -> None:
    (change,) = changes(ORDERS, ORDERS.replace('"b"', '{ name = "b", incremental = "at" }'))

    assert (change.path, change.old, change.new) == ("pipeline.orders.tables.b.incremental", None, "at")


def test_a_number_and_a_float_are_not_the_same() -> None:
    (change,) = changes(ORDERS, ORDERS.replace("size = 1", "size = 1.0"))

    assert str(change) == "pipeline.orders.source.config.size: 1 -> 1.0"


@given(manifest_values(), manifest_values(), CHANCES, CHANCES, st.booleans())
@settings(max_examples=80, deadline=None)
def test_there_is_no_difference_exactly_if_the_canonical_text_is_equal(
    one: dict[str, object], other: dict[str, object], chance: Random, another: Random, same: bool
) -> None:
    old = read(TomlWriter(chance, iter(map(str, range(10_000)))).write(one))
    new = read(TomlWriter(another).write(one if same else other))

    assert (diff(old, new) == ()) == (render(old) == render(new))
    assert diff(old, old) == ()
