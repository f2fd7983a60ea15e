"""Drafts over any SqlGateway: which are open, and what is stored of their documents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from peewee import SQL, Select, fn

from appliance.adapters.sql.audits import audit_row
from appliance.adapters.sql.drafts_log import append_rows, merge_rows, refusal, updates_of
from appliance.adapters.sql.drafts_stored import packed, pieces, unpacked
from appliance.adapters.sql.gateway import Refused, Row, SqlGateway, Statement
from appliance.adapters.sql.prepared import Prepared, param
from appliance.adapters.sql.tables import Draft as D
from appliance.adapters.sql.tables import DraftEpoch as E
from appliance.adapters.sql.tables import DraftPiece as P
from appliance.adapters.sql.tables import DraftUpdate as U
from appliance.adapters.sql.tables import Revision as V
from appliance.adapters.sql.tables import columns, insert
from appliance.adapters.sql.times import iso, moment, moment_or_none
from appliance.core.authors import GRAIN
from appliance.core.draft import MAIN, Content, Draft, Epoch, Heads, Merge, NewEpoch, RoomMoved, Span, Update
from appliance.core.errors import Conflict, NotFound, TooLarge
from appliance.core.event import AuditEntry
from appliance.core.limits import DRAFTS

_named = (D.team_id == param("team_id")) & (D.name == param("name"))
_document = (E.team_id == param("team_id")) & (E.epoch == param("epoch"))
_pieces = (P.team_id == param("team_id")) & (P.epoch == param("epoch"))
_log = (U.team_id == param("team_id")) & (U.epoch == param("epoch"))

_OPEN = D.select(D.name, D.epoch, E.applied, E.applied_heads, D.created_by, D.created_at).join(
    E, on=(E.team_id == D.team_id) & (E.epoch == D.epoch)
)
_LIST = Prepared(_OPEN.where(D.team_id == param("team_id")).order_by(D.name))
_GET = Prepared(_OPEN.where(_named))
_EPOCHS = Prepared(
    E.select(E.epoch, E.draft, E.reason, E.began_by, E.began_at, E.ended_at)
    .where((E.team_id == param("team_id")) & (E.draft == param("name")))
    .order_by(E.number.desc())
)

_others = D.alias("others")
_CREATE = Prepared(
    D.insert(
        Select(None, [param(column.name) for column in columns(D)]).where(
            (param("name") == MAIN)
            | (_others.select(fn.COUNT(_others.name)).where(_others.team_id == param("team_id")) < DRAFTS)
        ),
        columns=columns(D),
    ).on_conflict("IGNORE"),
    must_change=True,
)
_MOVE = Prepared(
    D.update({D.epoch: param("epoch")}).where(_named & (D.epoch == param("instead_of"))).returning(
        D.created_by, D.created_at
    ),
    must_change=True,
)  # fmt: skip
_CLOSE = Prepared(D.delete().where(_named), must_change=True)
_BEGIN = Prepared(insert(E).on_conflict("IGNORE"), must_change=True)
_END = Prepared(
    E.update({E.ended_at: param("ended_at")}).where(
        (E.team_id == param("team_id")) & (E.epoch == D.select(D.epoch).where(_named))
    ),
    must_change=True,
)

_CONTENT_SEQ = Prepared(E.select(E.snapshot_seq).where(_document))
_PIECES = Prepared(P.select(P.kind, P.data).where(_pieces).order_by(P.kind, P.piece))
_UPDATES = Prepared(U.select(*columns(U)).where(_log).order_by(U.seq, U.piece))
_APPLIED_AT = Prepared(
    V.select(V.applied_at).where((V.team_id == param("team_id")) & (V.applied_at >= param("since"))).order_by(V.number)
)

# An older compaction than the newest finds its last update gone from the log.
_COMPACT = Prepared(
    E.update({E.snapshot_seq: param("seq")}).where(
        _document & fn.EXISTS(U.select(SQL("1")).where(_log & (U.seq == param("seq"))))
    ),
    must_change=True,
)
_FORGET_PIECES = Prepared(P.delete().where(_pieces))
_FORGET_LOG = Prepared(U.delete().where(_log & (U.seq <= param("seq"))))
_PIECE = Prepared(insert(P))


class SqlDrafts:
    """The drafts of one team."""

    def __init__(self, gateway: SqlGateway, team: str) -> None:
        self._gateway = gateway
        self._team = team

    def list(self) -> Sequence[Draft]:
        return [_draft_of(row) for row in self._gateway.query(_LIST(team_id=self._team))]

    def get(self, name: str) -> Draft:
        rows = self._gateway.query(_GET(team_id=self._team, name=name))
        if not rows:
            raise NotFound(f"no draft {name} is open")
        return _draft_of(rows[0])

    def create(self, new: NewEpoch, audit: AuditEntry) -> Draft:
        row = _CREATE(
            team_id=self._team, name=new.draft, epoch=new.epoch, created_by=audit.actor, created_at=iso(audit.at)
        )
        try:
            self._gateway.batch([row, *self._begin(new, audit), audit_row(self._team, audit)])
        except Refused as refused:
            raise self._not_created(new, refused) from None
        return Draft(new.draft, new.epoch, new.applied, new.applied_heads, audit.actor, audit.at)

    def content(self, epoch: str) -> Content:
        named = {"team_id": self._team, "epoch": epoch}
        # One batch, so that no compaction comes between snapshot and log.
        [seqs, stored, log] = self._gateway.batch([_CONTENT_SEQ(**named), _PIECES(**named), _UPDATES(**named)])
        if not seqs:
            raise NotFound(f"no document {epoch}")
        snapshot, spans, waiting = (
            b"".join(data for kind, data in stored if kind == wanted) for wanted in ("snapshot", "spans", "waiting")
        )
        updates = updates_of(log)
        return Content(snapshot, waiting, seqs[0][0], unpacked(spans), updates, self._applied_at(updates))

    def _applied_at(self, updates: Sequence[Update]) -> Sequence[datetime]:
        if not updates:
            return ()
        since = iso(min(update.at for update in updates) - GRAIN)
        return tuple(moment(at) for (at,) in self._gateway.query(_APPLIED_AT(team_id=self._team, since=since)))

    def append(self, epoch: str, updates: Sequence[Update]) -> None:
        if not updates:
            return
        try:
            self._gateway.batch(append_rows(self._team, epoch, updates))
        except Refused:
            raise refusal(self._gateway, self._team, epoch) from None

    def catch_up(self, merge: Merge, *, applied: int, audit: AuditEntry) -> None:
        try:
            self._gateway.batch([*merge_rows(self._team, merge, applied), audit_row(self._team, audit)])
        except Refused:
            raise refusal(self._gateway, self._team, merge.epoch) from None

    def compact(self, epoch: str, *, seq: int, snapshot: bytes, waiting: bytes, spans: Sequence[Span]) -> None:
        named = {"team_id": self._team, "epoch": epoch}
        rows = self._piece_rows(epoch, snapshot=snapshot, waiting=waiting, spans=spans)
        forget = [_FORGET_PIECES(**named), _FORGET_LOG(**named, seq=seq)]
        try:
            self._gateway.batch([_COMPACT(**named, seq=seq), *forget, *rows])
        except Refused:
            self._expect_older(epoch, seq)

    def rebuild(self, new: NewEpoch, audit: AuditEntry, *, instead_of: str) -> Draft:
        named = {"team_id": self._team, "name": new.draft}
        end = _END(**named, ended_at=iso(audit.at))
        move = _MOVE(**named, epoch=new.epoch, instead_of=instead_of)
        try:
            results = self._gateway.batch([end, move, *self._begin(new, audit), audit_row(self._team, audit)])
        except Refused as refused:
            raise self._not_rebuilt(new, instead_of, refused) from None
        [[created_by, created_at]] = results[1]
        return Draft(new.draft, new.epoch, new.applied, new.applied_heads, created_by, moment(created_at))

    def discard(self, name: str, audit: AuditEntry) -> None:
        if name == MAIN:
            raise Conflict(f"draft {MAIN} cannot be discarded")
        named = {"team_id": self._team, "name": name}
        try:
            self._gateway.batch([_END(**named, ended_at=iso(audit.at)), _CLOSE(**named), audit_row(self._team, audit)])
        except Refused:
            raise NotFound(f"no draft {name} is open") from None

    def epochs(self, name: str) -> Sequence[Epoch]:
        return [_epoch_of(row) for row in self._gateway.query(_EPOCHS(team_id=self._team, name=name))]

    def _begin(self, new: NewEpoch, audit: AuditEntry) -> Sequence[Statement]:
        row = _BEGIN(
            number=None,  # The next one.
            team_id=self._team,
            epoch=new.epoch,
            draft=new.draft,
            reason=new.reason,
            began_by=audit.actor,
            began_at=iso(audit.at),
            ended_at=None,
            snapshot_seq=0,
            applied=new.applied,
            applied_heads=new.applied_heads,
        )
        return [row, *self._piece_rows(new.epoch, snapshot=new.snapshot, waiting=b"", spans=new.spans)]

    def _piece_rows(self, epoch: str, *, snapshot: bytes, waiting: bytes, spans: Sequence[Span]) -> Sequence[Statement]:
        kinds = {"snapshot": snapshot, "waiting": waiting, "spans": packed(spans)}
        return [
            _PIECE(team_id=self._team, epoch=epoch, kind=kind, piece=number, data=piece)
            for kind, data in kinds.items()
            for number, piece in pieces(data)
        ]

    def _not_created(self, new: NewEpoch, refused: Refused) -> Conflict | TooLarge:
        if refused.index > 0:
            return Conflict(f"there is a document {new.epoch} already")
        if self._gateway.query(_GET(team_id=self._team, name=new.draft)):
            return Conflict(f"draft {new.draft} is open already")
        return TooLarge(f"DRAFTS: {DRAFTS} drafts are open; discard one first")

    def _not_rebuilt(self, new: NewEpoch, instead_of: str, refused: Refused) -> Conflict | RoomMoved:
        if refused.index > 1:
            return Conflict(f"there is a document {new.epoch} already")
        why = refusal(self._gateway, self._team, instead_of)
        return why if isinstance(why, RoomMoved) else RoomMoved(f"draft {new.draft} is not at document {instead_of}")

    def _expect_older(self, epoch: str, seq: int) -> None:
        rows = self._gateway.query(_CONTENT_SEQ(team_id=self._team, epoch=epoch))
        if not rows:
            raise NotFound(f"no document {epoch}")
        if seq > rows[0][0]:
            raise Conflict(f"document {epoch} has no update {seq}")


def _draft_of(row: Row) -> Draft:
    name, epoch, applied, applied_heads, created_by, created_at = row
    return Draft(name, epoch, applied, Heads(applied_heads), created_by, moment(created_at))


def _epoch_of(row: Row) -> Epoch:
    epoch, draft, reason, began_by, began_at, ended_at = row
    return Epoch(epoch, draft, reason, began_by, moment(began_at), moment_or_none(ended_at))
