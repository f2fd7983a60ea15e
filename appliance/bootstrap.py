"""Composition root: the only module that knows the adapters."""

from __future__ import annotations

import random
import secrets
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from appliance.adapters.loro_doc import LoroDocs
from appliance.adapters.loro_doc_presence import LoroPresence
from appliance.adapters.selfhosted.clock import SystemClock
from appliance.adapters.selfhosted.doorbell import HueyDoorbell
from appliance.adapters.selfhosted.files import DirectoryObjects
from appliance.adapters.sql.drafts import SqlDrafts
from appliance.adapters.sql.gateway import SqlGateway
from appliance.adapters.sql.journal import SqlJournal
from appliance.adapters.sql.local import LocalSql
from appliance.adapters.sql.migrate import migrate, read_migrations
from appliance.adapters.sql.progress import SqlProgress
from appliance.adapters.sql.records import SqlRecords
from appliance.adapters.sql.revisions import SqlRevisions
from appliance.adapters.sql.runs import SqlRuns
from appliance.adapters.sql.schedules import SqlSchedules
from appliance.adapters.sql.sweep import SqlSweep
from appliance.adapters.sql.teams import SqlTeams
from appliance.adapters.wasm_connectors import WasmConnectors
from appliance.core import ports
from appliance.core.config_doc import Presence
from appliance.core.connector import Connectors
from appliance.core.draft import Drafts
from appliance.core.objects import ObjectStore
from appliance.core.pipeline import APPLIANCE
from appliance.core.team import Teams as TeamStore
from appliance.services.apply import Apply
from appliance.services.derive import Derive
from appliance.services.drafts import DraftDesk
from appliance.services.execute import Execute
from appliance.services.forget import Forget
from appliance.services.history import History
from appliance.services.history_points import LookBack
from appliance.services.land import Land
from appliance.services.live import Live
from appliance.services.manifests import Manifests
from appliance.services.mirror import Mirror
from appliance.services.pulse import Pulse
from appliance.services.recover import Recover
from appliance.services.request import RequestRuns
from appliance.services.revert import Revert
from appliance.services.review import Review
from appliance.services.rooms import Rooms
from appliance.services.teams import Teams
from appliance.services.tick import Tick
from appliance.settings import KEEP_DAYS, Settings
from connectors_runtime.client import Zygote

# One appliance serves one team; its id is in every row so that a row says where it belongs once it has left.
TEAM = "team"
SERVED = frozenset({APPLIANCE})
MIGRATIONS = Path(__file__).parent.parent / "migrations"


@dataclass(frozen=True, slots=True)
class Substrate:
    """One implementation of every port, and what it takes to let go of it."""

    runs: ports.Runs
    journal: ports.Journal
    progress: ports.Progress
    sweep: ports.Sweep
    schedules: ports.Schedules
    revisions: ports.Revisions
    drafts: Drafts
    teams: TeamStore
    records: ports.Records
    objects: ObjectStore
    connectors: Connectors
    doorbell: ports.Doorbell
    clock: ports.Clock
    close: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Control:
    """The control plane: its services, wired to one substrate."""

    on: Substrate
    node_id: str
    boot: str
    manifests: Manifests
    rooms: Rooms
    presence: Callable[[float], Presence]
    drafts: DraftDesk
    review: Review
    apply: Apply
    revert: Revert
    history: History
    look_back: LookBack
    mirror: Mirror
    request: RequestRuns
    teams: Teams
    tick: Tick
    recover: Recover
    forget: Forget
    execute: Execute
    pulse: Pulse


def assemble(on: Substrate, *, stopping: Callable[[], bool], keep_days: int = KEEP_DAYS) -> Control:
    """Wire the services to a substrate."""
    on.teams.found(TEAM, uuid.uuid4().hex[:12], on.clock.now())
    node_id, boot = on.teams.node_id(), uuid.uuid4().hex[:12]
    manifests = Manifests(on.revisions)
    tick = Tick(on.schedules, on.doorbell, on.clock, SERVED)
    rooms, mirror = _rooms(on, manifests), Mirror(on.revisions, on.objects)
    derive = Derive(rooms.turn, alone=threading.Lock())
    live = Live(on.revisions, manifests, on.clock, rooms, mirror, settle=tick)
    return Control(
        on=on, node_id=node_id, boot=boot, manifests=manifests, rooms=rooms, presence=LoroPresence, mirror=mirror,
        drafts=DraftDesk(rooms, live, derive),
        review=Review(live, derive),
        apply=Apply(live, derive),
        revert=Revert(live),
        history=History(rooms, on.drafts, rooms.docs, on.revisions, alone=threading.Lock()),
        look_back=LookBack(live, on.drafts, rooms.docs, derive),
        request=RequestRuns(on.runs, on.revisions, manifests, on.doorbell, on.clock, SERVED),
        teams=Teams(on.teams, on.clock, secret=lambda: secrets.token_hex(32), token_id=lambda: secrets.token_hex(6)),
        tick=tick,
        recover=Recover(on.sweep, on.doorbell, on.clock),
        forget=Forget(on.sweep, on.clock, timedelta(days=keep_days)),
        execute=_execute(on, manifests, node_id=node_id, boot=boot, stopping=stopping),
        pulse=Pulse(on.clock),
    )  # fmt: skip


