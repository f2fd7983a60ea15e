"""Run one pipeline to its end from wherever it got to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from appliance.core.checkpoint import check_cursor
from appliance.core.connector import Connectors, Done, Failed, FailureKind, ReadRequest
from appliance.core.errors import ControlError, LeaseLost, NotFound, Unavailable
from appliance.core.event import Sample
from appliance.core.landing import SchemaIncompatible
from appliance.core.limits import ERROR_TEXT_BYTES, LEASE_TTL
from appliance.core.objects import ObjectStore
from appliance.core.pipeline import OnTableError, Pipeline, Table
from appliance.core.ports import Clock, Doorbell, Journal, Progress, Records, Runs
from appliance.core.retry import next_attempt
from appliance.core.run import Claim, RunError, RunId, RunState, final_state
from appliance.core.run_manifest import RunManifest
from appliance.services.keep_run import KeepRun
from appliance.services.land import Land
from appliance.services.manifests import Manifests
from appliance.services.read_table import ReadTable, Stopping

_log = logging.getLogger("hakiri.execute")


@dataclass(frozen=True, slots=True)
class Execute:
    """Claim a run, read its tables, commit each, end the run. `jitter` gives numbers from 0 to 1."""

    runs: Runs
    journal: Journal
    progress: Progress
    records: Records
    manifests: Manifests
    objects: ObjectStore
    land: Land
    connectors: Connectors
    doorbell: Doorbell
    clock: Clock
    holder: str
    node_id: str
    jitter: Callable[[], float]
    stopping: Callable[[], bool]

    def __call__(self, run_id: RunId) -> bool:
        """Return False if there is nothing to do: someone else holds the run, or it is not its turn."""
        claimed = self._claim(run_id)
        if claimed is None:
            return False
        claim, pipeline = claimed
        keeper = KeepRun(
            self.journal, self.progress, self.records, self.objects, self.clock, self.node_id, pipeline, claim.run,
            claim.lease,
        )  # fmt: skip
        try:
            self._attempt(keeper, claim)
            keeper.flush()
        except Stopping:
            keeper.flush()
            self.journal.release(keeper.lease)
        except LeaseLost:
            # Whoever took over writes from now on, also the log.
            return False
        return True

    def _claim(self, run_id: RunId) -> tuple[Claim, Pipeline] | None:
        if self.stopping():
            return None
        try:
            run = self.runs.get(run_id)
        except NotFound:
            return None
        if run.state.is_final:
            return None
        pipeline = self.manifests.pipeline(run.revision, run.pipeline_id)
        now = self.clock.now()
        claim = self.journal.claim(run_id, self.holder, now=now, ttl=LEASE_TTL, deadline_at=now + pipeline.timeout)
        return None if claim is None else (claim, pipeline)

    def _attempt(self, keeper: KeepRun, claim: Claim) -> None:
        if claim.taken_over:
            self.records.count([Sample("hakiri_lease_takeovers_total", {}, 1)])
        keeper.say("info", f"attempt {claim.lease.fence}: {keeper.checkpoints} pages are checkpointed")
        failed: list[RunError] = []
        for table in keeper.pipeline.tables:
            if table.name in keeper.committed():
                continue
            failure = self._table(keeper, table)
            if failure is None:
                continue
            if self._will_retry(keeper, failure):
                return
            failed.append(RunError(_code(failure), f"table {table.name}: {failure.message}"[:ERROR_TEXT_BYTES]))
            keeper.say("error", failed[-1].message)
            if failure.kind is FailureKind.CANCELLED or keeper.pipeline.on_table_error is OnTableError.ABORT:
                break
        self._end(keeper, failed)

    def _table(self, keeper: KeepRun, table: Table) -> Failed | None:
        """Read and commit one table. None means that it is committed."""
        try:
            keeper.begin(table)
            word = self._read(keeper, table)
            if isinstance(word, Failed):
                return word
            self._commit(keeper, table, word)
        except (LeaseLost, Stopping):
            raise
        except Unavailable as error:
            return Failed(FailureKind.TRANSIENT, str(error))
        except SchemaIncompatible as error:
            return Failed(FailureKind.SCHEMA_INCOMPATIBLE, str(error))
        except ControlError as error:
            return Failed(FailureKind.PERMANENT, f"{error.code}: {error}")
        except Exception as error:  # noqa: BLE001 - around a connector; it is recorded
            # A fault of ours must not leave a run running for ever; another attempt may meet a restarted process.
            _log.exception("run %s, table %s", keeper.run.id, table.name)
            return Failed(FailureKind.INTERNAL, f"{type(error).__name__}: {error}")
        return None

    def _commit(self, keeper: KeepRun, table: Table, done: Done) -> None:
        """Write the run manifest, then record it. A run manifest that is there already holds, with its cursor."""
        check_cursor(done.cursor)
        landed_name = keeper.pipeline.landed_name(table)
        draft = RunManifest(
            run_id=keeper.run.id,
            pipeline_id=keeper.pipeline.id,
            table=table.name,
            landed_name=landed_name,
            node_id=self.node_id,
            revision=keeper.run.revision,
            sequence=self.progress.next_sequence(landed_name),
            fence=keeper.lease.fence,
            committed_at=self.clock.now(),
            cursor=done.cursor,
            parts=keeper.parts(table),
        )
        landed = self.land.commit_table(draft, keeper.columns(table), primary_key=table.primary_key)
        keeper.commit(table, landed)

    def _read(self, keeper: KeepRun, table: Table) -> Done | Failed:
        pipeline = keeper.pipeline
        read = ReadTable(
            self.connectors, self.runs, self.clock, keeper, self.stopping, keeper.run.id, keeper.run.deadline_at
        )
        field = pipeline.incremental_of(table)
        return read(
            ReadRequest(
                run_id=keeper.run.id,
                connector=pipeline.source.connector,
                config={
                    "config": pipeline.source.config,
                    "table": {"name": table.name, "primary_key": table.primary_key, **table.carried},
                    "incremental": {"field": field} if field else None,
                },
                table=table.name,
                cursor=keeper.cursor(table),
                columns=keeper.columns(table),
                egress=pipeline.egress,
                secrets=pipeline.secrets,
            )
        )

    def _will_retry(self, keeper: KeepRun, failure: Failed) -> bool:
        """Give the run back until its next attempt, if trying again can help."""
        if not failure.kind.is_retryable:
            return False
        now, run = self.clock.now(), self.runs.get(keeper.run.id)
        at = next_attempt(
            failures=run.failures,
            attempts=keeper.pipeline.retries,
            first_failure_at=run.first_failure_at,
            retry_after=timedelta(seconds=failure.retry_after) if failure.retry_after else None,
            now=now,
            jitter=self.jitter(),
        )
        if at is None:
            keeper.say("error", f"gave up after {run.failures + 1} attempts without a new page")
            return False
        keeper.say("warning", f"will try again in {(at - now).total_seconds():.1f} s: {failure.message}")
        keeper.flush()
        error = RunError(_code(failure), failure.message[:ERROR_TEXT_BYTES])
        self.journal.retry(keeper.lease, error, at=at, now=now)
        self.doorbell.ring_at(keeper.run.id, at)
        return True

    def _end(self, keeper: KeepRun, failed: list[RunError]) -> None:
        cancelled = any(error.code == FailureKind.CANCELLED for error in failed)
        state = final_state(committed=len(keeper.committed()), tables=len(keeper.pipeline.tables), cancelled=cancelled)
        keeper.say("info" if state is RunState.SUCCEEDED else "error", f"run {state}")
        keeper.flush()
        waiting = self.journal.finish(keeper.lease, state, failed[0] if failed else None, now=self.clock.now())
        if waiting is not None:
            self.doorbell.ring(waiting)
        self._discard(keeper)

    def _discard(self, keeper: KeepRun) -> None:
        """Remove the parts that no run manifest will ever name."""
        committed = keeper.committed()
        for table in keeper.pipeline.tables:
            if table.name not in committed and keeper.parts(table):
                try:
                    self.land.discard(keeper.pipeline.landed_name(table), keeper.run.id, self.node_id)
                except ControlError as error:
                    _log.warning("run %s left parts of table %s behind: %s", keeper.run.id, table.name, error)


def _code(failure: Failed) -> str:
    return failure.kind.value
