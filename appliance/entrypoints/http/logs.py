"""A run's log: a page of it, or all of it as it grows (server-sent events)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, cast

import msgspec
from litestar import Response, get
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, SkipValidation
from litestar.response import Stream

from appliance.core.errors import Invalid, Unauthorized
from appliance.core.limits import PAGE_SIZE_MAX
from appliance.core.run import LogLine, Run, RunId
from appliance.entrypoints.http.answers import LogEnd, LogLineOut, LogPage, next_after
from appliance.entrypoints.http.auth import bearer
from appliance.entrypoints.http.errors import AnyRequest, TooManyStreams
from appliance.entrypoints.http.parameters import LARGEST, Asked, Limit
from appliance.entrypoints.http.watch import Traffic

EVENTS = "text/event-stream"
LOG_PAGE = 200

# Logs followed at the same time. Each looks twice a second; more of them would be felt.
STREAMS = 64
POLL = 0.5
HEARTBEAT = 15.0


@dataclass(frozen=True, slots=True)
class Streams:
    """What a stream must know of the process that serves it."""

    traffic: Traffic
    stopping: Callable[[], bool]


@get(
    "/runs/{run_id:str}/logs",
    operation_id="GetRunLogs",
    summary="A run's log",
    description="A page of lines. With `Accept: text/event-stream` the lines are sent as they come: each event's id "
    "is the line's seq, a stream resumes after `Last-Event-ID`, and an `end` event with the final state ends it.",
)
async def run_logs(
    request: AnyRequest,
    ask: Asked,
    streams: NamedDependency[SkipValidation[Streams]],
    run_id: FromPath[str],
    *,
    after: Annotated[int, QueryParameter(ge=0, le=LARGEST, description="Only lines after this seq.")] = 0,
    limit: Limit = LOG_PAGE,
) -> Response[LogPage]:
    """Raises NotFound, TooManyStreams."""
    run, lines = await _look(Follow(ask, streams, RunId(run_id), request.headers.get("authorization")), after, limit)
    if EVENTS not in request.headers.get("accept", ""):
        items = list(map(LogLineOut.of, lines))
        return Response(LogPage(items, next_after(run, items, after=after, limit=limit), run.state))
    if streams.traffic.streams >= STREAMS:
        raise TooManyStreams(f"{STREAMS} logs are being followed already; ask for pages instead, or try again")
    start = _resumed(request.headers.get("last-event-id"), after)
    follow = Follow(ask, streams, run.id, request.headers.get("authorization"))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return cast("Response[LogPage]", Stream(follow.events(start), media_type=EVENTS, headers=headers))


@dataclass(frozen=True, slots=True)
class Follow:
    """One client that follows one run."""

    ask: Asked
    streams: Streams
    run_id: RunId
    authorization: str | None

    async def events(self, after: int) -> AsyncIterator[bytes]:
        """Until the run is final, the process stops, or the token is not good any more."""
        self.streams.traffic.streams += 1
        try:
            yield b"retry: 1000\n\n"
            beat = time.monotonic()
            while not self.streams.stopping():
                run, lines = await _look(self, after, PAGE_SIZE_MAX)
                for line in lines:
                    yield _event("log", line.seq, LogLineOut.of(line))
                    after = line.seq
                if run.state.is_final and len(lines) < PAGE_SIZE_MAX:
                    yield _event("end", after, LogEnd.of(run))
                    return
                if time.monotonic() - beat >= HEARTBEAT:
                    beat = time.monotonic()
                    yield b": still running\n\n"
                    if not await self._is_still_allowed():
                        return
                if len(lines) < PAGE_SIZE_MAX:
                    await asyncio.sleep(POLL)
        finally:
            self.streams.traffic.streams -= 1

    async def _is_still_allowed(self) -> bool:
        try:
            await sync_to_thread(self.ask.control.teams.authenticate, bearer(self.authorization))
        except Unauthorized:
            return False
        return True


async def _look(follow: Follow, after: int, limit: int) -> tuple[Run, list[LogLine]]:
    look, actor = follow.ask.look, follow.ask.actor
    run, lines = await sync_to_thread(look.logs, actor, follow.run_id, after=after, limit=limit)
    return run, list(lines)


def _event(kind: str, seq: int, data: msgspec.Struct) -> bytes:
    return b"event: %s\nid: %d\ndata: %s\n\n" % (kind.encode(), seq, msgspec.json.encode(data))


def _resumed(last_event_id: str | None, after: int) -> int:
    """Where a stream goes on. Raises Invalid."""
    if last_event_id is None:
        return after
    if not last_event_id.isascii() or not last_event_id.isdigit() or int(last_event_id[:20]) > LARGEST:
        raise Invalid("Last-Event-ID: must be the id of an event of this stream")
    return int(last_event_id)
