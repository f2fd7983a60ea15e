"""What the schema cannot say: rules between keys, and values that only their own parser understands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

from appliance.core import schedule
from appliance.core.duration import parse_duration
from appliance.core.errors import Invalid
from appliance.core.limits import CONFIG_BYTES
from appliance.core.manifest.credentials import ADVICE, REFERENCE, is_credential, is_kept_secret
from appliance.core.manifest.problems import Path, Report, shown
from appliance.core.manifest.schema import CARRIED_BY_MANIFEST, CARRIED_BY_PIPELINE, CARRIED_BY_TABLE
from appliance.core.manifest.sources import Parsed
from appliance.core.pipeline import UTC, Catchup

LONGEST_TIMEOUT = timedelta(days=7)
_MAX_PORT = 65_535
_SECRET_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


def check_file(parsed: Parsed) -> None:
    """Report what is wrong in one file. Values may still have any type: the schema speaks of that."""
    tree, report = parsed.tree, parsed.report
    _check_credentials(parsed)
    _carried((), tree, CARRIED_BY_MANIFEST, report)
    for index, pipeline in enumerate(_list(tree, "pipeline")):
        if isinstance(pipeline, dict):
            _check_pipeline(pipeline, ("pipeline", index), report)


def _check_pipeline(pipeline: Mapping[str, object], path: Path, report: Report) -> None:
    _check_schedule(pipeline, path, report)
    _check_timeout(pipeline, path, report)
    _check_tables(pipeline, path, report)
    _check_egress(pipeline, path, report)
    _check_config(pipeline, path, report)
    _check_secrets(pipeline, path, report)
    _carried(path, pipeline, CARRIED_BY_PIPELINE, report)


def _check_schedule(pipeline: Mapping[str, object], path: Path, report: Report) -> None:
    text, zone = pipeline.get("schedule"), pipeline.get("timezone", UTC)
    if isinstance(text, str) and text:
        _try_schedule(text, UTC, (*path, "schedule"), report)
    if isinstance(zone, str) and zone:
        _try_zone(zone, (*path, "timezone"), report)
    if "timezone" in pipeline and (not isinstance(text, str) or text.startswith("every")):
        message = "has no effect without a cron line"
        report.warning((*path, "timezone"), "no_effect", message, "remove it or write a five-field cron")
    if "catchup_limit" in pipeline and pipeline.get("catchup") != Catchup.ALL:
        report.warning((*path, "catchup_limit"), "no_effect", 'counts only with catchup = "all"')


def _try_schedule(text: str, zone: str, path: Path, report: Report) -> None:
    try:
        schedule.parse(text, zone)
    except Invalid as error:
        advice = str(error).removeprefix(f"schedule {text!r}: ")
        report.error(path, "schedule", f"{shown(text)} is not a schedule", advice)


def _try_zone(zone: str, path: Path, report: Report) -> None:
    try:
        schedule.parse("every 1m", zone)
    except Invalid as error:
        advice = str(error).removeprefix(f"zone {zone[:80]!r}: ").removeprefix("not an IANA zone; ")
        report.error(path, "timezone", f"{shown(zone)} is not an IANA zone", advice)


def _check_timeout(pipeline: Mapping[str, object], path: Path, report: Report) -> None:
    text = pipeline.get("timeout")
    try:
        too_long = isinstance(text, str) and parse_duration(text) > LONGEST_TIMEOUT
    except Invalid:
        return
    if too_long:
        report.error((*path, "timeout"), "range", f"{shown(text)} is out of range", "write a duration from 1s to 7d")


def _check_tables(pipeline: Mapping[str, object], path: Path, report: Report) -> None:
    seen: set[str] = set()
    for index, table in enumerate(_list(pipeline, "tables")):
        place = (*path, "tables", index)
        name = table.get("name") if isinstance(table, dict) else table
        if isinstance(table, dict):
            _carried(place, table, CARRIED_BY_TABLE, report)
        if isinstance(name, str):
            if name in seen:
                report.error(place, "duplicate", f"the table {shown(name)} stands twice", "keep one of them")
            seen.add(name)


def _check_egress(pipeline: Mapping[str, object], path: Path, report: Report) -> None:
    for index, host in enumerate(_list(pipeline, "egress")):
        port = host.rpartition(":")[2] if isinstance(host, str) and not host.endswith("]") else ""
        if port.isdecimal() and ":" in str(host) and int(port[:6]) > _MAX_PORT:
            report.error((*path, "egress", index), "range", f"there is no port {port[:6]}", f"at most {_MAX_PORT}")


def _check_config(pipeline: Mapping[str, object], path: Path, report: Report) -> None:
    source = pipeline.get("source")
    config = source.get("config", {}) if isinstance(source, dict) else {}
    size = len(json.dumps(config, ensure_ascii=False, separators=(",", ":")).encode())
    if size > CONFIG_BYTES:
        limit = f"at most {CONFIG_BYTES >> 10} KiB"
        report.error((*path, "source", "config"), "too_large", f"has {size} bytes as JSON", limit)


def _check_secrets(pipeline: Mapping[str, object], path: Path, report: Report) -> None:
    listed = _list(pipeline, "secrets")
    used: set[str] = set()
    source = pipeline.get("source")
    for place, _, text in _scalars(source, (*path, "source")):
        if isinstance(text, str) and "secret:" in text:
            used |= _references(text, place, listed, report)
    for index, name in enumerate(listed):
        if isinstance(name, str) and name not in used:
            advice = f'write "${{secret:{name}}}" where it belongs, or remove it'
            report.warning((*path, "secrets", index), "unused_secret", f"{shown(name)} is used nowhere", advice)


def _references(text: str, path: Path, listed: list[object], report: Report) -> set[str]:
    names = set(REFERENCE.findall(text))
    if "${secret:" in REFERENCE.sub("", text) or "secret://" in text:
        report.error(path, "secret_reference", "a reference to a secret is malformed", 'write "${secret:NAME}"')
    for name in sorted(names):
        if _SECRET_NAME.fullmatch(name) is None:
            message = f"{shown(name)} is not a secret's name"
            report.error(path, "secret_reference", message, "use A-Z, 0-9 and _, the first a letter, at most 64")
        elif name not in listed:
            report.error(
                path, "secret_not_listed", f"{name} is not listed", f'write secrets = ["{name}"] in the pipeline'
            )
    return names


def _check_credentials(parsed: Parsed) -> None:
    """Refuse a credential wherever it stands; the message never repeats it."""
    for path, inside, value in _scalars(parsed.tree, ()):
        if (isinstance(value, str) and is_credential(value)) or (inside and is_kept_secret(path[3:], value)):
            parsed.report.error(path, "credential", "looks like a credential", ADVICE)
    for at, said in parsed.remarks.items():
        if any(map(is_credential, (*said.before, said.line, *said.end))):
            parsed.report.error(at, "credential", "a comment here looks like it holds a credential", "remove it")


def _scalars(root: object, above: Path) -> Iterator[tuple[Path, bool, object]]:
    """Every key and plain value with its path, and whether it stands among a connector's settings."""
    rest: list[tuple[Path, object]] = [(above, root)]
    while rest:
        path, node = rest.pop()
        if isinstance(node, dict):
            rest += [((*path, key), value) for key, value in reversed(node.items())]
            yield from ((path, False, key) for key in node)
        elif isinstance(node, list):
            rest += [((*path, index), value) for index, value in reversed(list(enumerate(node)))]
        elif path:
            yield path, path[2:4] == ("source", "config"), node


def _carried(path: Path, table: Mapping[str, object], keys: tuple[str, ...], report: Report) -> None:
    for key in keys:
        if key in table:
            report.warning((*path, key), "not_acted_on", "is kept, but this version does not act on it")


def _list(table: Mapping[str, object], key: str) -> list[object]:
    value = table.get(key)
    return value if isinstance(value, list) else []
