"""Revisions: numbered manifests, immutable once applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class NewRevision:
    """What is applied on top of revision `based_on` (0: on nothing).

    `manifest` is the canonical text, `uploads` the files as they were sent, by name.
    """

    based_on: int
    digest: str
    manifest: str
    value: Mapping[str, object]
    uploads: Mapping[str, str]
    applied_by: str
    applied_at: datetime


@dataclass(frozen=True, slots=True)
class Revision:
    """An applied manifest."""

    number: int
    digest: str
    manifest: str
    value: Mapping[str, object]
    uploads: Mapping[str, str]
    applied_by: str
    applied_at: datetime
