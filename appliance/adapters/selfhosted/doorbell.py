"""The doorbell on huey: rings wait in memory and are answered by huey's worker threads.

huey forgets a ring once it is taken and everything when the process ends. That is all a doorbell has
to do: the catalog knows every run that waits, and the sweeper rings again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from huey import Huey
from huey.consumer import Consumer, Scheduler
from huey.storage import MemoryStorage

from appliance.core.run import RunId

# huey looks for retries that became due this often, in seconds. Its own shortest is a second.
_RETRY_RESOLUTION = 0.1

# A waiting worker looks whether it should stop this often, in seconds.
_WAIT = 1.0


class _WakingStorage(MemoryStorage):  # type: ignore[misc]  # huey has no types
    """huey's memory queue, except that a waiting worker is woken: huey's own polls, up to ten seconds apart."""

    blocking = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._filled = threading.Condition()
        self._closed = False

    def enqueue(self, data: bytes, priority: int | None = None) -> None:
        super().enqueue(data, priority)
        with self._filled:
            self._filled.notify()

    def dequeue(self) -> bytes | None:
        data: bytes | None = super().dequeue()
        if data is None:
            with self._filled:
                # Between the look above and this lock a ring may have come: then there is nothing to wait for.
                self._filled.wait_for(lambda: self._closed or self.queue_size(), _WAIT)
            data = super().dequeue()
        return data

    def wake_all(self) -> None:
        """Nothing will come any more: let every waiting worker look at its stop flag."""
        with self._filled:
            self._closed = True
            self._filled.notify_all()


class _PromptScheduler(Scheduler):  # type: ignore[misc]  # huey has no types
    """Looks for due retries more often than huey's shortest interval."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.interval = _RETRY_RESOLUTION


class _Consumer(Consumer):  # type: ignore[misc]  # huey has no types
    scheduler_class = _PromptScheduler

    def _set_signal_handlers(self) -> None:
        """Signals belong to the process, which stops this consumer in its own order."""


class HueyDoorbell:
    """Answers each ring by calling `answer` on one of `workers` threads."""

    def __init__(self, *, workers: int) -> None:
        self._huey = Huey("doorbell", results=False, storage_class=_WakingStorage, utc=True)
        self._workers = workers
        self._ringing: Any = None
        self._consumer: _Consumer | None = None

    def ring(self, run_id: RunId) -> None:
        if (ringing := self._ringing) is not None:
            ringing(run_id)

    def ring_at(self, run_id: RunId, at: datetime) -> None:
        if (ringing := self._ringing) is not None:
            ringing.schedule(args=(run_id,), eta=at)

    def waiting(self) -> int:
        """Rings that no worker has taken yet."""
        return int(self._huey.pending_count())

    def start(self, answer: Callable[[RunId], object]) -> None:
        self._ringing = self._huey.task(name="answer")(answer)
        self._consumer = _Consumer(self._huey, workers=self._workers, periodic=False, check_worker_health=False)
        self._consumer.start()

    def stop(self, seconds: float) -> None:
        """Take no more rings, and wait at most so long for the answers that are under way."""
        consumer, self._consumer, self._ringing = self._consumer, None, None
        if consumer is None:
            return
        consumer.stop_flag.set()
        self._huey.storage.wake_all()
        deadline = time.monotonic() + seconds
        for _worker, thread in consumer.worker_threads:
            thread.join(max(0.0, deadline - time.monotonic()))
