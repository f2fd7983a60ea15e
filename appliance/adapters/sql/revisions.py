"""Revisions over any SqlGateway: numbered manifests, and the schedules that the newest one arms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from peewee import EXCLUDED, Case, Select, fn

from appliance.adapters.sql.audits import audit_row
from appliance.adapters.sql.drafts_log import merge_rows, refusal
from appliance.adapters.sql.gateway import Refused, Row, SqlGateway, Statement
from appliance.adapters.sql.prepared import Prepared, param
from appliance.adapters.sql.tables import Revision as V
from appliance.adapters.sql.tables import Schedule as S
from appliance.adapters.sql.tables import columns, insert
from appliance.adapters.sql.times import iso, moment
from appliance.core.draft import Heads, Merge
from appliance.core.errors import Conflict, NotFound
from appliance.core.event import AuditEntry
from appliance.core.ledger import NewSchedule
from appliance.core.paging import Page, decode_key, encode_key
from appliance.core.revision import NewRevision, Revision

_mine = V.team_id == param("team")
_HEAD = Prepared(V.select(*columns(V)).where(_mine).order_by(V.number.desc()).limit(1))
_HEAD_NUMBER = Prepared(V.select(fn.MAX(V.number)).where(_mine))
_GET = Prepared(V.select(*columns(V)).where(_mine & (V.number == param("number"))))
_LIST = Prepared(
    V.select(*columns(V)).where(_mine & (V.number < param("before"))).order_by(V.number.desc()).limit(param("limit"))
)
_OF_DIGEST = Prepared(
    V.select(*columns(V)).where(_mine & (V.digest == param("digest"))).order_by(V.number.desc()).limit(1)
)
# By number, not by moment: the clock may have been set back.
_NUMBER_AT = Prepared(
    V.select(V.number).where(_mine & (V.applied_at <= param("moment"))).order_by(V.number.desc()).limit(1)
)
_UNDO = Prepared(
    V.update({V.undone_by: param("number")}).where(
        _mine & (V.number > param("reverts")) & (V.number < param("number")) & V.undone_by.is_null()
    )
)
_head = V.alias("head")
_ADD = Prepared(
    V.insert(
        Select(None, [param(column.name) for column in columns(V)]).where(
            _head.select(fn.COALESCE(fn.MAX(_head.number), 0)).where(_head.team_id == param("team_id"))
            == param("based_on")
        ),
        columns=columns(V),
    ),
    must_change=True,
)

# A schedule that is written as before keeps its place; any other starts from this revision.
_same = (S.text == EXCLUDED.text) & (S.zone == EXCLUDED.zone)


def _kept_if_same(column: str) -> object:
    return Case(None, [(_same, getattr(S, column))], getattr(EXCLUDED, column))


_ARM = Prepared(
    insert(S).on_conflict(
        conflict_target=(S.team_id, S.pipeline_id),
        update={getattr(S, name): _kept_if_same(name) for name in ("armed_at", "last_expected", "next_fire")}
        | {
            getattr(S, name): getattr(EXCLUDED, name)
            for name in ("revision", "text", "zone", "catchup", "catchup_limit", "overlap", "paused", "placement")
        },
    )
)
_DISARM = Prepared(S.delete().where((S.team_id == param("team")) & (S.revision < param("number"))))

_NEWEST = 1 << 62


class SqlRevisions:
    """The manifests of one team."""

    def __init__(self, gateway: SqlGateway, team: str) -> None:
        self._gateway = gateway
        self._team = team

    def head(self) -> Revision | None:
        rows = self._gateway.query(_HEAD(team=self._team))
        return _revision_of(rows[0]) if rows else None

    def head_number(self) -> int | None:
        [[number]] = self._gateway.query(_HEAD_NUMBER(team=self._team))
        return None if number is None else int(number)

    def get(self, number: int) -> Revision:
        rows = self._gateway.query(_GET(team=self._team, number=number))
        if not rows:
            raise NotFound(f"no revision {number}")
        return _revision_of(rows[0])

    def list(self, *, before: str | None, limit: int) -> Page[Revision]:
        [number] = decode_key(before, int) if before else (_NEWEST,)
        rows = self._gateway.query(_LIST(team=self._team, before=number, limit=limit + 1))
        revisions = [_revision_of(row) for row in rows[:limit]]
        return Page(revisions, encode_key(revisions[-1].number) if len(rows) > limit else None)

    def add(
        self, revision: NewRevision, schedules: Sequence[NewSchedule], audit: AuditEntry, merges: Sequence[Merge] = ()
    ) -> Revision:
        number = revision.based_on + 1
        undo = [] if revision.reverts is None else [_UNDO(team=self._team, number=number, reverts=revision.reverts)]
        arms = [self._arm(number, revision, schedule) for schedule in schedules]
        disarm = _DISARM(team=self._team, number=number)
        noted = audit_row(self._team, replace(audit, subject=f"revision {number}"))
        merged = [(merge, row) for merge in merges for row in merge_rows(self._team, merge, number)]
        rows = [self._row(number, revision), *[row for _, row in merged], *undo, *arms, disarm, noted]
        try:
            self._gateway.batch(rows)
        except Refused as refused:
            if refused.index == 0:
                raise self._moved_on(revision) from None
            raise refusal(self._gateway, self._team, merged[refused.index - 1][0].epoch) from None
        return self.get(number)

    def undone(self, digest: str) -> Revision | None:
        rows = self._gateway.query(_OF_DIGEST(team=self._team, digest=digest))
        newest = _revision_of(rows[0]) if rows else None
        return newest if newest and newest.undone_by is not None else None

    def number_at(self, moment: datetime) -> int | None:
        rows = self._gateway.query(_NUMBER_AT(team=self._team, moment=iso(moment)))
        return int(rows[0][0]) if rows else None

    def _row(self, number: int, revision: NewRevision) -> Statement:
        return _ADD(
            team_id=self._team,
            based_on=revision.based_on,
            number=number,
            digest=revision.digest,
            manifest=revision.manifest,
            value=json.dumps(revision.value),
            uploads=json.dumps(revision.uploads),
            applied_by=revision.applied_by,
            applied_at=iso(revision.applied_at),
            draft=revision.draft,
            epoch=revision.epoch,
            heads=revision.heads,
            reverts=revision.reverts,
            undone_by=None,
        )

    def _moved_on(self, revision: NewRevision) -> Conflict:
        head = self.head()
        by = f": {head.applied_by} applied revision {head.number}" if head else ""
        return Conflict(f"the configuration moved on from revision {revision.based_on}{by}")

    def _arm(self, number: int, revision: NewRevision, new: NewSchedule) -> Statement:
        return _ARM(
            team_id=self._team,
            pipeline_id=new.pipeline_id,
            revision=number,
            text=new.schedule.text,
            zone=new.schedule.zone,
            catchup=new.policy.catchup,
            catchup_limit=new.policy.catchup_limit,
            overlap=new.policy.overlap,
            paused=int(new.paused),
            placement=new.placement,
            armed_at=iso(revision.applied_at),
            last_expected=None,
            next_fire=iso(new.next_fire),
        )


def _revision_of(row: Row) -> Revision:
    _team, number, digest, manifest, value, uploads, applied_by, applied_at, draft, epoch, heads, reverts, by = row
    return Revision(
        number, digest, manifest, json.loads(value), json.loads(uploads), applied_by, moment(applied_at), draft, epoch,
        Heads(heads), reverts, by,
    )  # fmt: skip
