"""Read one table through its connector, page by page, until its end or until something stops it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from appliance.core.connector import (
    Connectors,
    Done,
    Failed,
    FailureKind,
    Message,
    Page,
    Progress,
    Reading,
    ReadRequest,
    Said,
    Started,
)
from appliance.core.ports import Clock, Runs
from appliance.core.run import RunId

# How often a run looks whether it was cancelled, in seconds.
POLL = 0.5

# A connector that was asked to stop has this long for each way of asking: politely, then by a trap. Then it is
# killed: well within the 10 seconds that a cancel may take.
PATIENCE = 3.0

# Without a page, a byte or a line for this long a reading is stuck, whatever it waits for.
STALL = 150.0


class Stopping(Exception):
    """This process is going down: the run is given back and resumes elsewhere."""


class Keeper(Protocol):
    """Keeps what a reading brings. Every method may raise LeaseLost."""

    def page(self, page: Page) -> None:
        """Make the page and its cursor durable."""
        ...

    def said(self, at: datetime, level: str, message: str) -> None: ...

    def alive(self) -> None:
        """The reading makes progress: keep the lease."""
        ...


@dataclass(slots=True)
class ReadTable:
    """One reading. `stopping` says whether the process is going down."""

    connectors: Connectors
    runs: Runs
    clock: Clock
    keeper: Keeper
    stopping: Callable[[], bool]
    run_id: RunId
    deadline_at: datetime
    _heard_at: float = field(default=0.0, init=False)
    _looked_at: float = field(default=0.0, init=False)
    _cancelled_at: float | None = field(default=None, init=False)
    _interrupted: bool = field(default=False, init=False)

    def __call__(self, request: ReadRequest) -> Done | Failed:
        """Raises Stopping, LeaseLost."""
        reading = self.connectors.open(request)
        self._heard_at = self.clock.monotonic()
        try:
            while True:
                message = reading.receive(POLL)
                if isinstance(message, Done | Failed):
                    return self._last_word(message)
                if message is not None:
                    self._keep(message, reading)
                if (verdict := self._watch(reading)) is not None:
                    return verdict
        finally:
            reading.close()

    def _keep(self, message: Message, reading: Reading) -> None:
        self._heard_at = self.clock.monotonic()
        match message:
            case Page():
                self.keeper.page(message)
                reading.acknowledge()
            case Said(level, text):
                self.keeper.said(self.clock.now(), level, text)
            case Started(at):
                self.keeper.said(at, "debug", "connector started")
            case Progress() | Done() | Failed():
                self.keeper.alive()

    def _watch(self, reading: Reading) -> Failed | None:
        """Look at everything but the connector that may end the reading."""
        if self.stopping():
            raise Stopping
        now = self.clock.monotonic()
        if now - self._heard_at > STALL:
            return Failed(FailureKind.TRANSIENT, f"the connector said nothing for {STALL:.0f} s")
        if self.clock.now() >= self.deadline_at:
            return Failed(FailureKind.LIMIT, "the run took longer than its timeout")
        if now - self._looked_at >= POLL:
            self._looked_at = now
            self.keeper.alive()
            if self._cancelled_at is None and self.runs.cancel_requested(self.run_id):
                self._cancelled_at = now
                reading.cancel()
        return self._press(reading, now)

    def _press(self, reading: Reading, now: float) -> Failed | None:
        if self._cancelled_at is None:
            return None
        waited = now - self._cancelled_at
        if waited > 2 * PATIENCE:
            return Failed(FailureKind.CANCELLED, "killed: it did not stop when asked")
        if waited > PATIENCE and not self._interrupted:
            self._interrupted = True
            reading.interrupt()
        return None

    def _last_word(self, message: Done | Failed) -> Done | Failed:
        # Cancelled in time counts as cancelled, however the reading ended.
        if self._cancelled_at is not None and isinstance(message, Failed):
            return Failed(FailureKind.CANCELLED, message.message)
        return message
