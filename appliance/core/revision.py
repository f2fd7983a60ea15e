"""Revisions: numbered manifests, immutable once applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from appliance.core.draft import MAIN, Heads

NO_HEADS = Heads("")


@dataclass(frozen=True, slots=True)
class NewRevision:
    """What is applied on top of revision `based_on` (0: on nothing).

    `manifest` is the canonical text, `uploads` the files as they were sent, by name. `draft` at `heads` of
    the document `epoch` says just this. `reverts` is the revision whose manifest this brings back; those
    after it count as undone.
    """

    based_on: int
    digest: str
    manifest: str
    value: Mapping[str, object]
    uploads: Mapping[str, str]
    applied_by: str
    applied_at: datetime
    draft: str = MAIN
    epoch: str = ""
    heads: Heads = NO_HEADS
    reverts: int | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """An applied manifest. `undone_by` is the revision that reverted it, None if nobody did."""

    number: int
    digest: str
    manifest: str
    value: Mapping[str, object]
    uploads: Mapping[str, str]
    applied_by: str
    applied_at: datetime
    draft: str = MAIN
    epoch: str = ""
    heads: Heads = NO_HEADS
    reverts: int | None = None
    undone_by: int | None = None
