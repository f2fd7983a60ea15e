"""Pages are batched into steps so that no run has more than 1,024, whatever it reads."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.checkpoint import (
    COLUMN_BYTES,
    STEPS_PER_DOUBLING,
    Checkpoint,
    check_cursor,
    check_result,
    step_of,
)
from appliance.core.errors import TooLarge
from appliance.core.landing import Column
from appliance.core.limits import CURSOR_BYTES, STEP_RESULT_BYTES, STEPS_PER_RUN
from appliance.core.run import RunId

MOST_PAGES = STEPS_PER_DOUBLING * (2**8 - 1)

tables = st.integers(1, STEPS_PER_RUN - 1)


def _steps(tables: int) -> list[int]:
    """The step of every page that a run of so many tables can have."""
    steps: list[int] = []
    while True:
        try:
            steps.append(step_of(len(steps), tables=tables))
        except TooLarge:
            return steps


def _step(seq: int, tables: int) -> int | None:
    """None where there is no room for the page."""
    try:
        return step_of(seq, tables=tables)
    except TooLarge:
        return None


@pytest.mark.parametrize("tables", [1, 2, 3, 127, 128, 129, 1000, STEPS_PER_RUN - 1])
def test_a_run_uses_every_step_it_may_and_no_more(tables: int) -> None:
    steps = _steps(tables)

    assert sorted(set(steps)) == list(range(STEPS_PER_RUN - tables))
    assert len(set(steps)) + tables == STEPS_PER_RUN


def test_steps_count_up_one_by_one() -> None:
    assert {after - before for before, after in pairwise(_steps(1))} == {0, 1}


def test_a_step_holds_one_page_at_first_and_twice_as_many_after_every_128_steps() -> None:
    steps = _steps(1)
    widths = [steps.count(number) for number in range(0, 1000, STEPS_PER_DOUBLING)]

    assert widths == [1, 2, 4, 8, 16, 32, 64, 128]
    assert steps[:STEPS_PER_DOUBLING] == list(range(STEPS_PER_DOUBLING))


def test_a_run_of_one_table_has_room_for_32_thousand_pages() -> None:
    # The last step is kept for the table's commit.
    assert len(_steps(1)) == MOST_PAGES - 128 == 32_512


@given(st.integers(0, MOST_PAGES), tables)
def test_a_page_has_a_step_below_the_limit_or_is_refused(seq: int, tables: int) -> None:
    step = _step(seq, tables)

    assert step is None or 0 <= step <= min(seq, STEPS_PER_RUN - tables - 1)


@given(st.integers(0, MOST_PAGES), tables, tables)
def test_a_pages_step_does_not_depend_on_how_many_tables_there_are(seq: int, one: int, other: int) -> None:
    assert len({_step(seq, one), _step(seq, other)} - {None}) <= 1


@pytest.mark.parametrize("tables", [STEPS_PER_RUN, STEPS_PER_RUN + 1, 10**9])
def test_more_tables_than_steps_leave_room_for_no_page(tables: int) -> None:
    with pytest.raises(TooLarge):
        step_of(0, tables=tables)


@pytest.mark.parametrize("seq", [MOST_PAGES, 10**6, 10**12, 10**100])
def test_a_page_far_beyond_the_limit_is_refused_at_once(seq: int) -> None:
    with pytest.raises(TooLarge, match=rf"page {seq} .* at most {STEPS_PER_RUN} steps.*larger pages"):
        step_of(seq, tables=1)


def test_a_cursor_fits_to_the_byte() -> None:
    check_cursor("x" * CURSOR_BYTES)
    check_cursor("é" * (CURSOR_BYTES // 2))

    for cursor in ("x" * (CURSOR_BYTES + 1), "é" * (CURSOR_BYTES // 2 + 1)):
        with pytest.raises(TooLarge, match=str(CURSOR_BYTES)):
            check_cursor(cursor)


def test_a_steps_result_fits_to_the_byte() -> None:
    page = Checkpoint(RunId("r"), 0, 0, "orders", "", "0" * 64, 1, 1, "", (Column("é" * 8, "text"),))
    full = replace(page, cursor="x" * (STEP_RESULT_BYTES - COLUMN_BYTES - 16))

    check_result(full)
    with pytest.raises(TooLarge, match="orders records"):
        check_result(replace(full, key="k"))
