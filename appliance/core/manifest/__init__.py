"""`hakiri.toml`: reading it, checking it, merging files, and writing it the one canonical way."""

from __future__ import annotations

from appliance.core.manifest.canonical import digest, render
from appliance.core.manifest.diff import Change, ChangeKind, diff
from appliance.core.manifest.load import from_value, load, to_value
from appliance.core.manifest.problems import InvalidManifest
from appliance.core.manifest.schema import SCHEMA_ID, schema
from appliance.core.manifest.sources import SourceText

__all__ = [
    "SCHEMA_ID",
    "Change",
    "ChangeKind",
    "InvalidManifest",
    "SourceText",
    "diff",
    "digest",
    "from_value",
    "load",
    "render",
    "schema",
    "to_value",
]
