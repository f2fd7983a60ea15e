"""Memory and processor time of a process and everything below it, from /proc."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
MB = 1e6

# Reading PSS walks page tables: every so many looks at RSS.
_PSS_EVERY = 10
_LOOK = 0.02


@dataclass(frozen=True, slots=True)
class Memory:
    """In bytes. RSS counts a page once for each process that shares it, PSS once."""

    pss: int
    rss: int


def below(root: int) -> list[int]:
    """The process and its descendants, those that have not ended."""
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        for task in _tasks(pid):
            with suppress(OSError):
                todo += map(int, (task / "children").read_text().split())
    return found


def memory(root: int) -> Memory:
    return Memory(sum(_pss(pid) for pid in below(root)), sum(_rss(pid) for pid in below(root)))


def cpu_seconds(root: int) -> float:
    """Of everything that lives below `root` and everything that ended there."""
    total = 0
    for pid in below(root):
        with suppress(OSError):
            after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, after_name[11:15]))
    return total / _TICKS


class Peak:
    """The most that a tree had at one time, while the block runs. Looks 50 times a second."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.pss = 0
        self.rss = 0
        self.largest = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        looks = 0
        while not self._stop.wait(_LOOK):
            pids = below(self._root)
            each = [_rss(pid) for pid in pids]
            self.rss = max(self.rss, sum(each))
            self.largest = max(self.largest, *each)
            if looks % _PSS_EVERY == 0:
                self.pss = max(self.pss, sum(map(_pss, pids)))
            looks += 1


def _tasks(pid: int) -> list[Path]:
    with suppress(OSError):
        return list(Path(f"/proc/{pid}/task").iterdir())
    return []


def _rss(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return 0


def _pss(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
