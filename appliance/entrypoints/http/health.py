"""Whether the process lives, and whether it can do its work. No token, so nothing here is a secret."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from litestar import Response, Router, get
from litestar.concurrency import sync_to_thread

from appliance import __version__
from appliance.bootstrap import Control
from appliance.core.errors import ControlError
from appliance.core.event import Sample
from appliance.settings import Settings

_log = logging.getLogger("hakiri.http")

# Ages in seconds from which a loop counts as stuck. The tick comes round twice a second, the sweep every five.
TICK_AGE = 5.0
RECOVER_AGE = 60.0
LOOPS = {"tick": TICK_AGE, "recover": RECOVER_AGE}

# The checks write, so their result is kept this long, in seconds.
KEPT = 10.0

# A storage that takes longer than this, in seconds, is as good as none.
PATIENCE = 3.0


class AliveOut(msgspec.Struct, frozen=True):
    """The process answers."""

    alive: bool = True


class ReadyOut(msgspec.Struct, frozen=True):
    """`reasons` is empty exactly if the control plane can do its work; it names checks, never what they saw."""

    ready: bool
    reasons: dict[str, str]


class VersionOut(msgspec.Struct, frozen=True):
    """What runs here."""

    version: str
    profile: str
    api: str = "v1"


@dataclass(slots=True)
class Readiness:
    """Looks at the loops each time, and at the storages at most every ten seconds, however many ask."""

    control: Control
    _checking: asyncio.Task[dict[str, str]] | None = None
    _checked_at: float = field(default=0.0)
    _failed: dict[str, str] = field(default_factory=dict)

    async def reasons(self) -> dict[str, str]:
        """Why the control plane is not ready, by the name of the check."""
        return {**self._late(), **await self._storages()}

    def _late(self) -> dict[str, str]:
        ages = self.control.pulse.ages()
        late = {}
        for loop, limit in LOOPS.items():
            if loop not in ages:
                late[loop] = "has not come round yet"
            elif ages[loop] > limit:
                late[loop] = f"last came round {ages[loop]:.0f} s ago, at most {limit:.0f} s are normal"
        return late

    async def _storages(self) -> dict[str, str]:
        now = self.control.on.clock.monotonic()
        checking = self._checking
        if checking is None or (checking.done() and now - self._checked_at > KEPT):
            self._checked_at = now
            checking = asyncio.get_running_loop().create_task(sync_to_thread(self._check))
            self._checking = checking
        done, _ = await asyncio.wait([checking], timeout=PATIENCE)
        return checking.result() if done else {"storage": f"did not answer within {PATIENCE:.0f} s"}

    def _check(self) -> dict[str, str]:
        on = self.control.on
        checks: dict[str, Callable[[], None]] = {
            "catalog": lambda: on.records.count([Sample("hakiri_ready_checks_total", {}, 1)]),
            "objects": on.objects.check,
        }
        return {name: why for name, check in checks.items() if (why := _failure(name, check)) is not None}


def _failure(name: str, check: Callable[[], None]) -> str | None:
    try:
        check()
    except ControlError as error:
        # The message may name paths and hosts: it is for the log, not for whoever asks without a token.
        _log.error("not ready: %s: %s", name, error)
        return "cannot be written; the log says why"
    except Exception:  # noqa: BLE001 - a broken check is a reason, not an answer without reasons
        _log.exception("not ready: %s", name)
        return "the check broke; the log says why"
    return None


def health_routes(readiness: Readiness, settings: Settings) -> Router:
    """Paths that need no token."""

    @get("/livez", operation_id="Live", summary="Does the process answer?")
    async def livez() -> AliveOut:
        return AliveOut()

    @get("/readyz", operation_id="Ready", summary="Can it do its work? 503 with the reasons if not")
    async def readyz() -> Response[ReadyOut]:
        reasons = await readiness.reasons()
        return Response(ReadyOut(not reasons, reasons), status_code=503 if reasons else 200)

    @get("/api/v1/version", operation_id="Version", summary="What runs here")
    async def version() -> VersionOut:
        return VersionOut(__version__, settings.profile)

    return Router("/", route_handlers=[livez, readyz, version], tags=["health"], security=[{}])
