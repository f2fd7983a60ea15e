"""One request of one member, answered once even if it is sent again with the same Idempotency-Key."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar, cast

import msgspec
from litestar import Response

from appliance.bootstrap import Control
from appliance.core.errors import ControlError, Invalid, Unavailable
from appliance.core.team import Actor
from appliance.entrypoints.http.errors import STATUS, AnyRequest, error_body
from appliance.entrypoints.http.watch import actor_of
from appliance.services.look import Look

_log = logging.getLogger("hakiri.http")

KEPT = timedelta(hours=24)

# No write takes this long: the process that was answering is gone.
STALE = timedelta(minutes=2)

KEY_HEADER = "idempotency-key"
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,126}[\x21-\x7e])?")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask:
    """Who asks, of what, and the key under which the answer is kept, if the client gave one."""

    control: Control
    look: Look
    actor: Actor
    key: str | None
    fingerprint: str

    def once(
        self, act: Callable[[], tuple[int, T]], *, keep: Callable[[T], object] = lambda value: value
    ) -> Response[T]:
        """Do it and answer, or give the earlier answer. `keep` takes out what must not be stored.

        Raises Conflict if the key belongs to another request, or to one that is still being answered.
        """
        if self.key is None:
            status, value = act()
            return Response(value, status_code=status)
        now = self.control.on.clock.now()
        known = self.control.on.records.remember(
            self.actor.name, self.key, self.fingerprint, now=now, stale=now - STALE, old=now - KEPT
        )
        if known is not None:
            return _replay(*known)
        status, value = self._act(act)
        self._answer(status, keep(value))
        return Response(value, status_code=status)

    def once_done(self, act: Callable[[], None]) -> Response[None]:
        """As `once`, where there is nothing to say but that it is done."""

        def done() -> tuple[int, None]:
            act()
            return 204, None

        return self.once(done)

    def _act(self, act: Callable[[], tuple[int, T]]) -> tuple[int, T]:
        try:
            return act()
        except ControlError as error:
            # A refusal is an answer; an outage is none, and the same request may be sent again at once.
            if (status := STATUS.get(error.code, 500)) < STATUS["internal"]:
                self._answer(status, error_body(error))
            else:
                self._forget()
            raise
        except Exception:
            self._forget()
            raise

    def _answer(self, status: int, value: object) -> None:
        body = "" if value is None else msgspec.json.encode(value).decode()
        try:
            self.control.on.records.answer(self.actor.name, self.key or "", status, body)
        except Unavailable:
            # It is done and the client is told so: only a repetition would find no answer.
            _log.warning("the answer to an Idempotency-Key was not kept", exc_info=True)

    def _forget(self) -> None:
        with suppress(Unavailable):
            self.control.on.records.forget(self.actor.name, self.key or "")


def ask_of(control: Control, look: Look) -> Callable[[AnyRequest], Awaitable[Ask]]:
    """What reads an Ask from a request; it raises Invalid if the key cannot be one."""

    async def ask(request: AnyRequest) -> Ask:
        key = request.headers.get(KEY_HEADER)
        if key is None:
            return Ask(control, look, actor_of(request.scope), None, "")
        if not _KEY.fullmatch(key):
            raise Invalid("Idempotency-Key: must be 1 to 128 visible ASCII characters")
        return Ask(control, look, actor_of(request.scope), key, await _fingerprint(request))

    return ask


async def _fingerprint(request: AnyRequest) -> str:
    url = request.scope["path"], request.scope["query_string"].decode("latin-1")
    body = hashlib.sha256(await request.body()).hexdigest()
    text = "\n".join((request.method, *url, request.headers.get("content-type", ""), body))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _replay(status: int, body: str) -> Response[T]:
    content = msgspec.Raw(body.encode()) if body else None
    return Response(
        cast("T", content), status_code=status, media_type="application/json", headers={"Idempotent-Replayed": "true"}
    )
