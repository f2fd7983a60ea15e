"""The log of a document: appended alone, or in the batch of an apply."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from peewee import JOIN, fn

from appliance.adapters.sql.drafts_stored import pieces
from appliance.adapters.sql.gateway import Row, SqlGateway, Statement
from appliance.adapters.sql.prepared import Prepared, param
from appliance.adapters.sql.tables import Draft as D
from appliance.adapters.sql.tables import DraftEpoch as E
from appliance.adapters.sql.tables import DraftUpdate as U
from appliance.adapters.sql.tables import columns, insert
from appliance.adapters.sql.times import iso, moment
from appliance.core.draft import Merge, RoomId, RoomMoved, Update
from appliance.core.errors import Conflict

_this = (E.team_id == param("team_id")) & (E.epoch == param("epoch"))
_open = _this & E.ended_at.is_null()
_logged = U.alias("logged")
_NEWEST = fn.COALESCE(
    _logged.select(fn.MAX(_logged.seq)).where((_logged.team_id == E.team_id) & (_logged.epoch == E.epoch)),
    E.snapshot_seq,
)

# The first row of an append looks whether all of them may be written; the others cost no look.
_FIRST = Prepared(
    U.insert(
        E.select(*[param(column.name) for column in columns(U)]).where(_open & (param("seq") == _NEWEST + 1)),
        columns=columns(U),
    ),
    must_change=True,
)
_NEXT = Prepared(insert(U))
_APPLIED = Prepared(
    E.update({E.applied: param("applied"), E.applied_heads: param("applied_heads")}).where(_open), must_change=True
)
_STATE = Prepared(
    E.select(E.draft, E.ended_at, _NEWEST, D.epoch)
    .join(D, JOIN.LEFT_OUTER, on=(D.team_id == E.team_id) & (D.name == E.draft))
    .where(_this)
)


def append_rows(team: str, epoch: str, updates: Sequence[Update]) -> list[Statement]:
    """Refused as a whole if the epoch is not open or the first number is not the next one. Raises Conflict."""
    numbers = [update.seq for update in updates]
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise Conflict(f"document {epoch}: the numbers of its updates have gaps: {str(numbers)[:200]}")
    [head, *rest] = [
        {
            "team_id": team,
            "epoch": epoch,
            "seq": update.seq,
            "piece": number,
            "data": piece,
            "author": update.author,
            "token_id": update.token_id,
            "at": iso(update.at),
        }
        for update in updates
        for number, piece in pieces(update.data)
    ]
    return [_FIRST(**head), *[_NEXT(**row) for row in rest]]


def merge_rows(team: str, merge: Merge, applied: int) -> list[Statement]:
    """The document says revision `applied` from now on. Refused as `append_rows` is."""
    rows = append_rows(team, merge.epoch, [merge.update]) if merge.update else []
    return [*rows, _APPLIED(team_id=team, epoch=merge.epoch, applied=applied, applied_heads=merge.heads)]


def refusal(gateway: SqlGateway, team: str, epoch: str) -> RoomMoved | Conflict:
    """Why a write to the document was refused."""
    rows = gateway.query(_STATE(team_id=team, epoch=epoch))
    if not rows:
        return RoomMoved(f"there is no document {epoch}")
    [(draft, ended_at, newest, now_at)] = rows
    if now_at is None:
        return RoomMoved(f"draft {draft} was discarded")
    if ended_at is not None:
        return RoomMoved(f"draft {draft} goes on as {RoomId(draft, now_at)}")
    return Conflict(f"{RoomId(draft, epoch)}: its next update is {newest + 1}")


def updates_of(rows: Iterable[Row]) -> list[Update]:
    """From rows of the whole table, by number and piece."""
    found: list[Update] = []
    parts: list[bytes] = []
    for _team, _epoch, seq, piece, data, author, token_id, at in rows:
        if piece == 0:
            parts = [data]
            found.append(Update(seq, data, author, token_id, moment(at)))
            continue
        parts.append(data)
        found[-1] = Update(seq, b"".join(parts), author, token_id, moment(at))
    return found
