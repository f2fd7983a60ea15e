"""Every substrate that the conformance suite runs on: a name and how to open it, again and again on the same data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from appliance.adapters.memory.objects import MemoryObjects
from appliance.adapters.selfhosted.files import DirectoryObjects
from appliance.adapters.sql.local import LocalSql
from appliance.bootstrap import Substrate, on_sql
from appliance.core.connector import Connectors
from appliance.core.ports import Clock, Doorbell

Open = Callable[[Clock, Doorbell, Connectors], Substrate]


@dataclass(frozen=True, slots=True)
class Storage:
    """What outlives a process. `open` is a start of the process, `end` frees what a test leaves."""

    open: Open
    end: Callable[[], None]


def memory(_path: Path) -> Storage:
    """The catalog's SQL on an in-memory database; it outlives the process that a test pretends to kill."""
    gateway, objects = LocalSql(":memory:"), MemoryObjects()

    def start(clock: Clock, doorbell: Doorbell, connectors: Connectors) -> Substrate:
        return on_sql(
            gateway, objects=objects, connectors=connectors, doorbell=doorbell, clock=clock, close=lambda: None
        )

    return Storage(start, gateway.close)


def selfhosted(path: Path) -> Storage:
    """SQLite and files, opened anew at every start."""
    opened: list[LocalSql] = []

    def start(clock: Clock, doorbell: Doorbell, connectors: Connectors) -> Substrate:
        gateway = LocalSql(str(path / "catalog.db"))
        opened.append(gateway)
        objects = DirectoryObjects(path / "context")
        return on_sql(
            gateway, objects=objects, connectors=connectors, doorbell=doorbell, clock=clock, close=gateway.close
        )

    def end() -> None:
        for gateway in opened:
            gateway.close()

    return Storage(start, end)


SUBSTRATES: dict[str, Callable[[Path], Storage]] = {"memory": memory, "selfhosted": selfhosted}
