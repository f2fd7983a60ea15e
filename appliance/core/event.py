"""What happened, for the audit trail and the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A change that somebody made. Written in the same step as the change itself."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """The value of one counter with its labels."""

    name: str
    labels: Mapping[str, str]
    value: float
