"""Reading files into one manifest, or into everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from appliance.core import manifest_limits
from appliance.core.errors import TooLarge
from appliance.core.manifest.canonical import render
from appliance.core.manifest.comments import Places, settle
from appliance.core.manifest.names import PIPELINE
from appliance.core.manifest.problems import Problems, Report, dotted, shown
from appliance.core.manifest.rules import check_file
from appliance.core.manifest.schema import SCHEMA
from appliance.core.manifest.shape import check
from appliance.core.manifest.sources import COMMENTS, Parsed, SourceText, parse, parse_tree
from appliance.core.manifest.sparse import Names, sparse_tree
from appliance.core.manifest.toml_scan import Remarks
from appliance.core.manifest.typed import full_tree, read_manifest
from appliance.core.pipeline import Comment, Manifest, Value, landed_name

_SECTIONS = ("project", "context", "sync", "coord_backend")


def load(sources: Sequence[SourceText]) -> Manifest:
    """Read and merge files. Raises InvalidManifest with every problem found, and nothing else."""
    problems = Problems()
    return _merged([parsed for source in sources if (parsed := parse(source, problems))], problems)


def from_value(value: object, name: str = "manifest") -> Manifest:
    """Read what `to_value` wrote, with every check of `load`; nested values are shared. Raises InvalidManifest."""
    problems = Problems()
    report = Report(name, problems)
    if not isinstance(value, dict):
        report.error((), "type", f"{shown(value)} is not a manifest", 'write an object such as {"pipeline": []}')
        problems.raise_any()
    parsed = parse_tree(dict(cast("dict[str, object]", value)), report)
    return _merged([parsed] if parsed else [], problems)


def to_value(manifest: Manifest) -> dict[str, Value]:
    """Write the JSON form: plain values, defaults absent, comments under `$comments`."""
    tree = sparse_tree(manifest)
    return {**tree, COMMENTS: list(map(_comment_value, manifest.comments))} if manifest.comments else tree


def _merged(files: Sequence[Parsed], problems: Problems) -> Manifest:
    for parsed in files:
        check(parsed.tree, SCHEMA, (), parsed.report)
        check_file(parsed)
    _check_sections(files)
    _check_ids(files)
    _check_landed_names(files)
    problems.raise_any()
    manifest = read_manifest(_one_tree(files))
    manifest = _with_comments(manifest, files)
    problems.raise_any()
    _check_size(manifest, problems)
    return replace(manifest, warnings=tuple(problems.warnings))


def _one_tree(files: Sequence[Parsed]) -> dict[str, object]:
    pipelines = [pipeline for parsed in files for pipeline in _pipelines(parsed)]
    sections = {key: parsed.tree[key] for parsed in files for key in _SECTIONS if key in parsed.tree}
    return {**sections, PIPELINE: pipelines}


def _check_sections(files: Sequence[Parsed]) -> None:
    seen: dict[str, Parsed] = {}
    for parsed in files:
        for key in _SECTIONS:
            if key in parsed.tree and key in seen:
                there = _place(seen[key].report, (key,))
                parsed.report.error((key,), "duplicate_section", f"{key} is in {there} already", "keep it in one file")
            elif key in parsed.tree:
                seen[key] = parsed


def _check_ids(files: Sequence[Parsed]) -> None:
    seen: dict[str, str] = {}
    for parsed in files:
        for index, pipeline in enumerate(_pipelines(parsed)):
            name, path = pipeline.get("id"), (PIPELINE, index, "id")
            if isinstance(name, str) and name in seen:
                message = f"the id {shown(name)} is in {seen[name]} already"
                parsed.report.error(path, "duplicate_id", message, "give one of the two another id, or remove it")
            elif isinstance(name, str):
                seen[name] = _place(parsed.report, path)
    if files and len(seen) > manifest_limits.PIPELINES:
        limit = f"at most {manifest_limits.PIPELINES:,}"
        files[-1].report.error((PIPELINE,), "too_large", f"all files together have {len(seen):,} pipelines", limit)


def _check_landed_names(files: Sequence[Parsed]) -> None:
    seen: dict[str, tuple[str, str]] = {}
    for parsed in files:
        for index, pipeline in enumerate(_pipelines(parsed)):
            for position, table in enumerate(_names_of(pipeline)):
                wanted = (str(pipeline.get("id")), table)
                other = seen.setdefault(landed_name(*wanted), wanted)
                if other != wanted:
                    message = f"lands as {landed_name(*wanted)}, as does {shown(other[1])} of {shown(other[0])}"
                    path = (PIPELINE, index, "tables", position)
                    parsed.report.error(path, "landed_name", message, "give the pipeline another id")


def _check_size(manifest: Manifest, problems: Problems) -> None:
    try:
        render(manifest)
    except TooLarge as error:
        Report("manifest", problems).error(
            (), "too_large", str(error), "give pipelines fewer settings, or shorter ones"
        )
    problems.raise_any()


def _with_comments(manifest: Manifest, files: Sequence[Parsed]) -> Manifest:
    remarks: dict[Names, Remarks] = {}
    # By name, so that the order in which files are given changes nothing.
    for parsed in sorted(files, key=lambda parsed: parsed.report.file):
        for at, said in parsed.remarks.items():
            known = remarks.setdefault(at, Remarks())
            known.before += [*said.before, *([said.line] if said.line and known.line else [])]
            known.line = known.line or said.line
            known.end += said.end
    raw = tuple(Comment(at, tuple(said.before), said.line, tuple(said.end)) for at, said in remarks.items())
    _check_places(full_tree(manifest), files)
    spoken = [comment for comment in raw if comment.before or comment.line or comment.end]
    return replace(manifest, comments=settle(sparse_tree(replace(manifest, comments=tuple(spoken))), remarks))


def _check_places(tree: Mapping[str, Value], files: Sequence[Parsed]) -> None:
    places = Places(tree)
    for parsed in files:
        for at in parsed.remarks if parsed.is_json else ():
            if not places.exists(at):
                parsed.report.error((COMMENTS,), "comment_place", f"there is nothing at {shown(dotted(at))}")


def _pipelines(parsed: Parsed) -> Sequence[Mapping[str, object]]:
    found = parsed.tree.get(PIPELINE)
    return [pipeline if isinstance(pipeline, dict) else {} for pipeline in found] if isinstance(found, list) else []


def _names_of(pipeline: Mapping[str, object]) -> Iterable[str]:
    found = pipeline.get("tables")
    for table in found if isinstance(found, list) else ():
        name = table.get("name") if isinstance(table, dict) else table
        yield name if isinstance(name, str) else ""


def _place(report: Report, path: tuple[str | int, ...]) -> str:
    line = report.line(path)
    return report.file if line is None else f"{report.file}:{line}"


def _comment_value(comment: Comment) -> dict[str, Value]:
    value: dict[str, Value] = {"at": list(comment.at)}
    if comment.before:
        value["before"] = list(comment.before)
    if comment.line:
        value["line"] = comment.line
    return {**value, "end": list(comment.end)} if comment.end else value
