"""What the core needs from a substrate.

Each method is one atomic step on every substrate: no transaction crosses a port, so a port can be a
local SQLite call or one request to a Durable Object. A method that changes something has made it
durable when it returns. Every method may raise Unavailable. The object store's port is in `objects.py`,
those of the connectors in `connector.py`, the one of members and tokens in `team.py`, those of the drafts and
their documents in `draft.py` and `config_doc.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from appliance.core.checkpoint import Checkpoint, Step, TableCommit
from appliance.core.draft import Merge
from appliance.core.event import AuditEntry, Sample
from appliance.core.landing import SchemaVersion
from appliance.core.ledger import ArmedSchedule, FireRow, Firing, NewSchedule
from appliance.core.paging import Page
from appliance.core.revision import NewRevision, Revision
from appliance.core.run import Claim, Lease, LogLine, NewRun, Run, RunError, RunId, RunState, Unfinished


class Clock(Protocol):
    """Time enters here and nowhere else."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump."""
        ...


class Runs(Protocol):
    """The runs as people see them."""

    def create(self, run: NewRun, audit: AuditEntry) -> Run:
        """Record a pending run, giving it the next free number of its moment."""
        ...

    def get(self, run_id: RunId) -> Run:
        """Raises NotFound."""
        ...

    def list(self, *, pipeline_id: str | None, state: RunState | None, before: str | None, limit: int) -> Page[Run]:
        """Newest first. `before` is the `next` of the page before."""
        ...

    def newest(self) -> Mapping[str, Run]:
        """The newest run of each pipeline."""
        ...

    def unfinished(self) -> Mapping[RunState, Unfinished]:
        """Both states that are not final, also when no run is in them."""
        ...

    def steps(self, run_id: RunId) -> Sequence[Step]:
        """Completed steps, in order."""
        ...

    def request_cancel(self, run_id: RunId, *, now: datetime, audit: AuditEntry) -> Run:
        """Mark the run; one that is pending is cancelled at once. Raises NotFound, Conflict if it is final."""
        ...

    def cancel_requested(self, run_id: RunId) -> bool: ...


class Journal(Protocol):
    """How a run is executed: every write names the lease and is refused with LeaseLost if it moved on."""

    def claim(
        self, run_id: RunId, holder: str, *, now: datetime, ttl: timedelta, deadline_at: datetime
    ) -> Claim | None:
        """Take the run if it waits, or runs under no lease or an expired one, and nothing keeps it waiting.

        A run that starts gets `deadline_at`; one that resumes keeps its own.

        None if someone holds it, its retry is not due, it is final or unknown, or it is exclusive and has not
        started while another run of its pipeline is running, or an older one waits.
        """
        ...

    def renew(self, lease: Lease, *, now: datetime, ttl: timedelta) -> Lease: ...

    def checkpoint(self, lease: Lease, page: Checkpoint, *, now: datetime, ttl: timedelta) -> Lease:
        """Record a page and its cursor, and renew."""
        ...

    def commit_table(
        self,
        lease: Lease,
        commit: TableCommit,
        schema: SchemaVersion | None,
        *,
        pipeline_id: str,
        now: datetime,
        ttl: timedelta,
    ) -> Lease:
        """Record that a table's run manifest is written; publish its cursor and its schema. Idempotent."""
        ...

    def retry(self, lease: Lease, error: RunError, *, at: datetime, now: datetime) -> None:
        """Give the lease back until `at`; counts one more failure."""
        ...

    def release(self, lease: Lease) -> None:
        """Give the lease back so that anybody may resume the run at once."""
        ...

    def finish(self, lease: Lease, state: RunState, error: RunError | None, *, now: datetime) -> RunId | None:
        """End the run; return the pipeline's next run that waits, if any."""
        ...


class Progress(Protocol):
    """How far runs and tables got."""

    def checkpoints(self, run_id: RunId) -> Sequence[Checkpoint]:
        """In order of seq."""
        ...

    def commits(self, run_id: RunId) -> Sequence[TableCommit]: ...

    def position(self, pipeline_id: str, table: str) -> str | None:
        """The published cursor: where the next run starts."""
        ...

    def schema(self, landed_name: str) -> SchemaVersion | None:
        """The newest schema of a landed table."""
        ...

    def next_sequence(self, landed_name: str) -> int:
        """One more than the newest run manifest of the table."""
        ...