def _rooms(on: Substrate, manifests: Manifests) -> Rooms:
    """One lock for all rooms: HTTP handlers and the sync thread take turns."""
    return Rooms(
        drafts=on.drafts,
        docs=LoroDocs(),
        clock=on.clock,
        revisions=on.revisions,
        manifests=manifests,
        turn=threading.RLock(),
        epoch=lambda: secrets.token_hex(6),
    )


def _execute(on: Substrate, manifests: Manifests, *, node_id: str, boot: str, stopping: Callable[[], bool]) -> Execute:
    return Execute(
        runs=on.runs,
        journal=on.journal,
        progress=on.progress,
        records=on.records,
        manifests=manifests,
        objects=on.objects,
        land=Land(on.objects),
        connectors=on.connectors,
        doorbell=on.doorbell,
        clock=on.clock,
        holder=f"{node_id}/{boot}/worker",
        node_id=node_id,
        jitter=random.random,
        stopping=stopping,
    )


def selfhosted(settings: Settings) -> Substrate:
    """Everything in the data directory. Raises NewerCatalog, Unavailable."""
    settings.data.mkdir(parents=True, exist_ok=True)
    gateway = LocalSql(str(settings.data / "catalog.db"))
    zygote = Zygote()
    connectors = WasmConnectors(
        data=settings.data,
        zygote=zygote,
        secrets=settings.secrets,
        secrets_dir=settings.secrets_dir,
        files_root=settings.files_root,
        connectors_dir=settings.connectors_dir,
    )
    connectors.sweep()

    def close() -> None:
        zygote.close()
        gateway.close()

    return on_sql(
        gateway,
        objects=_objects(settings),
        connectors=connectors,
        doorbell=HueyDoorbell(workers=settings.workers),
        clock=SystemClock(),
        close=close,
    )


def on_sql(
    gateway: SqlGateway, *, objects: ObjectStore, connectors: Connectors, doorbell: ports.Doorbell, clock: ports.Clock,
    close: Callable[[], None],
) -> Substrate:  # fmt: skip
    """The catalog's stores over a gateway, brought to this version's tables."""
    migrate(gateway, read_migrations(MIGRATIONS), clock.now())
    return Substrate(
        runs=SqlRuns(gateway, TEAM),
        journal=SqlJournal(gateway, TEAM),
        progress=SqlProgress(gateway, TEAM),
        sweep=SqlSweep(gateway, TEAM),
        schedules=SqlSchedules(gateway, TEAM),
        revisions=SqlRevisions(gateway, TEAM),
        drafts=SqlDrafts(gateway, TEAM),
        teams=SqlTeams(gateway, TEAM),
        records=SqlRecords(gateway, TEAM),
        objects=objects,
        connectors=connectors,
        doorbell=doorbell,
        clock=clock,
        close=close,
    )


def _objects(settings: Settings) -> ObjectStore:
    if settings.bucket is None:
        objects = DirectoryObjects(settings.data / "context")
        objects.sweep()
        return objects
    # The S3 client costs megabytes that an installation on a directory need not pay.
    from appliance.adapters.selfhosted.s3 import S3Objects  # noqa: PLC0415
    from appliance.adapters.selfhosted.s3_requests import Bucket, bucket_address  # noqa: PLC0415

    name, prefix, endpoint = bucket_address(settings.bucket, endpoint=settings.bucket_endpoint)
    return S3Objects(
        Bucket(
            name=name,
            prefix=prefix,
            endpoint=endpoint,
            access_key=settings.bucket_key_id,
            secret_key=settings.bucket_key_secret,
            region=settings.bucket_region,
            single_writer=settings.bucket_single_writer,
        )
    )
