"""Checkpoints: how far a run got, and how its pages are batched into steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from appliance.core.errors import TooLarge
from appliance.core.landing import Column
from appliance.core.limits import CURSOR_BYTES, STEP_RESULT_BYTES, STEPS_PER_RUN
from appliance.core.run import RunId

# What a column adds to a step's result besides its name.
COLUMN_BYTES = 32

# Steps before the number of pages in a step doubles: short runs checkpoint a step per page, and
# 1,024 steps hold 32,640 pages.
STEPS_PER_DOUBLING = 128


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Proof that page `seq` is in the object store under `key`; `cursor` resumes after it."""

    run_id: RunId
    seq: int
    step: int
    table: str
    key: str
    sha256: str
    rows: int
    bytes: int
    cursor: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class TableCommit:
    """A table of a run whose run manifest is written. `cursor` is where the next run starts."""

    run_id: RunId
    table: str
    landed_name: str
    sequence: int
    manifest_key: str
    cursor: str | None
    rows: int
    bytes: int
    parts: int
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """Pages of one table that count as one step of the run, for people and for the limit."""

    number: int
    kind: str
    table: str
    first_page: int
    pages: int
    rows: int
    bytes: int
    completed_at: datetime


def step_of(seq: int, *, tables: int) -> int:
    """The step that page `seq` (from 0) belongs to. Raises TooLarge past the run's last step.

    One step a table is kept for its commit.
    """
    first, step, width = 0, 0, 1
    while seq >= first + STEPS_PER_DOUBLING * width:
        first += STEPS_PER_DOUBLING * width
        step += STEPS_PER_DOUBLING
        width *= 2
    step += (seq - first) // width
    if step >= STEPS_PER_RUN - tables:
        raise TooLarge(
            f"page {seq} would need step {step}: a run has at most {STEPS_PER_RUN} steps. "
            "Ask the source for larger pages, or split the pipeline's tables."
        )
    return step


def check_cursor(cursor: str) -> None:
    """Raises TooLarge if the cursor does not fit into a checkpoint."""
    size = len(cursor.encode())
    if size > CURSOR_BYTES:
        raise TooLarge(f"the connector's cursor has {size} bytes, a cursor has at most {CURSOR_BYTES}")


def check_result(page: Checkpoint) -> None:
    """Raises TooLarge if what a step records of its newest page is over the limit of every substrate."""
    names = sum(len(column.name.encode()) + COLUMN_BYTES for column in page.columns)
    size = len(page.cursor.encode()) + len(page.key.encode()) + names
    if size > STEP_RESULT_BYTES:
        raise TooLarge(
            f"a page of table {page.table} records {size} bytes, a step result has at most {STEP_RESULT_BYTES}: "
            f"{len(page.columns)} columns with such long names are too many"
        )
