"""What the API answers about the history of the configuration."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from appliance.entrypoints.http.errors import ProblemOut
from appliance.entrypoints.http.team_answers import ChangeOut
from appliance.services.history_entries import Applied, Began, Edited, Entry
from appliance.services.history_points import Differs, Point
from appliance.services.history_words import Edit


class EditOut(Struct, frozen=True):
    """What became of one place; `text` says it in a line. Null as `old` or `new` says that there is none, or that

    it is not told. `kind` says what stands there: a `field`, `pipeline`, `table`, `comment` or `order`; `what` what
    was done: `set`, `removed`, `kept`, `edited`, `inserted` or `moved`. `overruled`: it never showed.
    """

    path: str
    pipeline: str | None
    kind: str
    what: str
    old: object
    new: object
    at: datetime
    overruled: bool
    text: str

    @classmethod
    def of(cls, edit: Edit) -> EditOut:
        return cls(
            path=edit.path,
            pipeline=edit.pipeline,
            kind=edit.kind,
            what=edit.what,
            old=edit.old,
            new=edit.new,
            at=edit.at,
            overruled=edit.overruled,
            text=str(edit),
        )


class EntryOut(Struct, frozen=True):
    """What one member did, by the token that delivered it. `event` says what: `edited`, `applied` or `began`.

    `edits` are those of an entry that is `edited`, and `more` is the number of those left out. `revision` is the one
    that was `applied`, from `draft`, and `reverts` the one that it brought back. `reason` says why a document `began`.
    """

    event: str
    author: str
    first_at: datetime
    at: datetime
    edits: list[EditOut]
    more: int
    revision: int | None
    draft: str | None
    reverts: int | None
    epoch: str | None
    reason: str | None

    @classmethod
    def of(cls, entry: Entry) -> EntryOut:
        edited = entry if isinstance(entry, Edited) else None
        applied = entry if isinstance(entry, Applied) else None
        began = entry.epoch if isinstance(entry, Began) else None
        first, last = _times(entry)
        return cls(
            event="edited" if edited else "applied" if applied else "began",
            author=entry.author,
            first_at=first,
            at=last,
            edits=list(map(EditOut.of, edited.edits)) if edited else [],
            more=edited.more if edited else 0,
            revision=applied.number if applied else None,
            draft=applied.draft if applied else None,
            reverts=applied.reverts if applied else None,
            epoch=began.epoch if began else None,
            reason=began.reason if began else None,
        )


class LogPage(Struct, frozen=True):
    """Entries, newest first. A page may be short or empty while `next` says that there is more."""

    items: list[EntryOut]
    next: str | None


class PointOut(Struct, frozen=True):
    """What was said; `toml` is null if there are problems. `room` and `heads` tell in which draft, if in one."""

    toml: str | None
    problems: list[ProblemOut]
    revision: int | None
    room: str | None
    heads: str | None

    @classmethod
    def of(cls, point: Point) -> PointOut:
        return cls(
            toml=point.toml,
            problems=list(map(ProblemOut.of, point.problems)),
            revision=point.revision,
            room=None if point.room is None else str(point.room),
            heads=point.heads,
        )


class PlaceOut(Struct, frozen=True):
    """Where something was said: a revision, or a draft at heads."""

    revision: int | None
    room: str | None
    heads: str | None

    @classmethod
    def of(cls, point: Point) -> PlaceOut:
        return cls(point.revision, None if point.room is None else str(point.room), point.heads)


class DiffersOut(Struct, frozen=True):
    """What turns `before` into `after`."""

    before: PlaceOut
    after: PlaceOut
    changes: list[ChangeOut]

    @classmethod
    def of(cls, differs: Differs) -> DiffersOut:
        changes = list(map(ChangeOut.of, differs.changes))
        return cls(PlaceOut.of(differs.before), PlaceOut.of(differs.after), changes)


def _times(entry: Entry) -> tuple[datetime, datetime]:
    match entry:
        case Edited():
            return entry.first_at, entry.last_at
        case Applied():
            return entry.at, entry.at
        case Began():
            return entry.epoch.began_at, entry.epoch.began_at
