"""The fire ledger and the schedules that are armed: what a tick reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from appliance.core.fires import LedgerEntry, Policy
from appliance.core.run import NewRun
from appliance.core.schedule import Schedule


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """A schedule of the revision that is being applied."""

    pipeline_id: str
    schedule: Schedule
    policy: Policy
    paused: bool
    placement: str
    next_fire: datetime | None


@dataclass(frozen=True, slots=True)
class ArmedSchedule:
    """A schedule of the head revision, how far its ledger goes, and its pipeline's unfinished runs."""

    pipeline_id: str
    revision: int
    schedule: Schedule
    policy: Policy
    paused: bool
    placement: str
    armed_at: datetime
    last_expected: datetime | None
    next_fire: datetime | None
    pending: int
    running: int


@dataclass(frozen=True, slots=True)
class Firing:
    """What one tick decided for one schedule."""

    armed: ArmedSchedule
    entries: Sequence[LedgerEntry]
    runs: Sequence[NewRun]
    cancel_active: bool
    last_expected: datetime
    next_fire: datetime | None


@dataclass(frozen=True, slots=True)
class FireRow:
    """One row of the ledger: a moment, or a gap of `count` moments from first to last."""

    pipeline_id: str
    first_due_at: datetime
    last_due_at: datetime
    count: int
    reason: str
    run_id: str | None
    recorded_at: datetime
