"""Log lines of a guest: masked, cut to a length, and within a budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connectors_runtime.messages import LEVELS, Log

from .secrets import Secrets

LINE_LIMIT = 8 << 10
BUDGET = 1 << 20


@dataclass(slots=True)
class Logs:
    """The `log` interface of one reading."""

    emit: Callable[[Log], None]
    secrets: Secrets
    left: int = BUDGET

    def log(self, level: str, message: str) -> None:
        """Pass a line on; once the budget is used up, say so once and drop the rest."""
        if self.left <= 0:
            return
        line = self.secrets.mask(message[: 2 * LINE_LIMIT])
        if len(line) > LINE_LIMIT or len(message) > 2 * LINE_LIMIT:
            line = line[:LINE_LIMIT] + "…"
        self.left -= len(line) + 16
        self.emit(Log(level if level in LEVELS else "info", line))
        if self.left <= 0:
            self.emit(Log("warning", f"this connector logged more than {BUDGET:,} bytes; further lines are dropped"))
