"""One atomic batch of SQL: all that the catalog needs from a substrate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters. With `must_change`, a batch in which it changes nothing is undone."""

    sql: str
    params: tuple[Any, ...] = ()
    must_change: bool = False


class Refused(Exception):
    """A statement that must change something changed nothing, so the whole batch was undone."""

    def __init__(self, index: int) -> None:
        super().__init__(f"statement {index} changed nothing")
        self.index = index


class SqlGateway(Protocol):
    """A database that runs batches. Both methods raise Unavailable when it does not answer."""

    def batch(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Run all in one transaction and return each statement's rows, once they are durable. Raises Refused."""
        ...

    def query(self, statement: Statement) -> list[Row]:
        """Read what is committed."""
        ...

    def close(self) -> None: ...
