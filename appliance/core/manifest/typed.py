"""From a checked tree to the nouns, and back to a tree that spells out every default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from appliance.core import schedule
from appliance.core.duration import duration_text, parse_duration
from appliance.core.manifest.schema import CARRIED_BY_MANIFEST, CARRIED_BY_PIPELINE, CARRIED_BY_TABLE
from appliance.core.pipeline import (
    APPLIANCE,
    CONTEXT,
    DEFAULT_CATCHUP_LIMIT,
    DEFAULT_RETRIES,
    DEFAULT_TIMEOUT,
    UTC,
    Catchup,
    Context,
    Manifest,
    OnTableError,
    Overlap,
    Pipeline,
    PipelineId,
    Placement,
    Project,
    Source,
    Sync,
    Table,
    Value,
)

Tree: TypeAlias = dict[str, Value]


def read_manifest(tree: Mapping[str, object]) -> Manifest:
    """Turn a tree that has no problems into a manifest, without its comments."""
    full = cast("Mapping[str, Value]", tree)
    project, context = _mapping(full, "project"), _mapping(full, "context")
    pipelines = [read_pipeline(cast("Mapping[str, Value]", pipeline)) for pipeline in _list(full, "pipeline")]
    return Manifest(
        project=Project(_optional(project, "name"), _optional(project, "version")),
        context=Context(_optional(context, "path"), _text(context, "default_destination", CONTEXT)),
        sync=_read_sync(_mapping(full, "sync")) if "sync" in full else None,
        pipelines=tuple(sorted(pipelines, key=lambda pipeline: pipeline.id)),
        carried=_picked(full, CARRIED_BY_MANIFEST),
    )


def read_pipeline(tree: Mapping[str, Value]) -> Pipeline:
    """Turn the checked tree of one pipeline into its noun, with every default filled in."""
    source, zone = _mapping(tree, "source"), _text(tree, "timezone", UTC)
    return Pipeline(
        id=PipelineId(_text(tree, "id")),
        source=Source(_text(source, "connector"), _mapping(source, "config")),
        tables=tuple(map(_read_table, _list(tree, "tables"))),
        schedule=schedule.parse(_text(tree, "schedule"), zone).text if "schedule" in tree else None,
        timezone=zone,
        catchup=Catchup(_text(tree, "catchup", Catchup.LATEST)),
        catchup_limit=_number(tree, "catchup_limit", DEFAULT_CATCHUP_LIMIT),
        overlap=Overlap(_text(tree, "overlap", Overlap.SKIP)),
        incremental=_optional(tree, "incremental"),
        secrets=tuple(sorted(_names(tree, "secrets"))),
        destination=_text(_mapping(tree, "destination"), "connector", CONTEXT),
        placement=Placement(_text(tree, "placement", APPLIANCE)),
        paused=tree.get("paused", False) is True,
        timeout=parse_duration(_text(tree, "timeout", duration_text(DEFAULT_TIMEOUT))),
        retries=_number(tree, "retries", DEFAULT_RETRIES),
        on_table_error=OnTableError(_text(tree, "on_table_error", OnTableError.ABORT)),
        egress=tuple(sorted(_names(tree, "egress"))),
        carried=_picked(tree, CARRIED_BY_PIPELINE),
    )


def full_tree(manifest: Manifest) -> Tree:
    """Write a manifest with every default spelled out. What has neither value nor default is absent."""
    context = {"path": manifest.context.path, "default_destination": manifest.context.default_destination}
    tree: Tree = {
        "project": _present({"name": manifest.project.name, "version": manifest.project.version}),
        "context": _present(context),
        "pipeline": [pipeline_tree(pipeline) for pipeline in manifest.pipelines],
        **manifest.carried,
    }
    return tree if manifest.sync is None else {**tree, "sync": _sync_tree(manifest.sync)}


def pipeline_tree(pipeline: Pipeline) -> Tree:
    """Write one pipeline with every default spelled out."""
    return _present(
        {
            "id": pipeline.id,
            "source": {"connector": pipeline.source.connector, "config": pipeline.source.config},
            "tables": list(map(_table_tree, pipeline.tables)),
            "schedule": pipeline.schedule,
            "timezone": pipeline.timezone,
            "catchup": pipeline.catchup.value,
            "catchup_limit": pipeline.catchup_limit,
            "overlap": pipeline.overlap.value,
            "incremental": pipeline.incremental,
            "secrets": list(pipeline.secrets),
            "destination": {"connector": pipeline.destination},
            "placement": pipeline.placement,
            "paused": pipeline.paused,
            "timeout": duration_text(pipeline.timeout),
            "retries": pipeline.retries,
            "on_table_error": pipeline.on_table_error.value,
            "egress": list(pipeline.egress),
            **pipeline.carried,
        }
    )


def _read_table(entry: Value) -> Table:
    if isinstance(entry, str):
        return Table(entry)
    tree = cast("Mapping[str, Value]", entry)
    return Table(
        _text(tree, "name"),
        tuple(_names(tree, "primary_key")),
        _optional(tree, "incremental"),
        _picked(tree, CARRIED_BY_TABLE),
    )


def _table_tree(table: Table) -> Tree:
    key = list(table.primary_key)
    return _present({"name": table.name, "primary_key": key, "incremental": table.incremental, **table.carried})


def _read_sync(tree: Mapping[str, Value]) -> Sync:
    endpoint, region, prefix = (_optional(tree, key) for key in ("endpoint", "region", "prefix"))
    return Sync(_text(tree, "bucket"), endpoint, region, prefix, _mapping(tree, "replica"))


def _sync_tree(sync: Sync) -> Tree:
    plain = {"bucket": sync.bucket, "endpoint": sync.endpoint, "region": sync.region, "prefix": sync.prefix}
    return _present({**plain, "replica": sync.replica})


def _present(tree: Mapping[str, Value | None]) -> Tree:
    return {key: value for key, value in tree.items() if value is not None}


def _picked(tree: Mapping[str, Value], keys: Sequence[str]) -> Tree:
    return {key: tree[key] for key in keys if key in tree}


# The tree was checked against the schema: these say its types to the type checker.


def _mapping(tree: Mapping[str, Value], key: str) -> Mapping[str, Value]:
    return cast("Mapping[str, Value]", tree.get(key, {}))


def _list(tree: Mapping[str, Value], key: str) -> Sequence[Value]:
    return cast("Sequence[Value]", tree.get(key, []))


def _names(tree: Mapping[str, Value], key: str) -> Sequence[str]:
    return cast("Sequence[str]", tree.get(key, []))


def _text(tree: Mapping[str, Value], key: str, default: str = "") -> str:
    return cast("str", tree.get(key, default))


def _optional(tree: Mapping[str, Value], key: str) -> str | None:
    return cast("str | None", tree.get(key))


def _number(tree: Mapping[str, Value], key: str, default: int) -> int:
    return cast("int", tree.get(key, default))
