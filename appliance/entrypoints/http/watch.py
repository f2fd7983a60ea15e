"""Around every request: its id, its line in the access log, its place in the metrics."""

from __future__ import annotations

import logging
import re
import threading
import time
import uuid
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from appliance.core.team import Actor

_log = logging.getLogger("hakiri.access")

BOUNDS = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0)
UNMATCHED = "unmatched"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
HEALTH = frozenset({"/livez", "/readyz", "/metrics"})

_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_STATE = "request id"
_ACTOR = "actor"


@dataclass(frozen=True, slots=True)
class Route:
    """What requests are counted by. `path` is the template, so that there are as many as there are routes."""

    method: str
    path: str


@dataclass(slots=True)
class Timing:
    """How long the requests of one route took: a count for each bound, in seconds, and their sum."""

    below: list[int] = field(default_factory=lambda: [0] * len(BOUNDS))
    count: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Traffic:
    """Requests since this process started."""

    answered: dict[tuple[Route, str], int] = field(default_factory=dict)
    timings: dict[Route, Timing] = field(default_factory=dict)
    streams: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, route: Route, status: int, seconds: float | None) -> None:
        """`seconds` is None for a stream, whose length says nothing about the server."""
        with self._lock:
            kind = f"{status // 100}xx"
            self.answered[route, kind] = self.answered.get((route, kind), 0) + 1
            if seconds is None:
                return
            timing = self.timings.setdefault(route, Timing())
            timing.count += 1
            timing.seconds += seconds
            for place, bound in enumerate(BOUNDS):
                timing.below[place] += seconds <= bound


def request_id(scope: Scope) -> str:
    """The client's own X-Request-Id if it is a plain word, else a new one; the same for the whole request."""
    state = _state(scope)
    if _STATE not in state:
        given = dict(scope.get("headers", ())).get(b"x-request-id", b"")
        state[_STATE] = given.decode() if _ID.fullmatch(given) else uuid.uuid4().hex
    return str(state[_STATE])


def remember_actor(scope: Scope, actor: Actor) -> None:
    _state(scope)[_ACTOR] = actor


def actor_of(scope: Scope) -> Actor:
    return cast("Actor", _state(scope)[_ACTOR])


@dataclass(slots=True)
class Watch:
    """The outermost layer: answers that no route gives pass through it, too."""

    app: ASGIApp
    traffic: Traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        started, name, seen = time.monotonic(), request_id(scope), _Seen()

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.look(message)
                message["headers"] = [*message["headers"], (b"x-request-id", name.encode())]
            await send(message)

        try:
            await self.app(scope, receive, told)
        finally:
            self._tell(scope, seen, time.monotonic() - started)

    def _tell(self, scope: HTTPScope, seen: _Seen, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        path = cast("Mapping[str, object]", scope).get("path_template") or UNMATCHED
        # 499: the client was gone before there was an answer.
        self.traffic.add(Route(method, str(path)), seen.status or 499, None if seen.is_stream else seconds)
        actor = _state(scope).get(_ACTOR)
        # The query is left out: it may hold what somebody pasted.
        _log.log(
            logging.DEBUG if path in HEALTH else logging.INFO,
            "%s %s %d",
            method,
            scope["path"][:500],
            seen.status or 499,
            extra={
                "request_id": request_id(scope),
                "seconds": round(seconds, 4),
                "member": actor.name if isinstance(actor, Actor) else None,
            },
        )


@dataclass(slots=True)
class _Seen:
    """What the answer turned out to be."""

    status: int = 0
    is_stream: bool = False

    def look(self, start: Message) -> None:
        if start["type"] == "http.response.start":
            self.status = start["status"]
            self.is_stream = any(value.startswith(b"text/event-stream") for _, value in start["headers"])


def _state(scope: Scope) -> MutableMapping[str, object]:
    return cast("MutableMapping[str, object]", scope.setdefault("state", {}))
