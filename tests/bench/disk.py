"""What this disk does without us: the references of everything that is durable."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


class RawCommits:
    """One row in one transaction: SQLite, WAL, synchronous=FULL."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, text TEXT)")

    def __call__(self) -> None:
        self._connection.execute("INSERT INTO row (text) VALUES ('a row of a few bytes')")


class RawFiles:
    """One new file, written and synced."""

    def __init__(self, folder: Path, data: bytes) -> None:
        self._folder = folder
        self._data = data
        self._count = 0

    def __call__(self) -> None:
        self._count += 1
        with (self._folder / str(self._count)).open("xb", buffering=0) as file:
            file.write(self._data)
            os.fsync(file.fileno())


@contextmanager
def raw_commits(folder: Path) -> Iterator[RawCommits]:
    """On a new database in `folder`."""
    with closing(sqlite3.connect(folder / "raw.db", isolation_level=None)) as connection:
        yield RawCommits(connection)


def seconds_of(work: object) -> float:
    """How long one call takes."""
    assert callable(work)
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
