"""What the API answers about runs, pipelines, schedules and the ledger."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from appliance.core.checkpoint import Step
from appliance.core.ledger import FireRow
from appliance.core.pipeline import Pipeline
from appliance.core.run import LogLine, Run
from appliance.services.look import PipelineNow, ScheduleNow


class RunErrorOut(Struct, frozen=True):
    """Why a run is not where it should be. `code` is stable, `message` is for people."""

    code: str
    message: str


class RunOut(Struct, frozen=True):
    """One run. `attempts` counts how often a worker took it; rows, bytes and pages are those checkpointed."""

    id: str
    pipeline: str
    revision: int
    due_at: datetime
    trigger: str
    state: str
    created_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    deadline_at: datetime
    attempts: int
    failures: int
    retry_at: datetime | None
    cancel_requested_at: datetime | None
    cancelled_by: str | None
    error: RunErrorOut | None
    rows: int
    bytes: int
    pages: int

    @classmethod
    def of(cls, run: Run) -> RunOut:
        return cls(
            id=run.id,
            pipeline=run.pipeline_id,
            revision=run.revision,
            due_at=run.due_at,
            trigger=run.trigger,
            state=run.state,
            created_by=run.created_by,
            created_at=run.created_at,
            started_at=run.started_at,
            finished_at=run.finished_at,
            deadline_at=run.deadline_at,
            attempts=run.fence,
            failures=run.failures,
            retry_at=run.retry_at,
            cancel_requested_at=run.cancel_requested_at,
            cancelled_by=run.cancelled_by,
            error=RunErrorOut(run.error.code, run.error.message) if run.error else None,
            rows=run.rows,
            bytes=run.bytes,
            pages=run.pages,
        )


class RunPage(Struct, frozen=True):
    """Runs, newest first. `next` is the `before` of the following page."""

    items: list[RunOut]
    next: str | None


class StepOut(Struct, frozen=True):
    """A completed step: `read` (pages of a table) or `commit` (of a table)."""

    number: int
    kind: str
    table: str
    first_page: int
    pages: int
    rows: int
    bytes: int
    completed_at: datetime

    @classmethod
    def of(cls, step: Step) -> StepOut:
        return cls(
            step.number, step.kind, step.table, step.first_page, step.pages, step.rows, step.bytes, step.completed_at
        )


class StepList(Struct, frozen=True):
    """The completed steps of a run, in order."""

    items: list[StepOut]


class LogLineOut(Struct, frozen=True):
    """One line that a run said. `seq` counts from 1 within the run."""

    seq: int
    at: datetime
    level: str
    message: str

    @classmethod
    def of(cls, line: LogLine) -> LogLineOut:
        return cls(line.seq, line.at, line.level, line.message)


class LogPage(Struct, frozen=True):
    """Lines in order. `next` is the `after` of the following page; null when no line can follow."""

    items: list[LogLineOut]
    next: int | None
    state: str


class LogEnd(Struct, frozen=True):
    """The last event of a followed log."""

    state: str
    error: RunErrorOut | None

    @classmethod
    def of(cls, run: Run) -> LogEnd:
        return cls(run.state, RunErrorOut(run.error.code, run.error.message) if run.error else None)


class SourceOut(Struct, frozen=True):
    """The connector and its settings. Secrets stand here by name only."""

    connector: str
    config: dict[str, object]


class TableOut(Struct, frozen=True):
    """A table of the source. `landed_as` is its name for readers."""

    name: str
    landed_as: str
    primary_key: list[str]
    incremental: str | None


class PipelineOut(Struct, frozen=True):
    """A pipeline as it is applied, and where it stands."""

    id: str
    revision: int
    source: SourceOut
    tables: list[TableOut]
    secrets: list[str]
    destination: str
    schedule: str | None
    timezone: str
    catchup: str
    overlap: str
    paused: bool
    placement: str
    served: bool
    next_fire: datetime | None
    last_run: RunOut | None

    @classmethod
    def of(cls, now: PipelineNow) -> PipelineOut:
        pipeline = now.pipeline
        return cls(
            id=pipeline.id,
            revision=now.revision,
            source=SourceOut(pipeline.source.connector, dict(pipeline.source.config)),
            tables=_tables(pipeline),
            secrets=list(pipeline.secrets),
            destination=pipeline.destination,
            schedule=pipeline.schedule,
            timezone=pipeline.timezone,
            catchup=pipeline.catchup,
            overlap=pipeline.overlap,
            paused=pipeline.paused,
            placement=pipeline.placement,
            served=now.served,
            next_fire=now.armed.next_fire if now.armed else None,
            last_run=RunOut.of(now.last_run) if now.last_run else None,
        )


class PipelineList(Struct, frozen=True):
    """All pipelines of the head revision, by id."""

    items: list[PipelineOut]


class ScheduleOut(Struct, frozen=True):
    """An armed schedule. `next_fires` are its due moments from now on, whether or not it is paused or served."""

    pipeline: str
    revision: int
    text: str
    timezone: str
    catchup: str
    catchup_limit: int
    overlap: str
    paused: bool
    placement: str
    served: bool
    armed_at: datetime
    last_expected: datetime | None
    next_fires: list[datetime]

    @classmethod
    def of(cls, now: ScheduleNow) -> ScheduleOut:
        armed = now.armed
        return cls(
            pipeline=armed.pipeline_id,
            revision=armed.revision,
            text=armed.schedule.text,
            timezone=armed.schedule.zone,
            catchup=armed.policy.catchup,
            catchup_limit=armed.policy.catchup_limit,
            overlap=armed.policy.overlap,
            paused=armed.paused,
            placement=armed.placement,
            served=now.served,
            armed_at=armed.armed_at,
            last_expected=armed.last_expected,
            next_fires=list(now.fires),
        )


class ScheduleList(Struct, frozen=True):
    """All armed schedules, by pipeline."""

    items: list[ScheduleOut]


class FireOut(Struct, frozen=True):
    """One expected fire, or a gap of `count` of them from first to last, and what became of it."""

    pipeline: str
    first_due_at: datetime
    last_due_at: datetime
    count: int
    reason: str
    run: str | None
    recorded_at: datetime

    @classmethod
    def of(cls, row: FireRow) -> FireOut:
        return cls(
            row.pipeline_id, row.first_due_at, row.last_due_at, row.count, row.reason, row.run_id, row.recorded_at
        )


class FirePage(Struct, frozen=True):
    """The ledger, newest first. `next` is the `before` of the following page."""

    items: list[FireOut]
    next: str | None


def next_after(run: Run, lines: list[LogLineOut], *, after: int, limit: int) -> int | None:
    """Where the log goes on; None once the run is final and its last line was given."""
    done = run.state.is_final and len(lines) < limit
    return None if done else (lines[-1].seq if lines else after)


def _tables(pipeline: Pipeline) -> list[TableOut]:
    return [
        TableOut(table.name, pipeline.landed_name(table), list(table.primary_key), pipeline.incremental_of(table))
        for table in pipeline.tables
    ]
