"""Files under the one directory that the operator granted: read-only, and no way out of it."""

from __future__ import annotations

import errno
import fnmatch
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from connectors_runtime.guard import Guard
from connectors_runtime.parquet_footer import Footer, FooterBroken, read_footer

from .bodies import LARGEST_READ, LONGEST_CHARACTER, cut_inside_character
from .faults import FileFault
from .meter import Meter

MAX_ENTRIES = 100_000
MAX_DEPTH = 64
MAX_GLOB = 1_024
_NEVER = re.compile(r"(?!)")
Entry = tuple[str, int, int]


@dataclass(slots=True)
class Files:
    """The `files` interface of one reading. Symbolic links are not followed, whatever they point to."""

    root: Path | None
    guard: Guard
    meter: Meter
    _root_fd: int | None = None
    _open: dict[str, int] = field(default_factory=dict)

    def find(self, glob: str) -> list[Entry]:
        """(path, size, modified in ms) of regular files whose path matches, sorted by path. Raises FileFault."""
        pattern = Glob.parse(glob)
        found: list[Entry] = []
        for path, facts in self._walk():
            if pattern.matches(path):
                found.append((path, facts.st_size, facts.st_mtime_ns // 1_000_000))
                if len(found) > MAX_ENTRIES:
                    raise FileFault("other", f"more than {MAX_ENTRIES:,} files match {glob[:80]!r}")
        return sorted(found)

    def read_bytes(self, path: str, offset: int, size: int) -> bytes | None:
        """Up to `size` bytes; None at the end of the file. Raises FileFault."""
        if not size:
            raise FileFault("other", "max must be at least 1")
        return self._read(path, offset, size) or None

    def read_text(self, path: str, offset: int, size: int) -> bytes | None:
        """The same, never cut inside a UTF-8 character. Raises FileFault('other') if it is not UTF-8."""
        if size < LONGEST_CHARACTER:
            raise FileFault("other", f"max must be at least {LONGEST_CHARACTER}")
        data = self._read(path, offset, size)
        # The end of the file ends a character too, or never will.
        data = data[: len(data) - cut_inside_character(data)] or data
        try:
            data.decode()
        except UnicodeDecodeError as error:
            raise FileFault("other", f"{path!r} is not UTF-8 at byte {offset + error.start:,}") from None
        return data or None

    def row_groups(self, path: str) -> int:
        """How many row groups a Parquet file has. Raises FileFault."""
        return len(self.footer(path)[1].row_groups)

    def footer(self, path: str) -> tuple[int, Footer]:
        """A file descriptor that stays ours, and the footer of the Parquet file. Raises FileFault."""
        fd = self._descriptor(path)
        try:
            return fd, read_footer(fd)
        except (FooterBroken, OSError) as error:
            raise FileFault("other", f"{path!r} is not a readable Parquet file: {error}") from None

    def _read(self, path: str, offset: int, size: int) -> bytes:
        self.guard.check()
        fd = self._descriptor(path)
        try:
            data = os.pread(fd, min(size, LARGEST_READ), offset) if offset < 1 << 62 else b""
        except OSError as error:
            raise FileFault("other", f"{path!r}: {error.strerror}") from None
        self.meter.add(len(data))
        return data

    def _descriptor(self, path: str) -> int:
        kept = self._open.get(path)
        if kept is not None:
            return kept
        for other in self._open.values():
            os.close(other)
        self._open.clear()
        self._open[path] = fd = self._open_file(path)
        return fd

    def _open_file(self, path: str) -> int:
        parts = _parts(path)
        folder = os.dup(self._granted())
        try:
            for part in parts[:-1]:
                inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                os.close(folder)
                folder = inner
            # O_NONBLOCK: opening a pipe that nobody writes to must not wait.
            fd = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except OSError as error:
            raise _refusal(path, error) from None
        finally:
            os.close(folder)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise FileFault("denied", f"{path!r} is not a regular file")
        return fd

    def _walk(self) -> Iterator[tuple[str, os.stat_result]]:
        seen = 0
        root = self._granted()
        for folder, folders, names, fd in os.fwalk(".", dir_fd=root, follow_symlinks=False):
            self.guard.check()
            seen += len(names)
            if seen > 10 * MAX_ENTRIES:
                raise FileFault("other", f"more than {10 * MAX_ENTRIES:,} files under the granted directory")
            folders.sort()
            if folder.count("/") > MAX_DEPTH:
                folders.clear()
            for name in names:
                path = f"{folder}/{name}"[2:]
                facts = _facts(name, fd)
                if facts is not None and stat.S_ISREG(facts.st_mode) and _is_utf8(path):
                    yield path, facts

    def _granted(self) -> int:
        if self.root is None:
            raise FileFault("denied", "this pipeline grants no directory")
        if self._root_fd is None:
            try:
                self._root_fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError as error:
                raise FileFault("not-found", f"the granted directory cannot be opened: {error.strerror}") from None
        return self._root_fd


@dataclass(frozen=True, slots=True)
class Glob:
    """`*`, `?` and `[...]` stay within a directory, a segment `**` crosses any number of them.

    Matched segment by segment, so that no pattern of a hostile guest takes exponential time.
    """

    segments: tuple[re.Pattern[str] | None, ...]

    @classmethod
    def parse(cls, text: str) -> Glob:
        """Raises FileFault."""
        if not 0 < len(text) <= MAX_GLOB:
            raise FileFault("other", f"a glob is 1 to {MAX_GLOB:,} characters")
        try:
            return cls(tuple(None if s == "**" else re.compile(fnmatch.translate(s)) for s in text.split("/")))
        except re.error as error:
            raise FileFault("other", f"glob {text[:80]!r}: {error}") from None

    def matches(self, path: str) -> bool:
        """Whether the whole path matches."""
        parts = path.split("/")
        at, part, star, resume = 0, 0, -1, 0
        while part < len(parts):
            segment = self.segments[at] if at < len(self.segments) else _NEVER
            if segment is None:
                star, resume, at = at, part, at + 1
            elif segment.match(parts[part]):
                at, part = at + 1, part + 1
            elif star >= 0:
                at, resume = star + 1, resume + 1
                part = resume
            else:
                return False
        return all(segment is None for segment in self.segments[at:])


def _parts(path: str) -> tuple[str, ...]:
    if not path or "\0" in path or path.startswith("/"):
        raise FileFault("denied", f"{path[:200]!r}: must be a path relative to the granted directory")
    parts = PurePosixPath(path).parts
    if ".." in parts or not parts:
        raise FileFault("denied", f"{path[:200]!r}: leads out of the granted directory")
    return parts


def _refusal(path: str, error: OSError) -> FileFault:
    if error.errno == errno.ENOENT:
        return FileFault("not-found", f"{path!r} does not exist")
    if error.errno in {errno.ELOOP, errno.ENOTDIR}:
        return FileFault("denied", f"{path!r} passes through a symbolic link or something that is not a directory")
    return FileFault("denied" if error.errno == errno.EACCES else "other", f"{path!r}: {error.strerror}")


def _facts(name: str, folder: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None  # gone since it was listed


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
