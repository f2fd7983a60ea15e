"""What `hakiri doctor` finds: how bad it is, and what would make it good."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

import click

from appliance.entrypoints.cli import words
from appliance.entrypoints.cli.client import Json


class Level(StrEnum):
    """Only `broken` makes the doctor's exit code 1."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    BROKEN = "broken"


_COLOURS = {Level.GOOD: "green", Level.DOUBTFUL: "yellow", Level.BROKEN: "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `fix` says what to do about it."""

    what: str
    level: Level
    said: str
    fix: str = ""

    def to_value(self) -> Json:
        return asdict(self)

    def __str__(self) -> str:
        level = click.style(f"{self.level:<8}", fg=_COLOURS[self.level])
        fix = f"\n{'':<8}  {'':<10}  fix: {words.plain(self.fix)}" if self.fix else ""
        return f"{level}  {self.what:<10}  {words.plain(self.said)}{fix}"


def good(what: str, said: str) -> Finding:
    return Finding(what, Level.GOOD, said)


def doubtful(what: str, said: str, fix: str) -> Finding:
    return Finding(what, Level.DOUBTFUL, said, fix)


def broken(what: str, said: str, fix: str) -> Finding:
    return Finding(what, Level.BROKEN, said, fix)
