"""Reading one file, TOML or JSON, into the same plain tree, with its comments and line numbers."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NoReturn

from appliance.core import manifest_limits
from appliance.core.limits import MANIFEST_BYTES
from appliance.core.manifest.names import named
from appliance.core.manifest.problems import Problems, Report, shown
from appliance.core.manifest.toml_scan import Remarks, TooMuchError, scan
from appliance.core.manifest.values import settle_values

COMMENTS = "$comments"

_JSON_MARK = re.compile(r'"(?:[^"\\]|\\.)*+"|["\[\]{}]', re.DOTALL)
_TOML_PLACE = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class SourceText:
    """One file as it was given. `name` is what messages call it."""

    name: str
    text: str
    format: Literal["toml", "json"]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file that could be read at all; what it says may still be wrong."""

    tree: Mapping[str, object]
    report: Report
    remarks: Mapping[tuple[str, ...], Remarks] = field(default_factory=dict)
    is_json: bool = False


def parse(source: SourceText, problems: Problems) -> Parsed | None:
    """Read one file. None means that a problem was added and nothing can be said about the rest of it."""
    report = Report(source.name, problems)
    if not _is_readable(source.text, report):
        return None
    text = source.text.removeprefix("\ufeff")
    return _parse_json(text, report) if source.format == "json" else _parse_toml(text.replace("\r\n", "\n"), report)


def parse_tree(tree: dict[str, object], report: Report) -> Parsed | None:
    """Take a plain JSON object, comments included, as a file of its own."""
    report = Report(report.file, report.problems, tree)
    before = len(report.problems.errors)
    settle_values(tree, report)
    if len(report.problems.errors) > before:
        return None
    said = tree.pop(COMMENTS, [])
    return Parsed(tree, report, _json_remarks(said, report), is_json=True)


def _is_readable(text: str, report: Report) -> bool:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        report.error((), "bad_text", "the file holds a lone surrogate", "save it as UTF-8")
        return False
    if size > MANIFEST_BYTES:
        report.error((), "too_large", f"the file has {size} bytes", f"at most {MANIFEST_BYTES >> 20} MiB")
        return False
    if "\x00" in text:
        report.error((), "bad_text", "the file holds NUL", "save it as UTF-8 text")
        return False
    return True


def _parse_toml(text: str, report: Report) -> Parsed | None:
    try:
        found = scan(text)
        tree: dict[str, object] = tomllib.loads(text)
    except TooMuchError as error:
        report.error((), error.code, f"line {error.line}: {error}", error.expected)
        return None
    except ValueError as error:
        report.error((), "syntax", _toml_message(str(error), text), "see https://toml.io/en/v1.0.0")
        return None
    report = Report(report.file, report.problems, tree, found.lines)
    before = len(report.problems.errors)
    settle_values(tree, report)
    if len(report.problems.errors) > before:
        return None
    if COMMENTS in tree:
        report.error((COMMENTS,), "unknown_key", "is for JSON only", "write comments after #")
    return Parsed(tree, report, {named(tree, path): said for path, said in found.remarks.items()})


def _toml_message(message: str, text: str) -> str:
    place = _TOML_PLACE.fullmatch(message)
    if place is None:
        # Not a message about syntax: Python refuses to read an integer of thousands of digits.
        return "a number is too long to be read"
    line, column = place[2] or str(text.count("\n") + 1), place[3] or str(len(text) - text.rfind("\n"))
    said = place[1] if len(place[1]) <= manifest_limits.KEY_CHARS else f"{place[1][: manifest_limits.KEY_CHARS]}…"
    return f"line {line}, column {column}: {said[:1].lower()}{said[1:]}"


def _parse_json(text: str, report: Report) -> Parsed | None:
    if _json_depth(text) > manifest_limits.NESTING + 1:
        report.error((), "nesting", "is nested too deep", f"at most {manifest_limits.NESTING} levels")
        return None
    try:
        tree = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        message = f"line {error.lineno}, column {error.colno}: {error.msg[:1].lower()}{error.msg[1:]}"
        report.error((), "syntax", message, "see https://www.rfc-editor.org/rfc/rfc8259")
        return None
    except _NotInJsonError as error:
        report.error((), error.code, str(error), error.expected)
        return None
    except ValueError:
        report.error((), "syntax", "a number is too long to be read", "write it as text, in quotes")
        return None
    if not isinstance(tree, dict):
        report.error((), "type", f"{shown(tree)} is not a manifest", 'write an object such as {"pipeline": []}')
        return None
    return parse_tree(tree, report)


class _NotInJsonError(ValueError):
    """Something that Python's parser lets through."""

    def __init__(self, code: str, message: str, expected: str) -> None:
        super().__init__(message)
        self.code = code
        self.expected = expected


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    tree: dict[str, object] = {}
    for key, value in pairs:
        if key in tree:
            raise _NotInJsonError(
                "duplicate_key", f"the key {shown(key)} stands twice in one object", "keep one of them"
            )
        tree[key] = value
    return tree


def _no_constant(name: str) -> NoReturn:
    raise _NotInJsonError("range", f"{name} is not JSON", "write a finite number")


def _json_depth(text: str) -> int:
    depth = deepest = 0
    for mark in _JSON_MARK.finditer(text):
        if mark[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark[0] in "]}":
            depth -= 1
        elif mark[0] == '"':
            # Never closed. The parser will say so; looking on from every quote takes quadratic time.
            break
    return deepest


def _json_remarks(said: object, report: Report) -> dict[tuple[str, ...], Remarks]:
    remarks: dict[tuple[str, ...], Remarks] = {}
    for index, entry in enumerate(said if isinstance(said, list) else [said]):
        comment = _json_comment(entry)
        if comment is None:
            example = '{"at": ["pipeline", "orders"], "before": ["why"], "line": "", "end": []}'
            report.error((COMMENTS, index), "type", "is not a comment", f"write {example}")
        elif comment[0] in remarks:
            report.error((COMMENTS, index), "duplicate_key", "the place has comments already", "write them together")
        else:
            remarks[comment[0]] = comment[1]
    return remarks


def _json_comment(entry: object) -> tuple[tuple[str, ...], Remarks] | None:
    if not isinstance(entry, dict) or "at" not in entry or set(entry) - {"at", "before", "line", "end"}:
        return None
    lists = [entry["at"], entry.get("before", []), [entry.get("line", "")], entry.get("end", [])]
    if not all(isinstance(texts, list) and all(isinstance(text, str) for text in texts) for texts in lists):
        return None
    at, before, line, end = lists
    if any(_CONTROL.search(text) for texts in (before, line, end) for text in texts):
        return None
    words = [[text.rstrip(" \t") for text in texts] for texts in (before, line, end)]
    return tuple(at), Remarks(words[0], words[1][0], words[2])