class Sweep(Protocol):
    """What the sweeper looks for: work that nobody is doing."""

    def ready(self, *, now: datetime, limit: int) -> Sequence[RunId]:
        """Runs that a claim would get now."""
        ...

    def free_leases(self, node_id: str, boot: str) -> int:
        """Let go of leases that an earlier boot of this node held: their holder is dead."""
        ...

    def overdue(self, *, now: datetime, limit: int) -> Sequence[RunId]:
        """Runs past their deadline that nobody holds."""
        ...

    def end(self, run_id: RunId, state: RunState, error: RunError | None, *, now: datetime) -> bool:
        """End a run that nobody holds. False if somebody does."""
        ...

    def cancelled(self, *, now: datetime, limit: int) -> Sequence[RunId]:
        """Runs whose cancel was asked for and that nobody holds."""
        ...

    def forget(self, *, before: datetime, limit: int) -> int:
        """Delete runs that ended before, with all that is kept of them, and older ledger rows.

        At most `limit` of each; return the larger count, 0 once nothing is left. What landed stays, and so does
        the next run's position.
        """
        ...


class Schedules(Protocol):
    """The armed schedules and the fire ledger."""

    def due(self, *, now: datetime, limit: int) -> Sequence[ArmedSchedule]:
        """Schedules whose next fire is not after now, most overdue first, each with its pipeline's active runs."""
        ...

    def next_due(self) -> datetime | None: ...

    def record(self, firings: Sequence[Firing], samples: Sequence[Sample], *, now: datetime) -> Sequence[RunId]:
        """Write ledger rows, runs and the schedules' new positions, all or nothing; return the new runs.

        A firing whose schedule moved since `due` is left out: another ticker was first. `samples` are counted
        if none was left out. A moment that has a row, or a run, keeps it.
        """
        ...

    def list(self) -> Sequence[ArmedSchedule]: ...

    def fires(self, *, pipeline_id: str | None, before: str | None, limit: int) -> Page[FireRow]:
        """The ledger, newest first."""
        ...


class Revisions(Protocol):
    """Numbered manifests, immutable once applied."""

    def head(self) -> Revision | None: ...

    def head_number(self) -> int | None: ...

    def get(self, number: int) -> Revision:
        """Raises NotFound."""
        ...

    def list(self, *, before: str | None, limit: int) -> Page[Revision]: ...

    def add(
        self, revision: NewRevision, schedules: Sequence[NewSchedule], audit: AuditEntry, merges: Sequence[Merge] = ()
    ) -> Revision:
        """Record the next revision, arm exactly these schedules (unchanged ones keep their position), and

        let the drafts say so. Revisions after `revision.reverts` become undone.

        Raises Conflict if the head is not `revision.based_on`, RoomMoved if an epoch of `merges` is not open.
        """
        ...

    def undone(self, digest: str) -> Revision | None:
        """The newest revision of that digest, if it was undone."""
        ...

    def number_at(self, moment: datetime) -> int | None:
        """The head as it was at a moment."""
        ...


class Records(Protocol):
    """What is kept for people and monitoring."""

    def log(self, run_id: RunId, lines: Sequence[tuple[datetime, str, str]]) -> None:
        """Append (at, level, message) lines."""
        ...

    def logs(self, run_id: RunId, *, after: int, limit: int) -> Sequence[LogLine]: ...

    def audit(self, *, before: str | None, limit: int) -> Page[AuditEntry]: ...

    def count(self, samples: Sequence[Sample]) -> None:
        """Add to counters that survive restarts."""
        ...

    def counters(self) -> Sequence[Sample]: ...

    def remember(
        self, member: str, key: str, fingerprint: str, *, now: datetime, stale: datetime, old: datetime
    ) -> tuple[int, str] | None:
        """Begin a request with an Idempotency-Key; return the answer if it was answered before.

        Forgets answers from before `old`, and a request from before `stale` that was never answered.

        Raises Conflict if the key belongs to another request, or to one that is still being answered.
        """
        ...

    def answer(self, member: str, key: str, status: int, body: str) -> None: ...

    def forget(self, member: str, key: str) -> None:
        """Drop a request that was begun and will have no answer, so that it may be sent again at once."""
        ...


class Doorbell(Protocol):
    """Tells a worker that a run is ready. May ring twice or not at all: nothing depends on it but latency."""

    def ring(self, run_id: RunId) -> None: ...

    def ring_at(self, run_id: RunId, at: datetime) -> None: ...

    def start(self, answer: Callable[[RunId], object]) -> None:
        """Answer each ring from now on. Rings before this are lost."""
        ...

    def stop(self, seconds: float) -> None:
        """Take no more rings, and wait at most so long for the answers that are under way."""
        ...

    def waiting(self) -> int:
        """Rings that nobody has answered yet."""
        ...
