"""SqlGateway on SQLite in this process: a file, or memory."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Sequence

from appliance.adapters.sql.gateway import Refused, Row, Statement
from appliance.core.errors import Unavailable

# Another process may be committing: waiting costs milliseconds, giving up would lose an acknowledged write's order.
BUSY_SECONDS = 10.0

# Waiting batches that share one commit. More would only make the first of them wait longer.
GROUP = 256


# What one batch got wrong alone: everything else is the disk's or the lock's, and nobody's batch went through.
_OF_ONE_BATCH = (
    Refused,
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.ProgrammingError,
    ValueError,  # text that is not Unicode
    OverflowError,  # a number of more than 64 bits
)


class _Ticket:
    """A batch that waits for its commit, and what came of it."""

    __slots__ = ("done", "error", "rows", "statements")

    def __init__(self, statements: Sequence[Statement]) -> None:
        self.statements = statements
        self.rows: list[list[Row]] = []
        self.error: Exception | None = None
        self.done = False


class LocalSql:
    """Batches that wait at the same time share one commit, so that one fsync serves them all.

    There is no writer thread: whoever gets the lock commits for everybody who waits. A batch alone
    costs no thread switch.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._writer = self._connect()
        self._lock = threading.Lock()
        self._waiting: deque[_Ticket] = deque()
        self._readers: deque[sqlite3.Connection] = deque()

    def batch(self, statements: Sequence[Statement]) -> list[list[Row]]:
        ticket = _Ticket(statements)
        self._waiting.append(ticket)
        with self._lock:
            while not ticket.done:
                self._commit_waiting()
        if ticket.error is not None:
            raise ticket.error
        return ticket.rows

    def query(self, statement: Statement) -> list[Row]:
        if self._path == ":memory:":
            with self._lock:
                return self._writer.execute(statement.sql, statement.params).fetchall()
        try:
            reader = self._readers.pop()
        except IndexError:
            reader = self._connect()
        try:
            return reader.execute(statement.sql, statement.params).fetchall()
        except sqlite3.OperationalError as error:
            raise Unavailable(f"catalog {self._path}: {error}") from error
        finally:
            self._readers.append(reader)

    def close(self) -> None:
        with self._lock:
            self._writer.close()
            while self._readers:
                self._readers.pop().close()

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
            )
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        except sqlite3.Error as error:
            raise Unavailable(f"catalog {self._path}: {error}") from error
        return connection

    def _commit_waiting(self) -> None:
        tickets = [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP))]
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for ticket in tickets:
                self._run(ticket)
            self._writer.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - even if memory runs out, nobody may wait for ever
            self._undo(tickets, error)
        finally:
            for ticket in tickets:
                ticket.done = True

    def _run(self, ticket: _Ticket) -> None:
        """Run one batch so that its failure undoes it alone."""
        self._writer.execute("SAVEPOINT batch")
        try:
            for index, statement in enumerate(ticket.statements):
                cursor = self._writer.execute(statement.sql, statement.params)
                rows = cursor.fetchall()
                if statement.must_change and not rows and cursor.rowcount < 1:
                    raise Refused(index)
                ticket.rows.append(rows)
        except _OF_ONE_BATCH as error:
            self._writer.execute("ROLLBACK TO batch")
            ticket.error = error
        self._writer.execute("RELEASE batch")

    def _undo(self, tickets: Sequence[_Ticket], error: Exception) -> None:
        """Nobody's batch is durable: a full disk, a read-only volume, a lock held for too long."""
        for ticket in tickets:
            ticket.error = Unavailable(f"catalog {self._path}: {error}")
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")
