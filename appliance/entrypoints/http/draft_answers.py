"""What the API answers and takes about drafts: what they say, what an apply of them would do, and the apply itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from appliance.core.draft import MAIN
from appliance.entrypoints.http.errors import ProblemOut
from appliance.entrypoints.http.team_answers import ChangeOut, FileIn, PlannedOut
from appliance.services.derive import Removal, RivalValues
from appliance.services.drafts import Compared, DraftNow
from appliance.services.history_lost import LostEdits
from appliance.services.review import Reviewed

# Heads name one operation for each edit that nobody built on yet, in some 20 letters.
HEADS_LENGTH = 64 << 10

# In Python `$` alone lets a last newline pass.
HeadsText = Annotated[
    str, Meta(max_length=HEADS_LENGTH, pattern=r"^[A-Za-z0-9_-]*$(?!\n)", description="What was seen of a document.")
]
DraftName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$(?!\n)")]
Files = Annotated[list[FileIn], Meta(min_length=1, max_length=100)]
BasedOnNumber = Annotated[int, Meta(ge=0, le=2**53)]


class ApplyIn(Struct, frozen=True, forbid_unknown_fields=True):
    """Either `files`, or `heads` of a draft (the main one unless `draft` says which) with `based_on`.

    `based_on` is the revision that was live when the change was made; 0 is nothing. `again` applies what
    somebody reverted.
    """

    files: Files | None = None
    heads: HeadsText | None = None
    draft: DraftName | None = None
    based_on: BasedOnNumber | None = None
    again: bool = False


class ReviewIn(Struct, frozen=True, forbid_unknown_fields=True):
    """Either `files`, or a draft: at `heads`, or without them as it is now; the main one unless `draft` says which."""

    files: Files | None = None
    heads: HeadsText | None = None
    draft: DraftName | None = None
    based_on: BasedOnNumber | None = None


class RevertIn(Struct, frozen=True, forbid_unknown_fields=True):
    """Back to revision `to`, if the head is still `based_on`."""

    to: Annotated[int, Meta(ge=1, le=2**53)]
    based_on: BasedOnNumber


class DraftIn(Struct, frozen=True, forbid_unknown_fields=True):
    """A new draft of what is live, or of what the main draft said at the heads `at`."""

    name: DraftName
    at: HeadsText | None = None


class DraftOut(Struct, frozen=True):
    """An open draft. `room` is where clients meet; the document said revision `applied` at `applied_heads`.

    `heads` is null while the document cannot be read.
    """

    name: str
    room: str
    epoch: str
    applied: int
    applied_heads: str
    heads: str | None
    created_by: str
    created_at: datetime

    @classmethod
    def of(cls, now: DraftNow) -> DraftOut:
        draft = now.draft
        return cls(
            name=draft.name,
            room=str(draft.room),
            epoch=draft.epoch,
            applied=draft.applied,
            applied_heads=draft.applied_heads,
            heads=now.heads,
            created_by=draft.created_by,
            created_at=draft.created_at,
        )


class DraftList(Struct, frozen=True):
    """All open drafts, by name. The main one is always there."""

    items: list[DraftOut]


class ComparedOut(Struct, frozen=True):
    """What changes from `other` to the draft. `other_heads` is null for the configuration that is live."""

    draft: str
    heads: str
    other: str
    other_heads: str | None
    changes: list[ChangeOut]

    @classmethod
    def of(cls, name: str, compared: Compared) -> ComparedOut:
        changes = list(map(ChangeOut.of, compared.changes))
        return cls(name, compared.heads, compared.other, compared.other_heads, changes)


class RivalOut(Struct, frozen=True):
    """A value, and who set it; null where a value was taken away."""

    author: str
    value: object


class RivalsOut(Struct, frozen=True):
    """Values set at one place by people who did not see each other's. The first one counts. Nothing is blocked."""

    path: list[str]
    values: list[RivalOut]

    @classmethod
    def of(cls, rivals: RivalValues) -> RivalsOut:
        return cls(list(rivals.path), [RivalOut(one.author, one.value) for one in rivals.values])


class RemovalOut(Struct, frozen=True):
    """A pipeline that one person removed and another edited. An apply is refused until somebody decides."""

    pipeline: str
    removed_by: str
    edited_by: list[str]

    @classmethod
    def of(cls, removal: Removal) -> RemovalOut:
        return cls(removal.pipeline, removal.removed_by, list(removal.edited_by))


class LostOut(Struct, frozen=True):
    """What somebody removed by its key while others edited it. Writing it again brings it back."""

    path: str
    pipeline: str | None
    removed_by: str
    edited_by: list[str]
    edits: list[str]

    @classmethod
    def of(cls, lost: LostEdits) -> LostOut:
        return cls(lost.path, lost.pipeline, lost.removed_by, list(lost.edited_by), list(lost.edits))


class ReviewedOut(Struct, frozen=True):
    """A draft at `heads`, on top of the live revision `based_on`. `plan` is null while there are problems."""

    draft: str
    room: str
    heads: str
    applied: int
    applied_heads: str
    based_on: int
    problems: list[ProblemOut]
    removals: list[RemovalOut]
    rivals: list[RivalsOut]
    lost: list[LostOut]
    plan: PlannedOut | None

    @classmethod
    def of(cls, reviewed: Reviewed) -> ReviewedOut:
        derived, draft = reviewed.derived, reviewed.draft
        return cls(
            draft=draft.name,
            room=str(derived.room),
            heads=derived.heads,
            applied=draft.applied,
            applied_heads=draft.applied_heads,
            based_on=reviewed.live,
            problems=list(map(ProblemOut.of, derived.problems)),
            removals=list(map(RemovalOut.of, derived.removals)),
            rivals=list(map(RivalsOut.of, reviewed.rivals)),
            lost=list(map(LostOut.of, reviewed.lost)),
            plan=PlannedOut.of(reviewed.planned) if reviewed.planned else None,
        )


def draft_of(asked: ApplyIn | ReviewIn) -> str:
    return MAIN if asked.draft is None else asked.draft
