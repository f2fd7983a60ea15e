"""Following runs: their progress on one line of a terminal, their log lines as they come."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import click

from appliance.entrypoints.cli import words
from appliance.entrypoints.cli.client import Api, Json, part
from appliance.entrypoints.cli.ends import Exit, Stop

FINAL = ("succeeded", "partial_failure", "failed", "cancelled")

POLL_SECONDS = 0.5

# Off a terminal, a line of progress at most this often, in seconds.
QUIET_SECONDS = 5.0

# A server that restarts is waited for this long, in seconds: runs survive it, and so does watching them.
PATIENCE = 60.0

_CLEAR = "\r\x1b[2K"
_WIDTH = 100

T = TypeVar("T")


def _is_terminal() -> bool:
    return sys.stderr.isatty()


def patient(ask: Callable[[], T]) -> T:
    """Ask again while the server does not answer. Raises Stop when it is gone for too long, or refuses."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except Stop as stop:
            if stop.code is not Exit.UNREACHABLE or time.monotonic() > until:
                raise
            time.sleep(POLL_SECONDS)


@dataclass(slots=True)
class Watch:
    """One run being waited for. Progress goes to stderr, so that stdout has the result alone."""

    api: Api
    run_id: str
    _last_line: str = ""
    _said: str = ""
    _said_at: float = 0.0
    _seq: int = 0
    _live: bool = field(default_factory=_is_terminal)

    def until_final(self, deadline: float | None) -> Json:
        """The run when it is over, or as it is at the deadline."""
        # The first look is free: a server that is away at the very start is a mistake, not a restart.
        run = self._look()
        while run["state"] not in FINAL and (deadline is None or time.monotonic() < deadline):
            self._show(run)
            time.sleep(POLL_SECONDS if deadline is None else max(0.0, min(POLL_SECONDS, deadline - time.monotonic())))
            run = patient(self._look)
        self.clear()
        return run

    def clear(self) -> None:
        if self._live and self._said:
            click.echo(_CLEAR, nl=False, err=True)

    def _look(self) -> Json:
        run = self.api.get(f"runs/{part(self.run_id)}")
        for line in self.api.get(f"runs/{part(self.run_id)}/logs", {"after": self._seq})["items"]:
            self._seq, self._last_line = line["seq"], line["message"]
        return run

    def _show(self, run: Json) -> None:
        text = f"{run['state']}  {words.progress(run)}  {words.plain(self._last_line)}".rstrip()[:_WIDTH]
        now = time.monotonic()
        if self._live:
            click.echo(f"{_CLEAR}{text}", nl=False, err=True)
        elif text != self._said and now - self._said_at >= QUIET_SECONDS:
            click.echo(text, err=True)
            self._said_at = now
        self._said = text


def follow_logs(api: Api, run_id: str) -> Iterator[Json]:
    """Every log line of a run until it is over, through restarts of the server."""
    after = 0
    while True:
        try:
            for name, data in api.events(f"runs/{part(run_id)}/logs", {"after": after}):
                if name == "log":
                    after = data["seq"]
                    yield data
                elif name == "end":
                    return
        except Stop as stop:
            if stop.code is not Exit.UNREACHABLE or not after:
                raise
        patient(lambda: api.get(f"runs/{part(run_id)}"))
        time.sleep(POLL_SECONDS)


def log_line(line: Json) -> str:
    """One log line for people."""
    level = line["level"]
    text = f"{words.clock(line['at'])} {level:<7} {words.plain(line['message'])}"
    return click.style(text, fg="red") if level == "error" else text
