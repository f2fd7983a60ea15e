"""Members and tokens: who may ask for what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from appliance.core.errors import Forbidden, Invalid, Unauthorized
from appliance.core.event import AuditEntry
from appliance.core.ports import Clock
from appliance.core.team import (
    Action,
    Actor,
    Member,
    Role,
    Token,
    check_member_name,
    lesser,
    may,
    same_digest,
    token_digest,
    token_id_of,
    token_text,
)
from appliance.core.team import Teams as TeamStore

FIRST_MEMBER = "owner"

# Longer is for ever, which is what no lifetime says.
LIFETIME = timedelta(days=3660)

# The appliance itself, at first start and from a shell on its own machine.
SYSTEM = Actor("system", Role.OWNER, "")


@dataclass(frozen=True, slots=True)
class Teams:
    """`secret` gives fresh random text each time."""

    store: TeamStore
    clock: Clock
    secret: Callable[[], str]
    token_id: Callable[[], str]

    def first_token(self) -> str | None:
        """At the first start, make the owner and return the token, which is shown only once."""
        now = self.clock.now()
        if self.store.members():
            return None
        audit = AuditEntry(now, SYSTEM.name, "member.add", FIRST_MEMBER, {"role": Role.OWNER})
        self.store.add_member(Member(FIRST_MEMBER, Role.OWNER, now), audit)
        return self.create_token(SYSTEM, member=FIRST_MEMBER, name="first start", role=Role.OWNER, lifetime=None)[1]

    def authenticate(self, text: str) -> Actor:
        """Raises Unauthorized. The answer does not tell what was wrong with the token."""
        token_id = token_id_of(text)
        known = self.store.credential(token_id) if token_id else None
        good = same_digest(token_digest(text), known.digest if known else "")
        if known is None or not good:
            raise Unauthorized("the token is unknown or revoked")
        if known.token.expires_at is not None and known.token.expires_at <= self.clock.now():
            raise Unauthorized("the token has expired")
        return Actor(known.token.member, lesser(known.token.role, known.member_role), known.token.id)

    def members(self, actor: Actor) -> Sequence[Member]:
        actor.require(Action.READ)
        return self.store.members()

    def add_member(self, actor: Actor, name: str, role: Role) -> Member:
        actor.require(Action.MANAGE_MEMBERS)
        member = Member(check_member_name(name), role, self.clock.now())
        self.store.add_member(member, self._audit(actor, "member.add", name, role=role))
        return member

    def change_role(self, actor: Actor, name: str, role: Role) -> None:
        actor.require(Action.MANAGE_MEMBERS)
        self.store.change_role(name, role, self._audit(actor, "member.role", name, role=role))

    def remove_member(self, actor: Actor, name: str) -> None:
        """Their tokens are revoked with them."""
        actor.require(Action.MANAGE_MEMBERS)
        self.store.remove_member(name, self.clock.now(), self._audit(actor, "member.remove", name))

    def tokens(self, actor: Actor) -> Sequence[Token]:
        """Everybody's for an owner, one's own for the others."""
        actor.require(Action.READ)
        tokens = self.store.tokens()
        if may(actor.role, Action.MANAGE_TOKENS):
            return tokens
        return [token for token in tokens if token.member == actor.name]

    def create_token(
        self, actor: Actor, *, member: str, name: str, role: Role, lifetime: timedelta | None
    ) -> tuple[Token, str]:
        """Return the token and its text, which is stored nowhere. Raises Forbidden, NotFound, Invalid."""
        if member != actor.name or lesser(role, actor.role) is not role:
            actor.require(Action.MANAGE_TOKENS)
        check_member_name(name)
        if lifetime is not None and not timedelta(0) < lifetime <= LIFETIME:
            raise Invalid(f"a token's lifetime must be more than 0 and at most {LIFETIME.days} days")
        now = self.clock.now()
        expires_at = now + lifetime if lifetime is not None else None
        token = Token(self.token_id(), member, name, role, now, expires_at, None)
        text = token_text(token.id, self.secret())
        self.store.add_token(
            token, token_digest(text), self._audit(actor, "token.create", token.id, member=member, role=role)
        )
        return token, text

    def revoke_token(self, actor: Actor, token_id: str) -> None:
        """Raises Forbidden for somebody else's token, NotFound."""
        if all(token.id != token_id for token in self.tokens(actor)) and not may(actor.role, Action.MANAGE_TOKENS):
            raise Forbidden("only an owner may revoke somebody else's token")
        self.store.revoke_token(token_id, self.clock.now(), self._audit(actor, "token.revoke", token_id))

    def _audit(self, actor: Actor, action: str, subject: str, **detail: object) -> AuditEntry:
        return AuditEntry(self.clock.now(), actor.name, action, subject, detail)
