"""What can go wrong in a way that the caller can act on.

Anything that is not a ControlError is a bug or an outage: it is logged with its traceback and
reported to the client only as `internal`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


class ControlError(Exception):
    """Base of every error with a stable, machine-readable code."""

    code: ClassVar[str] = "internal"


class Invalid(ControlError):
    """The request cannot be meant: a value is malformed, missing or out of range."""

    code = "invalid"


class NotFound(ControlError):
    """Nothing has that name."""

    code = "not_found"


@dataclass(frozen=True, slots=True)
class Moved:
    """How the configuration moved on: to which revision, by whom, and when."""

    head: int
    by: str
    at: datetime

    def __str__(self) -> str:
        return f"revision {self.head}, by {self.by} at {self.at:%Y-%m-%d %H:%M:%S} UTC"


class Conflict(ControlError):
    """The state moved on, or never allowed this. `moved` says how, where a revision is in the way."""

    code = "conflict"

    def __init__(self, message: str = "", *, moved: Moved | None = None) -> None:
        super().__init__(message)
        self.moved = moved


class Unauthorized(ControlError):
    """No token, or one that is unknown, expired or revoked."""

    code = "unauthorized"


class Forbidden(ControlError):
    """The token is good, its role is not enough."""

    code = "forbidden"


class TooLarge(ControlError):
    """A limit of `core/limits.py` was passed; the message names it."""

    code = "too_large"


class LeaseLost(Conflict):
    """Someone else holds the run now. Stop writing; do not retry."""

    code = "lease_lost"


class Unavailable(ControlError):
    """The storage did not answer; the same call may go through later."""

    code = "unavailable"
