"""Which changes of a table's columns are accepted."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors_runtime.columns import MAX_COLUMNS, TYPES, Column, check_names, merge
from connectors_runtime.errors import SchemaIncompatible

COLUMNS = st.lists(
    st.builds(Column, st.sampled_from("abcdef"), st.sampled_from(TYPES), st.booleans()),
    unique_by=lambda column: column.name,
).map(tuple)


def test_new_columns_come_after_the_known_ones() -> None:
    assert merge((Column("b", "int64"),), [Column("a", "text")]) == (Column("b", "int64"), Column("a", "text"))


def test_whole_numbers_widen_and_never_narrow_again() -> None:
    widened = merge((Column("n", "int64"),), [Column("n", "float64")])

    assert widened == (Column("n", "float64"),)
    assert merge(widened, [Column("n", "int64")]) == widened


@pytest.mark.parametrize(
    ("old", "new"),
    [pair for pair in itertools.permutations(TYPES, 2) if pair not in {("int64", "float64"), ("float64", "int64")}],
)
def test_every_other_change_of_type_is_refused_and_named(old: str, new: str) -> None:
    with pytest.raises(SchemaIncompatible, match=f"column 'n': was {old}, now {new}"):
        merge((Column("n", old),), [Column("n", new)])


def test_a_missing_column_becomes_nullable() -> None:
    assert merge((Column("n", "int64", nullable=False),), []) == (Column("n", "int64"),)


@given(COLUMNS, COLUMNS)
def test_merging_twice_is_merging_once(known: tuple[Column, ...], seen: tuple[Column, ...]) -> None:
    try:
        once = merge(known, seen)
    except SchemaIncompatible:
        return

    assert merge(once, seen) == once


@pytest.mark.parametrize(
    ("names", "trouble"),
    [
        (["a", "A"], "must differ in more than case"),
        (["straße", "STRASSE"], "must differ in more than case"),
        ([""], "empty name"),
        (["x" * 256], "longer than 255 bytes"),
        (["a\nb"], "control characters"),
        (["\ud800"], "control characters"),
        ([f"c{n}" for n in range(MAX_COLUMNS + 1)], "a table may have 2,000"),
    ],
)
def test_names_that_a_reader_could_not_tell_apart_are_refused(names: list[str], trouble: str) -> None:
    with pytest.raises(SchemaIncompatible, match=trouble):
        check_names(names)
