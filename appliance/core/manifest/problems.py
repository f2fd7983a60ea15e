"""What is wrong in a manifest, collected so that one reading reports everything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from appliance.core import manifest_limits
from appliance.core.errors import ControlError
from appliance.core.manifest.credentials import looks_secret
from appliance.core.manifest.names import is_known_by_name, named
from appliance.core.pipeline import Problem

Path: TypeAlias = tuple[str | int, ...]

_SHOWN = 60
_BARE = re.compile(r"[A-Za-z0-9_-]+")


class InvalidManifest(ControlError):
    """The manifest says something that cannot be meant; nothing was changed. `str()` has one problem a line."""

    code = "invalid_manifest"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(slots=True)
class Problems:
    """Collects over several files. Raises InvalidManifest by itself once there are too many to be read."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def add(self, problem: Problem) -> None:
        self.errors.append(problem)
        if len(self.errors) >= manifest_limits.PROBLEMS:
            more = Problem(problem.file, "", "more", f"stopped after {manifest_limits.PROBLEMS} problems")
            raise InvalidManifest([*self.errors, more])

    def raise_any(self) -> None:
        if self.errors:
            raise InvalidManifest(self.errors)


@dataclass(frozen=True, slots=True)
class Report:
    """Says what is wrong in one file, in the words of the file: ids for pipelines, line numbers where known."""

    file: str
    problems: Problems
    tree: Mapping[str, object] = field(default_factory=dict)
    lines: Mapping[Path, int] = field(default_factory=dict)

    def error(self, path: Path, code: str, message: str, expected: str = "") -> None:
        self.problems.add(self.problem(path, code, message, expected))

    def warning(self, path: Path, code: str, message: str, expected: str = "") -> None:
        if len(self.problems.warnings) < manifest_limits.PROBLEMS:
            self.problems.warnings.append(self.problem(path, code, message, expected))

    def problem(self, path: Path, code: str, message: str, expected: str = "") -> Problem:
        return Problem(self.file, dotted(self._names(path)), code, message, expected, self.line(path))

    def line(self, path: Path) -> int | None:
        """Where the thing stands, or else the nearest thing around it."""
        known = (self.lines.get(path[:length]) for length in range(len(path), 0, -1))
        return next((line for line in known if line is not None), None)

    def _names(self, path: Path) -> Path:
        """Put the ids of pipelines and the names of tables for their positions, and no secret for anything."""
        names = named(self.tree, path)
        return tuple(
            part if isinstance(part, int) and not is_known_by_name(names[:length]) else _harmless(names[length], part)
            for length, part in enumerate(path)
        )


def _harmless(name: str, part: str | int) -> str | int:
    if name == str(part) and isinstance(part, int):
        return part
    return "…" if looks_secret(name) else name


def dotted(path: Iterable[str | int]) -> str:
    """Write a path the way a TOML header would: `pipeline.orders.source.config."x y"`, and `[2]` for a place."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE.fullmatch(part) else json.dumps(part[:_SHOWN]))
    return text


def shown(value: object) -> str:
    """Quote a value in a message: short, and never what may be a credential."""
    if isinstance(value, str) and looks_secret(value):
        return "a text that looks like a credential"
    if isinstance(value, str):
        return json.dumps(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…", ensure_ascii=False)
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return json.dumps(value) if isinstance(value, bool) else repr(value)[:_SHOWN]
