"""The doctor looks at the machine: data directory, disk, clock, libraries."""

from __future__ import annotations

import errno
import os
import platform
import shutil
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from appliance import __version__
from appliance.entrypoints.cli import words
from appliance.entrypoints.cli.findings import Finding, broken, doubtful, good
from appliance.entrypoints.serve import InUse, hold
from appliance.settings import Settings

# Nobody runs this version before it was written.
RELEASED = datetime(2026, 1, 1, tzinfo=UTC)

LEAST_FREE = 100 << 20
LITTLE_FREE = 1 << 30

# A durable commit waits for one of these. In seconds.
SLOW_SYNC = 0.020
SYNCS = 20

SKEW = timedelta(seconds=5)

# File systems on which SQLite's locks or its write-ahead log are not to be trusted, and those that forget.
_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "glusterfs")
_FORGETFUL = ("tmpfs", "ramfs", "overlay")
_LIBRARIES = ("wasmtime", "arro3-core", "granian", "litestar", "peewee", "huey", "minio")


def examine(settings: Settings) -> Iterator[Finding]:
    """Everything that needs no server and no catalog."""
    yield _clock()
    try:
        place = _nearest(settings.data)
        yield _writable(settings.data, place)
        yield _space(place)
        yield _sync_speed(place)
        yield _written_clock(place)
    except OSError as error:
        fix = f"let the user with id {os.getuid()} write there, or choose another HAKIRI_DATA"
        yield broken("data", f"{settings.data} cannot be written: {error.strerror}", fix)
    else:
        yield _file_system(place)


def holder(settings: Settings) -> str | None:
    """Which control plane works on the data directory; None if nobody does."""
    if not (settings.data / "lock").exists():
        return None
    try:
        os.close(hold(settings.data))
    except InUse as error:
        return str(error)
    except OSError:
        return None
    return None


def versions() -> Finding:
    """What is installed, for whoever reads the report elsewhere."""
    known = ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES)
    return good("versions", f"hakiri {__version__}, Python {platform.python_version()}, {known}, {platform.platform()}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _nearest(path: Path) -> Path:
    """The directory itself, or what it would be made in. Raises NotADirectoryError."""
    place = next(place for place in (path, *path.parents) if place.exists())
    if not place.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{place} is a file")
    return place


def _writable(data: Path, place: Path) -> Finding:
    probe = _probe(place)
    probe.write_bytes(b"hakiri")
    probe.unlink()
    return good("data", f"{data} can be written" if place == data else f"{data} can be made at the first start")


def _space(place: Path) -> Finding:
    free = shutil.disk_usage(place).free
    said = f"{words.size(free)} free for {place}"
    if free < LEAST_FREE:
        return broken("space", said, "free some space: nothing can be landed")
    if free < LITTLE_FREE:
        return doubtful("space", said, "free some space: a page is staged here before it lands")
    return good("space", said)


def _sync_speed(place: Path) -> Finding:
    probe, took = _probe(place), []
    with probe.open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    probe.unlink()
    median = statistics.median(took)
    said = f"a durable write takes {median * 1000:.2f} ms (median of {SYNCS}), {max(took) * 1000:.1f} ms at worst"
    if median > SLOW_SYNC:
        return doubtful("disk", said, "put HAKIRI_DATA on a local SSD: every step of a run waits for one")
    return good("disk", said)


def _clock() -> Finding:
    now = datetime.now(UTC)
    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        return broken("clock", "there is no time zone database", "install tzdata")
    if now < RELEASED:
        return broken("clock", f"the clock says {now:%Y-%m-%d}", "set the clock, for example with NTP")
    return good("clock", f"{now:%Y-%m-%d %H:%M:%S}Z")


def _written_clock(place: Path) -> Finding:
    """A network volume stamps files with its own clock."""
    probe = _probe(place)
    probe.write_bytes(b"")
    apart = abs(time.time() - probe.stat().st_mtime)
    probe.unlink()
    if apart > SKEW.total_seconds():
        fix = "set both clocks, for example with NTP"
        return doubtful("clock", f"the volume's clock is {words.span(apart)} away from this machine's", fix)
    return good("clock", "the volume's clock agrees with this machine's")


def _file_system(place: Path) -> Finding:
    kind = _kind_of(place)
    if kind in _NETWORK:
        fix = "put HAKIRI_DATA on a local disk; Parquet may go to a bucket with HAKIRI_BUCKET"
        return broken("volume", f"{place} is on {kind}: its locks do not protect the catalog", fix)
    if kind in _FORGETFUL:
        return doubtful("volume", f"{place} is on {kind}: it may be gone after a restart", "mount a volume there")
    return good("volume", f"{place} is on {kind}")


def _kind_of(place: Path) -> str:
    """The type of the file system, by the longest mount point above the place."""
    try:
        lines = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return "an unknown file system"
    above = {str(one) for one in (place.resolve(), *place.resolve().parents)}
    mounts = [(len(line[1]), number, line[2]) for number, line in enumerate(lines) if line[1] in above]
    return max(mounts)[2] if mounts else "an unknown file system"


def _probe(place: Path) -> Path:
    return place / f".hakiri-doctor-{os.getpid()}"
