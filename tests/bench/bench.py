"""What every measurement is given, and what it makes of its samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.report import Line


@dataclass(frozen=True, slots=True)
class Bench:
    """`folder` is an empty folder of the measurement's own, on the disk that is measured."""

    folder: Path
    is_quick: bool
    idle_seconds: float

    def count(self, full: int, *, quick: int) -> int:
        return quick if self.is_quick else full


Measurement = Callable[[Bench], Iterator[Line]]


def percentile(samples: Sequence[float], percent: int) -> float:
    """The smallest sample that so many percent of the samples do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
