"""How things look on a terminal: tables, times, sizes, states, in words and without surprises."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

_COLOURS = {
    "succeeded": "green",
    "running": "cyan",
    "pending": "yellow",
    "partial_failure": "magenta",
    "failed": "red",
    "cancelled": "bright_black",
}
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_KIB = 1024


def plain(text: object) -> str:
    """One line without control characters: what a source or a log says must not steer the terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> str:
    """Aligned columns; numbers to the right. `empty` is said instead when there are no rows."""
    cells = [[plain(cell) for cell in row] for row in rows]
    if not cells:
        return empty
    widths = [max(len(row[place]) for row in [list(heads), *cells]) for place in range(len(heads))]
    right = [all(_is_number(row[place]) for row in cells) for place in range(len(heads))]
    lines = [_line(heads, widths, right, bold=True), *(_line(row, widths, right) for row in cells)]
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool], *, bold: bool = False) -> str:
    padded = [
        cell.rjust(width) if is_right else cell.ljust(width)
        for cell, width, is_right in zip(cells, widths, right, strict=True)
    ]
    text = fit("  ".join(padded).rstrip())
    if bold:
        return click.style(text, bold=True)
    for state, colour in _COLOURS.items():
        if state in cells:
            return text.replace(f"{state} ", click.style(state, fg=colour) + " ")
    return text


def fit(line: str) -> str:
    """Cut to the terminal, if there is one."""
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    return f"{line[: room - 1]}…" if room and len(line) > room else line


def state(name: str) -> str:
    return click.style(name, fg=_COLOURS.get(name))


def _is_number(text: str) -> bool:
    return text == "-" or text.replace(",", "").replace(".", "", 1).rstrip(" KMGTiB").isdigit()


def now() -> datetime:
    return datetime.now(UTC)


def moment(text: str | None) -> str:
    """A moment of the API for people: in UTC, and how far it is from now."""
    if text is None:
        return "-"
    at = datetime.fromisoformat(text)
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z ({away(at - now())})"


def clock(text: str) -> str:
    """The time of day of a log line."""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%H:%M:%S}Z"


def away(distance: timedelta) -> str:
    """`in 4 m`, `2 h ago`, `now`: the largest unit alone."""
    seconds = distance.total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"in {span(seconds)}" if seconds > 0 else f"{span(-seconds)} ago"


def span(seconds: float) -> str:
    """A length of time, in its largest unit."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= size)
    return f"{seconds / size:.0f} {unit}"


def lasted(started: str | None, finished: str | None) -> str:
    if started is None:
        return "-"
    end = datetime.fromisoformat(finished) if finished else now()
    return span(max((end - datetime.fromisoformat(started)).total_seconds(), 0.0))


def count(number: int) -> str:
    return f"{number:,}"


def size(number: float) -> str:
    """Bytes, in the largest unit that leaves a whole part."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < _KIB:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= _KIB
    return f"{number:.1f} TiB"


def some(number: int, thing: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def progress(run: Mapping[str, Any]) -> str:
    return f"{some(run['rows'], 'row')}, {some(run['pages'], 'page')}, {size(run['bytes'])}"


def outcome(run: Mapping[str, Any]) -> str:
    """A run in one line."""
    error = run["error"]
    why = f"  {plain(error['code'])}: {plain(error['message'])}" if error else ""
    took = f" in {lasted(run['started_at'], run['finished_at'])}" if run["started_at"] else ""
    return f"{plain(run['id'])}  {state(run['state'])}  {progress(run)}{took}{why}"
