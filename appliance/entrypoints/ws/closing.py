"""Why the server ends a connection, in codes after which the stock client does the right thing.

It connects again after 1012 and 1013, and never after 4400 to 4499; 1008 and 1011 would be taken as for ever, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Code(IntEnum):
    """Close codes of this door."""

    AGAIN = 1012
    LATER = 1013
    NONSENSE = 4400
    BAD_TOKEN = 4401
    NOT_JOINED = 4408
    TOO_LARGE = 4413
    TOO_MANY = 4429


@dataclass(frozen=True, slots=True)
class Closing:
    """How one connection ends."""

    code: Code
    reason: str


RESTART = Closing(Code.AGAIN, "restart")
ROLE_CHANGED = Closing(Code.AGAIN, "role changed")
UNAVAILABLE = Closing(Code.LATER, "unavailable")
FULL = Closing(Code.LATER, "full")
SILENT = Closing(Code.LATER, "silent")
STUCK = Closing(Code.LATER, "stuck")
NONSENSE = Closing(Code.NONSENSE, "malformed frame")
BAD_TOKEN = Closing(Code.BAD_TOKEN, "bad token")
TOKEN_ENDED = Closing(Code.BAD_TOKEN, "token revoked or expired")
NOT_JOINED = Closing(Code.NOT_JOINED, "did not join in time")
TOO_LARGE = Closing(Code.TOO_LARGE, "frame too large")
TOO_MANY = Closing(Code.TOO_MANY, "too many connections")
