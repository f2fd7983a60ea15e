"""Teams over any SqlGateway: members and their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from peewee import EXCLUDED, fn

from appliance.adapters.sql.audits import audit_row
from appliance.adapters.sql.gateway import Refused, Row, SqlGateway, Statement
from appliance.adapters.sql.prepared import Prepared, param
from appliance.adapters.sql.tables import Member as M
from appliance.adapters.sql.tables import Team as E
from appliance.adapters.sql.tables import Token as K
from appliance.adapters.sql.tables import columns, insert
from appliance.adapters.sql.times import iso, moment, moment_or_none
from appliance.core.errors import Conflict, NotFound
from appliance.core.event import AuditEntry
from appliance.core.team import Credential, Member, Role, Token

_FOUND = Prepared(
    E.insert({E.id: param("team"), E.name: param("name"), E.node_id: param("node_id"), E.created_at: param("now")})
    .on_conflict("IGNORE"),
    must_change=True,
)  # fmt: skip
_NODE = Prepared(E.select(E.node_id).where(E.id == param("team")))

_present = (M.team_id == param("team")) & M.removed_at.is_null()
_MEMBERS = Prepared(M.select(*columns(M)).where(_present).order_by(M.name))
_PUT_MEMBER = Prepared(
    insert(M).on_conflict(
        conflict_target=(M.team_id, M.name),
        update={M.role: EXCLUDED.role, M.created_at: EXCLUDED.created_at, M.removed_at: None},
        where=M.removed_at.is_null(False),
    ),
    must_change=True,
)
_other = M.alias("other")
_another_owner = _other.select(_other.name).where(
    (_other.team_id == M.team_id) & (_other.name != M.name) & (_other.role == "owner") & _other.removed_at.is_null()
)
_may_leave = (M.role != "owner") | fn.EXISTS(_another_owner)
_REMOVE = Prepared(
    M.update({M.removed_at: param("now")}).where(_present & (M.name == param("member")) & _may_leave), must_change=True
)
_DEMOTE = Prepared(
    M.update({M.role: param("role")}).where(
        _present & (M.name == param("member")) & ((param("role") == "owner") | _may_leave)
    ),
    must_change=True,
)
_REVOKE_OF_MEMBER = Prepared(
    K.update({K.revoked_at: param("now")}).where(
        (K.team_id == param("team")) & (K.member == param("member")) & K.revoked_at.is_null()
    )
)

_TOKENS = Prepared(K.select(*columns(K)).where(K.team_id == param("team")).order_by(K.created_at.desc()))
_ADD_TOKEN = Prepared(
    K.insert(
        M.select(
            M.team_id, param("id"), M.name, param("name"), param("role"), param("digest"), param("created_at"),
            param("expires_at"), None,
        ).where(_present & (M.name == param("member"))),
        columns=columns(K),
    ),
    must_change=True,
)  # fmt: skip
_REVOKE = Prepared(
    K.update({K.revoked_at: fn.COALESCE(K.revoked_at, param("now"))}).where(
        (K.team_id == param("team")) & (K.id == param("id"))
    ),
    must_change=True,
)
_AUTHENTICATE = Prepared(
    K.select(*columns(K), M.role)
    .join(M, on=(M.team_id == K.team_id) & (M.name == K.member))
    .where((K.team_id == param("team")) & (K.id == param("id")) & K.revoked_at.is_null() & M.removed_at.is_null())
)


class SqlTeams:
    """One team's members and tokens."""

    def __init__(self, gateway: SqlGateway, team: str) -> None:
        self._gateway = gateway
        self._team = team

    def found(self, name: str, node_id: str, now: datetime) -> bool:
        try:
            self._gateway.batch([_FOUND(team=self._team, name=name, node_id=node_id, now=iso(now))])
        except Refused:
            return False
        return True

    def node_id(self) -> str:
        [[node_id]] = self._gateway.query(_NODE(team=self._team))
        return str(node_id)

    def members(self) -> Sequence[Member]:
        rows = self._gateway.query(_MEMBERS(team=self._team))
        return [Member(name, Role(role), moment(created)) for _team, name, role, created, _removed in rows]

    def add_member(self, member: Member, audit: AuditEntry) -> None:
        row = _PUT_MEMBER(
            team_id=self._team,
            name=member.name,
            role=member.role,
            created_at=iso(member.created_at),
            removed_at=None,
        )
        try:
            self._gateway.batch([row, audit_row(self._team, audit)])
        except Refused:
            raise Conflict(f"{member.name} is a member already; `hakiri member role` changes a role") from None

    def change_role(self, name: str, role: Role, audit: AuditEntry) -> None:
        self._change(name, _DEMOTE(team=self._team, member=name, role=role), audit_row(self._team, audit))

    def remove_member(self, name: str, now: datetime, audit: AuditEntry) -> None:
        values = {"team": self._team, "member": name, "now": iso(now)}
        self._change(name, _REMOVE(**values), _REVOKE_OF_MEMBER(**values), audit_row(self._team, audit))

    def tokens(self) -> Sequence[Token]:
        return [_token_of(row) for row in self._gateway.query(_TOKENS(team=self._team))]

    def add_token(self, token: Token, digest: str, audit: AuditEntry) -> None:
        row = _ADD_TOKEN(
            team=self._team,
            id=token.id,
            member=token.member,
            name=token.name,
            role=token.role,
            digest=digest,
            created_at=iso(token.created_at),
            expires_at=iso(token.expires_at),
        )
        try:
            self._gateway.batch([row, audit_row(self._team, audit)])
        except Refused:
            raise NotFound(f"no member {token.member!r}") from None

    def revoke_token(self, token_id: str, now: datetime, audit: AuditEntry) -> None:
        try:
            self._gateway.batch([_REVOKE(team=self._team, id=token_id, now=iso(now)), audit_row(self._team, audit)])
        except Refused:
            raise NotFound(f"no token {token_id!r}") from None

    def credential(self, token_id: str) -> Credential | None:
        rows = self._gateway.query(_AUTHENTICATE(team=self._team, id=token_id))
        return Credential(_token_of(rows[0][:-1]), digest=rows[0][5], member_role=Role(rows[0][-1])) if rows else None

    def _change(self, name: str, *statements: Statement) -> None:
        """Raises NotFound, or Conflict when the team would be left without an owner."""
        try:
            self._gateway.batch(statements)
        except Refused:
            if all(member.name != name for member in self.members()):
                raise NotFound(f"no member {name!r}") from None
            raise Conflict(f"{name} is the last owner; make somebody else one first") from None


def _token_of(row: Row) -> Token:
    _team, token_id, member, name, role, _digest, created_at, expires_at, revoked_at = row
    return Token(
        token_id, member, name, Role(role), moment(created_at), moment_or_none(expires_at), moment_or_none(revoked_at)
    )
