"""Connectors, and what one that reads a table says to the run that started it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from appliance.core.landing import Column


class FailureKind(StrEnum):
    """Why a reading ended early, and whether trying again can help."""

    TRANSIENT = "transient"
    RATE_LIMITED = "rate_limited"
    PERMANENT = "permanent"
    AUTH_EXPIRED = "auth_expired"
    SCHEMA_INCOMPATIBLE = "schema_incompatible"
    LIMIT = "limit"
    CANCELLED = "cancelled"
    INTERNAL = "internal"

    @property
    def is_retryable(self) -> bool:
        return self in (FailureKind.TRANSIENT, FailureKind.RATE_LIMITED, FailureKind.INTERNAL)


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """One table to read: `cursor` resumes, `columns` are those that the landed table has."""

    run_id: str
    connector: str
    config: Mapping[str, object]
    table: str
    cursor: str | None
    columns: tuple[Column, ...]
    egress: tuple[str, ...]
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Started:
    """The first instruction of the guest is about to run."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """A log line, secrets masked."""

    level: str
    message: str


@dataclass(frozen=True, slots=True)
class Progress:
    """The connector is alive and has read this many bytes so far."""

    bytes: int


@dataclass(frozen=True, slots=True)
class Page:
    """A Parquet file in the staging directory. `cursor` resumes after it."""

    path: str
    rows: int
    bytes: int
    sha256: str
    cursor: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing more to read now. `cursor` is where the next run starts."""

    cursor: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The reading ended early. `retry_after` is in seconds, as the source asked."""

    kind: FailureKind
    message: str
    retry_after: float | None = None


Message = Started | Said | Progress | Page | Done | Failed


class Reading(Protocol):
    """One table being read by a connector in its own process. Used by one thread."""

    def receive(self, timeout: float) -> Message | None:
        """The next message; None if there was none within `timeout` seconds."""
        ...

    def acknowledge(self) -> None:
        """The page is checkpointed: the connector may be asked for the next one."""
        ...

    def cancel(self) -> None:
        """Ask the connector's host to stop between two calls."""
        ...

    def interrupt(self) -> None:
        """Stop the guest even if it spins."""
        ...

    def close(self) -> None:
        """End the process, whatever it does, and drop its staged pages."""
        ...


class Connectors(Protocol):
    """Installed connectors."""

    def open(self, request: ReadRequest) -> Reading:
        """Start reading. Raises NotFound for an unknown connector, Invalid for a missing secret."""
        ...

    def names(self) -> Sequence[str]: ...

    def warm(self) -> None:
        """Something is about to be read: have ready what takes time."""
        ...

    def relax(self) -> None:
        """Let go of what only readings need, if nothing was read for a while."""
        ...
