"""Who may do what: members, their roles, their tokens."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from appliance.core.errors import Forbidden, Invalid
from appliance.core.event import AuditEntry

TOKEN_PREFIX = "hak_"  # noqa: S105 - not a secret: it lets scanners recognise one
MEMBER_NAME_LENGTH = 64


class Role(StrEnum):
    """Each role may do all that the ones before it may."""

    VIEWER = "viewer"
    EDITOR = "editor"
    OPERATOR = "operator"
    OWNER = "owner"


class Action(StrEnum):
    """What somebody may ask for."""

    READ = "read"
    EDIT = "edit"
    APPLY = "apply"
    MANAGE_DRAFTS = "manage_drafts"
    RUN = "run"
    MANAGE_TOKENS = "manage_tokens"
    MANAGE_MEMBERS = "manage_members"
    READ_AUDIT = "read_audit"


_NEEDS = {
    Action.READ: Role.VIEWER,
    Action.EDIT: Role.EDITOR,
    Action.APPLY: Role.EDITOR,
    Action.MANAGE_DRAFTS: Role.OPERATOR,
    Action.RUN: Role.OPERATOR,
    Action.MANAGE_TOKENS: Role.OWNER,
    Action.MANAGE_MEMBERS: Role.OWNER,
    Action.READ_AUDIT: Role.OPERATOR,
}
_RANK = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class Member:
    """A person (or a machine that acts as one) in the team."""

    name: str
    role: Role
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token, known only by its digest. Its role never exceeds its member's."""

    id: str
    member: str
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Credential:
    """What a presented token is checked against."""

    token: Token
    digest: str = field(repr=False, kw_only=True)
    member_role: Role = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking, once the token is checked."""

    name: str
    role: Role
    token_id: str

    def require(self, action: Action) -> None:
        """Raises Forbidden if the role does not allow the action."""
        if not may(self.role, action):
            raise Forbidden(f"{self.name} is {self.role}; to {action.replace('_', ' ')} takes {_NEEDS[action]}")


class Teams(Protocol):
    """Members and their tokens. A removed member counts as absent; a revoked token is listed, and opens nothing."""

    def found(self, name: str, node_id: str, now: datetime) -> bool:
        """Make the team if there is none yet. True the first time."""
        ...

    def node_id(self) -> str:
        """Names this installation in lease holders and object paths."""
        ...

    def members(self) -> Sequence[Member]: ...

    def add_member(self, member: Member, audit: AuditEntry) -> None:
        """Raises Conflict if there is a member of that name."""
        ...

    def change_role(self, name: str, role: Role, audit: AuditEntry) -> None:
        """Raises NotFound, Conflict for the last owner."""
        ...

    def remove_member(self, name: str, now: datetime, audit: AuditEntry) -> None:
        """Remove a member and revoke their tokens. Raises NotFound, Conflict for the last owner."""
        ...

    def tokens(self) -> Sequence[Token]: ...

    def add_token(self, token: Token, digest: str, audit: AuditEntry) -> None:
        """Raises NotFound if the member is unknown."""
        ...

    def revoke_token(self, token_id: str, now: datetime, audit: AuditEntry) -> None:
        """Raises NotFound."""
        ...

    def credential(self, token_id: str) -> Credential | None:
        """The token with its digest and its member's role, if neither is revoked."""
        ...


def may(role: Role, action: Action) -> bool:
    return _RANK[role] >= _RANK[_NEEDS[action]]


def lesser(one: Role, other: Role) -> Role:
    return min(one, other, key=_RANK.__getitem__)


def token_text(token_id: str, secret: str) -> str:
    """The token as its member holds it: the id finds the row, the secret proves it."""
    return f"{TOKEN_PREFIX}{token_id}_{secret}"


def token_id_of(text: str) -> str | None:
    """The id in a token's text; None if the text is no token."""
    token_id, _, secret = text.removeprefix(TOKEN_PREFIX).partition("_")
    return token_id if text.startswith(TOKEN_PREFIX) and token_id and secret else None


def token_digest(text: str) -> str:
    """What is stored of a token. Its secret has 256 random bits, so a plain hash cannot be guessed back."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def same_digest(one: str, other: str) -> bool:
    return hmac.compare_digest(one, other)


def check_member_name(name: str) -> str:
    """Raises Invalid unless the name is short, visible text."""
    if not name or len(name) > MEMBER_NAME_LENGTH or not name.isprintable() or name != name.strip():
        raise Invalid(f"member name {name!r}: must be 1 to {MEMBER_NAME_LENGTH} visible characters")
    return name
