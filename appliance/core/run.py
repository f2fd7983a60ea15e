"""A run: one durable execution of a pipeline, and what may happen to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

RunId = NewType("RunId", str)


class RunState(StrEnum):
    """Where a run is. A run that can resume stays running."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIAL_FAILURE = "partial_failure"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self not in (RunState.PENDING, RunState.RUNNING)


class Trigger(StrEnum):
    """What asked for a run."""

    SCHEDULE = "schedule"
    CATCH_UP = "catch_up"
    MANUAL = "manual"
    BACKFILL = "backfill"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be recorded as pending. `exclusive` runs wait for the pipeline's running one to end."""

    id: RunId
    pipeline_id: str
    revision: int
    due_at: datetime
    trigger: Trigger
    exclusive: bool
    created_by: str
    created_at: datetime
    deadline_at: datetime


@dataclass(frozen=True, slots=True)
class RunError:
    """Why a run is not where it should be. `code` is stable, `message` is for people and carries no secret."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Run:
    """One row of the run journal. `failures` counts transient failures since the last checkpoint."""

    id: RunId
    pipeline_id: str
    revision: int
    due_at: datetime
    trigger: Trigger
    exclusive: bool
    state: RunState
    created_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    deadline_at: datetime
    fence: int
    holder: str | None
    lease_expires_at: datetime | None
    failures: int
    first_failure_at: datetime | None
    retry_at: datetime | None
    cancel_requested_at: datetime | None
    cancelled_by: str | None
    error: RunError | None
    rows: int
    bytes: int
    pages: int


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The runs in one state that is not final: how many, and since when the oldest of them is in it."""

    count: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write to one run until `expires_at`.

    `fence` grows by one at every claim. A store refuses a write whose fence is not the run's current
    one, so a paused process that wakes up late can do no harm.
    """

    run_id: RunId
    holder: str
    fence: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease, the run as it was claimed, and whether another holder's lease had run out."""

    lease: Lease
    run: Run
    taken_over: bool


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a run said. `seq` counts from 1 within the run."""

    seq: int
    at: datetime
    level: str
    message: str


def final_state(*, committed: int, tables: int, cancelled: bool) -> RunState:
    """The state of a run that will not go on, from how many of its tables are committed."""
    if cancelled:
        return RunState.CANCELLED
    if committed == tables:
        return RunState.SUCCEEDED
    return RunState.PARTIAL_FAILURE if committed else RunState.FAILED
