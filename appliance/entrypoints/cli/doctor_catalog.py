"""The doctor looks into a copy of the catalog: does it open, and is what it needs there?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from appliance.bootstrap import Substrate, selfhosted
from appliance.core.errors import ControlError, Invalid
from appliance.core.manifest import from_value
from appliance.core.pipeline import Manifest
from appliance.entrypoints.cli import doctor_reach, words
from appliance.entrypoints.cli.findings import Finding, broken, doubtful, good
from appliance.entrypoints.serve import InUse, hold
from appliance.settings import Settings

# SQLite's file, and the write-ahead log that belongs to it.
_FILES = ("catalog.db", "catalog.db-wal")


def examine(settings: Settings, holder: str | None) -> Iterator[Finding]:
    """Works on a copy, so that nothing is upgraded by looking at it."""
    with TemporaryDirectory(prefix="hakiri-doctor-") as name:
        copied = holder is None and _copy(settings.data, Path(name))
        if holder is not None:
            yield good("catalog", f"not opened: {holder.partition(';')[0]}")
        elif not copied:
            yield good("catalog", "there is none yet; the first start makes it")
        try:
            substrate = selfhosted(replace(settings, data=Path(name)))
        except Invalid as error:
            yield broken("bucket", str(error), doctor_reach.BUCKET_FIX)
            return
        except ControlError as error:
            yield broken("catalog", f"{error.code}: {error}", "start the version that made it, or restore a backup")
            return
        except Exception as error:  # noqa: BLE001 - what damaged files make of SQLite is as varied as the damage
            yield broken("catalog", f"{settings.data} cannot be opened: {error}", "restore a backup")
            return
        try:
            yield from _look(settings, substrate, copied=copied)
        finally:
            substrate.close()


def _copy(data: Path, into: Path) -> bool:
    """Copy the catalog while nobody writes to it."""
    if not (data / _FILES[0]).is_file():
        return False
    try:
        lock = hold(data)
    except InUse:
        return False
    try:
        for name in _FILES:
            if (data / name).is_file():
                shutil.copyfile(data / name, into / name)
    finally:
        os.close(lock)
    return True


def _look(settings: Settings, substrate: Substrate, *, copied: bool) -> Iterator[Finding]:
    if copied:
        yield from _applied(settings, substrate)
    if settings.bucket is not None:
        yield from doctor_reach.bucket(substrate.objects)
    yield from doctor_reach.connectors(substrate)


def _applied(settings: Settings, substrate: Substrate) -> Iterator[Finding]:
    head = substrate.revisions.head()
    if head is None:
        yield good("catalog", "opens; nothing is applied yet")
        return
    yield good("catalog", f"opens; revision {head.number} was applied by {head.applied_by}")
    ahead = head.applied_at - datetime.now(UTC)
    if ahead > timedelta(seconds=1):
        said = (
            f"revision {head.number} is from the future: the clock was set back by {words.span(ahead.total_seconds())}"
        )
        yield doubtful("clock", said, "set the clock; fires wait until it has caught up")
    try:
        manifest = from_value(head.value)
    except ControlError as error:
        yield broken("manifest", str(error), "apply a corrected hakiri.toml")
        return
    yield from _needs(settings, substrate, manifest)


def _needs(settings: Settings, substrate: Substrate, manifest: Manifest) -> Iterator[Finding]:
    installed = set(substrate.connectors.names())
    missing = {name: pipeline.id for pipeline in manifest.pipelines for name in pipeline.secrets}
    missing = {name: pipeline for name, pipeline in missing.items() if not _has_secret(settings, name)}
    for name, names_it in sorted(missing.items()):
        fix = f"set HAKIRI_SECRET_{name}, or put a file {name} into the directory HAKIRI_SECRETS_DIR"
        yield broken("secret", f"{name}, which pipeline {names_it} names, is not to be had", fix)
    if not missing:
        yield good("secret", "every secret that a pipeline names is to be had")
    for pipeline in manifest.pipelines:
        name = pipeline.source.connector.partition("@")[0]
        if name not in installed:
            known = ", ".join(sorted(installed))
            yield broken("connector", f"pipeline {pipeline.id} names {name}; installed are {known}", "install it")


def _has_secret(settings: Settings, name: str) -> bool:
    if name in settings.secrets:
        return True
    return settings.secrets_dir is not None and os.access(settings.secrets_dir / name, os.R_OK)
