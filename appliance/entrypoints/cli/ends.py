"""How a command ends: its exit code, and what it says when that is not 0."""

from __future__ import annotations

from enum import IntEnum

import click


class Exit(IntEnum):
    """Exit codes that scripts can use. They are written down in docs/cli.md."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_ALLOWED = 3
    NOT_FOUND = 4
    CONFLICT = 5
    UNREACHABLE = 69
    NO_START = 78
    TIMEOUT = 124
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class Stop(Exception):
    """End the command with one line that says what is wrong, and one that says what to do."""

    def __init__(self, code: Exit, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.advice = advice

    def show(self) -> None:
        click.echo(f"hakiri: {self.message}", err=True)
        if self.advice:
            click.echo(f"  {self.advice}", err=True)
