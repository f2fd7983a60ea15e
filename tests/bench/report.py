"""What was measured, as one aligned table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One measurement. `reference` was taken in the same minute, on the same machine, in the same unit.

    `most` and `least` bound the value, `most_ratio` and `least_ratio` the value as a multiple of the reference.
    A line has one bound.
    """

    measurement: str
    value: float
    unit: str
    reference: float | None = None
    reference_is: str = ""
    most: float | None = None
    most_ratio: float | None = None
    least: float | None = None
    least_ratio: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.reference if self.reference else None

    @property
    def target(self) -> str:
        for sign, bound, ratio in (("<=", self.most, self.most_ratio), (">=", self.least, self.least_ratio)):
            if bound is not None:
                return f"{sign} {number(bound)} {self.unit}"
            if ratio is not None:
                return f"{sign} {number(ratio)}x"
        return ""

    @property
    def is_met(self) -> bool | None:
        """None without a target."""
        for value, most, least in (
            (self.value, self.most, self.least),
            (self.ratio, self.most_ratio, self.least_ratio),
        ):
            if value is not None and most is not None:
                return value <= most
            if value is not None and least is not None:
                return value >= least
        return None

    def plain(self) -> dict[str, object]:
        """As JSON values."""
        return {**asdict(self), "ratio": self.ratio, "is_met": self.is_met}


HEADS = ("measurement", "value", "reference", "ratio", "target", "")
_WORDS = {True: "met", False: "MISSED", None: ""}


def table(lines: Sequence[Line]) -> str:
    """Columns of equal width, the numbers to the right."""
    rows = [HEADS, *map(_cells, lines)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADS))]
    numeric = {1, 3}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place in numeric else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def number(value: float) -> str:
    """Three digits that count."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def _cells(line: Line) -> tuple[str, ...]:
    reference = "" if line.reference is None else f"{number(line.reference)} {line.unit}, {line.reference_is}"
    ratio = "" if line.ratio is None else f"{line.ratio:.2f}x"
    return (
        line.measurement, f"{number(line.value)} {line.unit}", reference, ratio, line.target, _WORDS[line.is_met],
    )  # fmt: skip
