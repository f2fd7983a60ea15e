"""What this door counts, since the process started."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from appliance.entrypoints.ws.closing import Code

# The client closed, or was lost.
BY_CLIENT = "client"


class Outcome(StrEnum):
    """What became of a delivery."""

    STORED = "stored"
    DENIED = "denied"
    INVALID = "invalid"
    TOO_LARGE = "too_large"
    UNSTORED = "unstored"


@dataclass(slots=True)
class Counts:
    """Written by the event loop's thread alone."""

    deliveries: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    commits: int = 0
    fanout_frames: int = 0
    dropped: int = 0
    closed: dict[str, int] = field(default_factory=lambda: dict.fromkeys([BY_CLIENT, *map(str, map(int, Code))], 0))
