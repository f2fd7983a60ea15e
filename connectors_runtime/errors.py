"""What can go wrong while a connector reads, in a way that the caller can act on."""

from __future__ import annotations

MESSAGE_LIMIT = 2_000


class RuntimeFault(Exception):
    """Base of every error that this package raises on purpose."""


class SpecInvalid(RuntimeFault):
    """A ReadSpec cannot be meant; the message names the field."""


class ZygoteGone(RuntimeFault):
    """The zygote did not answer, and neither did the one started in its place."""


class ProtocolBroken(RuntimeFault):
    """The other end of a socket sent something that is not a message."""


class AbiError(RuntimeFault):
    """The guest broke the canonical ABI: a pointer out of bounds, text that is not UTF-8, an unknown case."""


class Failure(RuntimeFault):
    """A reading ended without reaching its end. `kind` is one of `messages.FAILURE_KINDS`."""

    def __init__(self, kind: str, message: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(message[:MESSAGE_LIMIT])
        self.kind = kind
        self.message = message[:MESSAGE_LIMIT]
        self.retry_after_seconds = retry_after_seconds


class SchemaIncompatible(Failure):
    """A column changed its type in a way that loses or invents values."""

    def __init__(self, message: str) -> None:
        super().__init__("schema_incompatible", message)


class Cancelled(Failure):
    """Someone asked the reading to stop."""

    def __init__(self) -> None:
        super().__init__("cancelled", "the reading was cancelled")
