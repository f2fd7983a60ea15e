"""A source whose pages a test writes down, read without a sandbox, for tests of what happens around the reading."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from appliance.core.connector import Done, Failed, Message, Page, ReadRequest
from appliance.core.landing import Column

COLUMNS = (Column("id", "int64"),)


class ScriptedSource:
    """Tables of pages; the cursor is the number of pages read. Remembers which pages were asked for.

    A page is its rows' ids, or a Failed that is said once in its place.
    """

    def __init__(self, staging: Path, tables: dict[str, list[Sequence[int] | Failed]]) -> None:
        self.staging = staging
        self.tables = tables
        self.asked: list[tuple[str, int]] = []
        self.requests: list[ReadRequest] = []

    def names(self) -> Sequence[str]:
        return ["scripted"]

    def warm(self) -> None:
        """Nothing takes time."""

    def relax(self) -> None:
        """Nothing is held."""

    def open(self, request: ReadRequest) -> ScriptedReading:
        self.requests.append(request)
        return ScriptedReading(self, request)

    def columns(self, table: str) -> tuple[Column, ...]:
        return COLUMNS

    def page(self, table: str, number: int) -> Message:
        pages = self.tables[table]
        if number >= len(pages):
            return Done(str(number))
        self.asked.append((table, number))
        page = pages[number]
        if isinstance(page, Failed):
            del pages[number]
            return page
        data = ",".join(map(str, page)).encode()
        path = self.staging / f"{table}-{number}"
        path.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        return Page(str(path), len(page), len(data), digest, str(number + 1), self.columns(table))


class ScriptedReading:
    """One table, page after acknowledged page."""

    def __init__(self, source: ScriptedSource, request: ReadRequest) -> None:
        self._source = source
        self._table = request.table
        self._at = int(request.cursor or 0)
        self._acknowledged = True

    def receive(self, timeout: float) -> Message | None:
        if not self._acknowledged:
            return None
        message = self._source.page(self._table, self._at)
        self._acknowledged = not isinstance(message, Page)
        return message

    def acknowledge(self) -> None:
        self._at += 1
        self._acknowledged = True

    def cancel(self) -> None:
        """A scripted page is never in the middle of anything."""

    def interrupt(self) -> None:
        """Nothing spins."""

    def close(self) -> None:
        """Nothing is held."""
