"""The nouns of a manifest: what to move, from where, when, and how a failure is met."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import NewType, TypeAlias

from appliance.core.errors import NotFound

# What TOML and JSON can both say. There is no null: an absent key says it.
Value: TypeAlias = bool | int | float | str | Sequence["Value"] | Mapping[str, "Value"]

PipelineId = NewType("PipelineId", str)
Placement = NewType("Placement", str)

APPLIANCE = Placement("appliance")
CONTEXT = "context"
UTC = "UTC"
DEFAULT_CATCHUP_LIMIT = 100
DEFAULT_RETRIES = 5
DEFAULT_TIMEOUT = timedelta(hours=6)


class Catchup(StrEnum):
    """What becomes of the fires that were missed while nobody was up."""

    SKIP = "skip"
    LATEST = "latest"
    ALL = "all"


class Overlap(StrEnum):
    """What a fire does when the run before it is not over."""

    SKIP = "skip"
    BUFFER_ONE = "buffer-one"
    ALLOW = "allow"
    CANCEL_OTHER = "cancel-other"


class OnTableError(StrEnum):
    """What one failed table does to the tables after it."""

    ABORT = "abort"
    CONTINUE = "continue"


@dataclass(frozen=True, slots=True)
class Source:
    """Who reads, and the settings it is given. `config` holds references to secrets, never a secret."""

    connector: str
    config: Mapping[str, Value] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the source. Without `primary_key` every row read is kept; with it views show the latest per key.

    `incremental` is None where the pipeline's own applies. `carried` holds keys that are kept and not acted on.
    """

    name: str
    primary_key: tuple[str, ...] = ()
    incremental: str | None = None
    carried: Mapping[str, Value] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Pure configuration: nothing here changes while it runs.

    `tables` are read in this order. `schedule` is None for a pipeline that only runs when asked.
    `retries` counts attempts in all, the first included. `egress` names hosts besides those of the source's own URLs.
    """

    id: PipelineId
    source: Source
    tables: tuple[Table, ...]
    schedule: str | None = None
    timezone: str = UTC
    catchup: Catchup = Catchup.LATEST
    catchup_limit: int = DEFAULT_CATCHUP_LIMIT
    overlap: Overlap = Overlap.SKIP
    incremental: str | None = None
    secrets: tuple[str, ...] = ()
    destination: str = CONTEXT
    placement: Placement = APPLIANCE
    paused: bool = False
    timeout: timedelta = DEFAULT_TIMEOUT
    retries: int = DEFAULT_RETRIES
    on_table_error: OnTableError = OnTableError.ABORT
    egress: tuple[str, ...] = ()
    carried: Mapping[str, Value] = field(default_factory=dict, hash=False)

    def table(self, name: str) -> Table:
        """Raises NotFound."""
        for table in self.tables:
            if table.name == name:
                return table
        raise NotFound(f"pipeline {self.id} has no table {name!r}")

    def incremental_of(self, table: Table) -> str | None:
        """The field that tells new rows from known ones; None reads everything each time."""
        return table.incremental or self.incremental

    def landed_name(self, table: Table) -> str:
        return landed_name(self.id, table.name)


def landed_name(pipeline: str, table: str) -> str:
    """What a reader calls the table: `meta-ads` and `insights` land as `meta_ads_insights`."""
    return re.sub(r"[^a-z0-9]", "_", f"{pipeline}_{table}".lower())


@dataclass(frozen=True, slots=True)
class Project:
    name: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """Where readers on a laptop find the store; the appliance itself writes where its settings say."""

    path: str | None = None
    default_destination: str = CONTEXT


@dataclass(frozen=True, slots=True)
class Sync:
    """The bucket that laptops share. Credentials never stand here. `replica` is kept and not acted on."""

    bucket: str
    endpoint: str | None = None
    region: str | None = None
    prefix: str | None = None
    replica: Mapping[str, Value] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Comment:
    """What people wrote about the thing at `at`: above it, behind it on its line, and last inside it.

    `at` names pipelines by id and tables by name: `("pipeline", "orders", "schedule")`.
    """

    at: tuple[str, ...]
    before: tuple[str, ...] = ()
    line: str = ""
    end: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a manifest: where, what, and what would be right."""

    file: str
    path: str
    code: str
    message: str
    expected: str = ""
    line: int | None = None

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        said = f"{self.message}; {self.expected}" if self.expected else self.message
        return f"{where}: {self.path}: {said}" if self.path else f"{where}: {said}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The whole configuration of a team. Pipelines stand in the order of their ids.

    `warnings` are about the files it was read from; they are no part of what is compared.
    """

    project: Project = Project()
    context: Context = Context()
    sync: Sync | None = None
    pipelines: tuple[Pipeline, ...] = ()
    comments: tuple[Comment, ...] = ()
    carried: Mapping[str, Value] = field(default_factory=dict, hash=False)
    warnings: tuple[Problem, ...] = field(default=(), compare=False)

    def pipeline(self, pipeline: str) -> Pipeline:
        """Raises NotFound."""
        for known in self.pipelines:
            if known.id == pipeline:
                return known
        raise NotFound(f"there is no pipeline {pipeline!r}")
