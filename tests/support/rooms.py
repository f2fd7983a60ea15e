"""Rooms over the real CRDT and a real catalog, and clients that edit in them with the library alone."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from loro import ExportMode, LoroDoc, LoroMap, VersionVector

from appliance.adapters.loro_doc import LoroDocs
from appliance.adapters.sql.drafts import SqlDrafts
from appliance.adapters.sql.local import LocalSql
from appliance.adapters.sql.migrate import migrate, read_migrations
from appliance.adapters.sql.records import SqlRecords
from appliance.adapters.sql.revisions import SqlRevisions
from appliance.adapters.sql.teams import SqlTeams
from appliance.bootstrap import MIGRATIONS, TEAM
from appliance.core.config_doc import Accepted, ConfigDocs
from appliance.core.draft import Drafts, Tree
from appliance.core.event import AuditEntry
from appliance.core.manifest import SourceText, digest, load, render, to_value
from appliance.core.revision import NewRevision, Revision
from appliance.core.team import Actor, Role
from appliance.services.manifests import Manifests
from appliance.services.room import Delivery, Event, Merged, Room, Verdict
from appliance.services.room_document import RoomLimits
from appliance.services.rooms import Rooms
from tests.support.clock import SetClock

ALICE = Actor("alice", Role.EDITOR, "alice-token")
BOB = Actor("bob", Role.EDITOR, "bob-token")
OSCAR = Actor("oscar", Role.OPERATOR, "oscar-token")
CHARLIE = Actor("charlie", Role.VIEWER, "charlie-token")

ORDERS = """
[project]
name = "test"

# Every night.
[[pipeline]]
id = "orders"
source = { connector = "scripted" }
tables = ["orders", "lines"]
schedule = "every 15m"
"""

Wrap = Callable[[Drafts], Drafts]


class Drafting:
    """Rooms on a catalog in a folder; `start` again is a kill and a new start on the same catalog."""

    def __init__(self, folder: Path, *, limits: RoomLimits | None = None, first_epoch: int = 1) -> None:
        self.clock = SetClock()
        self.docs: ConfigDocs = LoroDocs()
        self.path = folder / "catalog.db"
        self.limits = limits or RoomLimits()
        self._epochs = itertools.count(first_epoch)
        self._opened: list[LocalSql] = []
        self.start()

    def start(self, wrap: Wrap = lambda drafts: drafts) -> Rooms:
        self.gateway = LocalSql(str(self.path))
        self._opened.append(self.gateway)
        migrate(self.gateway, read_migrations(MIGRATIONS), self.clock.now())
        SqlTeams(self.gateway, TEAM).found(TEAM, "node", self.clock.now())
        self.drafts: Drafts = wrap(SqlDrafts(self.gateway, TEAM))
        self.revisions = SqlRevisions(self.gateway, TEAM)
        self.records = SqlRecords(self.gateway, TEAM)
        self.rooms = Rooms(
            drafts=self.drafts,
            docs=self.docs,
            clock=self.clock,
            revisions=self.revisions,
            manifests=Manifests(self.revisions),
            turn=threading.RLock(),
            epoch=lambda: f"{next(self._epochs):012x}",
            limits=self.limits,
        )
        return self.rooms

    def end(self) -> None:
        for gateway in self._opened:
            gateway.close()

    def applied(self, text: str = ORDERS, by: Actor = ALICE) -> Revision:
        """A next revision, as the catalog has it once it is applied."""
        manifest, now = load([SourceText("hakiri.toml", text, "toml")]), self.clock.now()
        new = NewRevision(
            based_on=self.revisions.head_number() or 0,
            digest=digest(manifest),
            manifest=render(manifest),
            value=to_value(manifest),
            uploads={},
            applied_by=by.name,
            applied_at=now,
        )
        return self.revisions.add(new, [], AuditEntry(now, by.name, "config.apply", ""))

    def after(self, seconds: float) -> None:
        self.clock.forward(timedelta(seconds=seconds))


class Client:
    """Somebody's browser: a replica, and what of it the server was already sent."""

    def __init__(self, actor: Actor = ALICE) -> None:
        self.actor = actor
        self.doc = LoroDoc()  # type: ignore[no-untyped-call]  # the library's stub says nothing of it
        self.acked = self.doc.oplog_vv

    def join(self, room: Room) -> Client:
        """Get what the room has, and send what it lacks."""
        joined = room.join(self.doc.oplog_vv.encode())
        self.take(joined.missing)
        self.acked = VersionVector.decode(joined.version)
        if not self.acked.includes_vv(self.doc.oplog_vv):
            self.send(room)
        return self

    def follow(self, room: Room) -> Client:
        """Join, and take whatever others deliver from now on."""
        room.watch(self._hear)
        return self.join(room)

    def take(self, update: bytes) -> None:
        if update:
            self.doc.import_(update)

    def edit(self, change: Callable[[LoroDoc], object]) -> bytes:
        """Change the replica; return what a server would be sent."""
        change(self.doc)
        self.doc.commit()
        update = self.doc.export(ExportMode.Updates(self.acked))
        self.acked = self.doc.oplog_vv
        return update

    def delivery(self, *updates: bytes) -> Delivery:
        return Delivery(updates, self.actor.name, self.actor.token_id, source=self)

    def set(self, field: str, value: Any, *, pipeline: str = "orders") -> Delivery:
        """Edit one field of a pipeline."""
        return self.delivery(self.edit(lambda doc: pipeline_map(doc, pipeline).insert(field, value)))

    def send(self, room: Room) -> Verdict:
        return room.accept([self.delivery(self.edit(lambda _doc: None))])[0]

    def tree(self) -> Any:
        return self.doc.get_deep_value()

    def _hear(self, event: Event) -> None:
        if isinstance(event, Merged) and event.source is not self:
            self.take(event.update)


def pipeline_map(doc: LoroDoc, pipeline: str = "orders") -> LoroMap:
    return doc.get_map("pipelines").ensure_mergeable_map(pipeline)


def fields(tree: Tree | dict[str, Any], pipeline: str = "orders") -> dict[str, Any]:
    """What a document says of a pipeline, as plain values."""
    pipelines: Any = tree.get("pipelines", {})
    return dict(pipelines.get(pipeline, {}))


def are_accepted(verdicts: Sequence[Verdict]) -> bool:
    return all(isinstance(verdict, Accepted) for verdict in verdicts)
