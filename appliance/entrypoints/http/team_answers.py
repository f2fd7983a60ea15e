"""What the API answers and takes about configuration, members, tokens and the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, field
from msgspec.structs import asdict

from appliance.core.draft import RoomId
from appliance.core.duration import PATTERN as DURATION
from appliance.core.event import AuditEntry
from appliance.core.manifest import Change
from appliance.core.revision import Revision
from appliance.core.team import MEMBER_NAME_LENGTH, Member, Role, Token
from appliance.entrypoints.http.errors import ProblemOut
from appliance.services.live import Applied
from appliance.services.review import Planned

# Names stand in paths.
Name = Annotated[str, Meta(min_length=1, max_length=MEMBER_NAME_LENGTH, pattern=r"^[^/]*$")]


class FileIn(Struct, frozen=True, forbid_unknown_fields=True):
    """A manifest file; a `name` that ends in `.json` is read as JSON, any other as TOML."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    text: str


class FileList(Struct, frozen=True):
    """The files of a revision, exactly as they were sent."""

    files: list[FileIn]


class ChangeOut(Struct, frozen=True):
    """One difference; `text` says it in a line. Null as `old` or `new` says that there is none."""

    kind: str
    path: str
    pipeline: str | None
    old: object
    new: object
    text: str

    @classmethod
    def of(cls, change: Change) -> ChangeOut:
        return cls(change.kind, change.path, change.pipeline, change.old, change.new, str(change))


class RevisionOut(Struct, frozen=True):
    """A revision without its texts. The draft said just this at `heads` of the document in `room`.

    `reverts` is the revision that it brought back, `undone_by` the one that reverted it.
    """

    number: int
    digest: str
    applied_by: str
    applied_at: datetime
    files: list[str]
    draft: str
    room: str | None
    heads: str | None
    reverts: int | None
    undone_by: int | None

    @classmethod
    def of(cls, revision: Revision) -> RevisionOut:
        return cls(
            number=revision.number,
            digest=revision.digest,
            applied_by=revision.applied_by,
            applied_at=revision.applied_at,
            files=sorted(revision.uploads),
            draft=revision.draft,
            room=str(RoomId(revision.draft, revision.epoch)) if revision.epoch else None,
            heads=revision.heads or None,
            reverts=revision.reverts,
            undone_by=revision.undone_by,
        )


class RevisionDetail(Struct, frozen=True):
    """A revision with its canonical manifest, as TOML text and as JSON value."""

    number: int
    digest: str
    applied_by: str
    applied_at: datetime
    files: list[str]
    draft: str
    room: str | None
    heads: str | None
    reverts: int | None
    undone_by: int | None
    manifest: str
    value: dict[str, object]

    @classmethod
    def of(cls, revision: Revision) -> RevisionDetail:
        return cls(**asdict(RevisionOut.of(revision)), manifest=revision.manifest, value=dict(revision.value))


class RevisionPage(Struct, frozen=True):
    """Revisions, newest first. `next` is the `before` of the following page."""

    items: list[RevisionOut]
    next: str | None


class AppliedOut(Struct, frozen=True):
    """What an apply did. Without changes `created` is false and the revision is the one that was there.

    `mirrored` is false while the object store does not hold the revision yet.
    """

    revision: RevisionOut
    created: bool
    mirrored: bool
    changes: list[ChangeOut]
    warnings: list[ProblemOut]

    @classmethod
    def of(cls, applied: Applied) -> AppliedOut:
        warnings = list(map(ProblemOut.of, applied.manifest.warnings))
        revision, changes = RevisionOut.of(applied.revision), _changes(applied.changes)
        return cls(revision, applied.created, applied.mirrored, changes, warnings)


class ValidOut(Struct, frozen=True):
    """A manifest that may be applied: its pipelines, and its canonical text."""

    pipelines: list[str]
    manifest: str
    warnings: list[ProblemOut]


class PlannedOut(Struct, frozen=True):
    """What an apply would do now, on top of revision `based_on`. A pipeline is in one of the five lists."""

    based_on: int
    changes: list[ChangeOut]
    added: list[str]
    removed: list[str]
    retimed: list[str]
    changed: list[str]
    unchanged: list[str]
    next_fires: dict[str, datetime | None]
    warnings: list[ProblemOut]

    @classmethod
    def of(cls, planned: Planned) -> PlannedOut:
        return cls(
            based_on=planned.based_on,
            changes=_changes(planned.changes),
            added=list(planned.added),
            removed=list(planned.removed),
            retimed=list(planned.retimed),
            changed=list(planned.changed),
            unchanged=list(planned.unchanged),
            next_fires=dict(planned.next_fires),
            warnings=list(map(ProblemOut.of, planned.manifest.warnings)),
        )


class MemberIn(Struct, frozen=True, forbid_unknown_fields=True):
    """A new member."""

    name: Name
    role: Role


class RoleIn(Struct, frozen=True, forbid_unknown_fields=True):
    """What a member may do from now on."""

    role: Role


class MemberOut(Struct, frozen=True):
    """A member of the team."""

    name: str
    role: Role
    created_at: datetime

    @classmethod
    def of(cls, member: Member) -> MemberOut:
        return cls(member.name, member.role, member.created_at)


class MemberList(Struct, frozen=True):
    """All members, by name."""

    items: list[MemberOut]


class TokenIn(Struct, frozen=True, forbid_unknown_fields=True):
    """A new token: for oneself unless `member` is given, with one's own role unless `role` is given."""

    name: Annotated[str, Meta(min_length=1, max_length=MEMBER_NAME_LENGTH)]
    member: Name | None = None
    role: Role | None = None
    lifetime: Annotated[str, Meta(pattern=DURATION, description="Such as 90d; without it the token stays good.")] | (
        None
    ) = None


class TokenOut(Struct, frozen=True):
    """A token, never its text."""

    id: str
    member: str
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, token: Token) -> TokenOut:
        return cls(token.id, token.member, token.name, token.role, token.created_at, token.expires_at, token.revoked_at)


class TokenList(Struct, frozen=True):
    """Everybody's tokens for an owner, one's own for the others."""

    items: list[TokenOut]


class NewTokenOut(Struct, frozen=True):
    """A new token. `text` is shown once and stored nowhere: a repeated request gets null."""

    token: TokenOut
    text: str | None


class AuditOut(Struct, frozen=True):
    """One change that somebody made."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, entry: AuditEntry) -> AuditOut:
        return cls(entry.at, entry.actor, entry.action, entry.subject, dict(entry.detail))


class AuditPage(Struct, frozen=True):
    """The audit trail, newest first. `next` is the `before` of the following page."""

    items: list[AuditOut]
    next: str | None


def _changes(changes: Sequence[Change]) -> list[ChangeOut]:
    return list(map(ChangeOut.of, changes))
