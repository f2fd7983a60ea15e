"""What a measurement was made on, and how busy it was."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("arro3-core", "granian", "huey", "litestar", "loro", "minio", "msgspec", "peewee", "wasmtime")

# With more than this, something else was running.
QUIET = 1.0


def facts(folder: Path) -> dict[str, str]:
    """Name and value, in the order in which people read them."""
    one, five, _ = os.getloadavg()
    return {
        "cpu": f"{os.cpu_count()} x {_cpu()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "disk": _mount(folder),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
        "load at start": f"{one:.2f}, {five:.2f} in five minutes",
    }


def is_busy() -> bool:
    return os.getloadavg()[0] > QUIET


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _mount(folder: Path) -> str:
    """The file system that holds the folder."""
    found = ("", "")
    for line in Path("/proc/mounts").read_text().splitlines():
        device, point, kind, *_ = line.split()
        if folder.absolute().is_relative_to(point) and len(point) >= len(found[0]):
            found = point, f"{kind} on {device}"
    return found[1]
