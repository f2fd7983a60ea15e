"""The object store on a local directory: one object, one file of the same name."""

from __future__ import annotations

import errno
import fcntl
import os
import time
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from appliance.adapters.selfhosted.durable import DurableFolders, copy_bytes, fsync_folder
from appliance.core.errors import Conflict, NotFound, Unavailable
from appliance.core.objects import ObjectInfo, is_valid_key, valid_key, valid_prefix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STAGING = ".staging"
_STALE_SECONDS = 3600.0
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class DirectoryObjects:
    """Objects under a directory that the operator owns; safe for several threads and processes at once.

    Each write goes to `.staging/`, is synced, and only then gets its name: a reader sees the old object
    or the new one, whatever is killed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._staging = self._root / _STAGING
        self._folders = DurableFolders(self._root)

    @property
    def location(self) -> str:
        return str(self._root)

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> bool:
        if if_absent and self._is_taken(key):
            return False
        return self._write(key, lambda file: _all(file, data), if_absent=if_absent)

    def put_file(self, key: str, path: str, *, if_absent: bool = False) -> bool:
        if if_absent and self._is_taken(key):
            return False
        with _source(path) as source:
            return self._write(key, lambda file: copy_bytes(source, file), if_absent=if_absent)

    def get(self, key: str) -> bytes:
        path = self._path(key)
        with _os_errors(path):
            try:
                return path.read_bytes()
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                raise NotFound(f"no object {key} in {self._root}") from None

    def head(self, key: str) -> ObjectInfo | None:
        path = self._path(key)
        with _os_errors(path):
            try:
                found = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return _info(key, found) if path.is_file() else None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        folder, _, _ = valid_prefix(prefix).rpartition("/")
        return self._walk(folder, prefix)

    def delete(self, key: str) -> None:
        path = self._path(key)
        with _os_errors(path):
            try:
                path.unlink(missing_ok=True)
            except (IsADirectoryError, NotADirectoryError, PermissionError):
                if path.is_file():
                    raise
                return
        self._folders.prune(path.parent)

    def compare_and_set(self, key: str, data: bytes, *, expected: str | None) -> str:
        path = self._path(key)
        with self._exclusive():
            found = self.head(key)
            version = None if found is None else found.version
            if version != expected:
                raise Conflict(f"object {key}: expected version {expected}, now {version}")
            # Two writes within one clock tick of the file system must not look alike.
            earliest = path.stat().st_mtime_ns + 1 if found else 0
            self._write(key, lambda file: _all(file, data), earliest=earliest)
            return _info(key, path.stat()).version

    def check(self) -> None:
        with self._staged(lambda file: _all(file, b"hakiri\n")):
            pass

    def sweep(self, *, older_than: float = _STALE_SECONDS) -> int:
        """Remove what killed writers left in `.staging/` more than `older_than` seconds ago; return how many."""
        gone = 0
        limit = time.time() - older_than
        with _os_errors(self._staging):
            for path in self._staging.glob("*.part"):
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime <= limit:
                        path.unlink()
                        gone += 1
        return gone

    def _path(self, key: str) -> Path:
        return self._root / valid_key(key)

    def _is_taken(self, key: str) -> bool:
        # Only saves the work of staging: the link decides.
        path = self._path(key)
        with _os_errors(path):
            if not path.is_file():
                return False
            fsync_folder(path.parent)
            return True

    def _write(
        self, key: str, fill: Callable[[IO[bytes]], None], *, if_absent: bool = False, earliest: int = 0
    ) -> bool:
        path = self._path(key)
        with self._staged(fill, earliest=earliest) as staged, _os_errors(path):
            while True:
                self._make_folder(path.parent)
                try:
                    written = self._link(staged, path) if if_absent else _rename(staged, path)
                    break
                except FileNotFoundError:
                    # A delete pruned the folder between the two; a lost staged file is another matter.
                    self._folders.forget(path.parent)
                    if not staged.exists():
                        raise
            # Also for the loser of a race: what it is told is there must still be there after a power cut.
            with suppress(FileNotFoundError):
                fsync_folder(path.parent)
            return written

    def _make_folder(self, folder: Path) -> None:
        try:
            self._folders.ensure(folder)
        except (FileExistsError, NotADirectoryError):
            raise Conflict(f"{folder}: an object has the name of a folder that is needed") from None

    def _link(self, staged: Path, path: Path) -> bool:
        try:
            path.hardlink_to(staged)
        except FileExistsError:
            if path.is_dir():
                raise Conflict(f"{path}: there are objects under this key") from None
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return self._rename_if_absent(staged, path)
        return True

    def _rename_if_absent(self, staged: Path, path: Path) -> bool:
        # File systems without hard links: exclusive among our own writers, who all take this lock.
        with self._exclusive():
            return not path.exists() and _rename(staged, path)

    @contextmanager
    def _staged(self, fill: Callable[[IO[bytes]], None], *, earliest: int = 0) -> Iterator[Path]:
        path = self._staging / f"{uuid.uuid4().hex}.part"
        try:
            with _os_errors(self._staging):
                self._folders.ensure(self._staging)
                with path.open("xb") as file:
                    fill(file)
                    file.flush()
                    if earliest and (found := os.fstat(file.fileno())).st_mtime_ns < earliest:
                        os.utime(file.fileno(), ns=(found.st_atime_ns, earliest))
                    os.fsync(file.fileno())
            yield path
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        path = self._staging / "lock"
        with _os_errors(path):
            self._folders.ensure(self._staging)
            file = path.open("ab")
            # Dropped by the kernel when the holder dies.
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        with file:
            yield

    def _walk(self, folder: str, prefix: str) -> Iterator[ObjectInfo]:
        with _os_errors(self._root / folder):
            try:
                entries = list(os.scandir(self._root / folder))
            except (FileNotFoundError, NotADirectoryError):
                return
        # "a/b" sorts after "a-b": a folder's place is that of its name with the slash.
        for name, entry in sorted((f"{entry.name}/" if entry.is_dir() else entry.name, entry) for entry in entries):
            key = f"{folder}/{name}" if folder else name
            # The operator's disk may hold other things: hidden files, a lost+found that cannot be read.
            if not key.startswith(prefix) or not is_valid_key(key.rstrip("/")) or key == "lost+found/":
                continue
            if entry.is_dir():
                yield from self._walk(key.rstrip("/"), prefix)
            else:
                with suppress(FileNotFoundError):
                    yield _info(key, entry.stat())


@contextmanager
def _source(path: str) -> Iterator[IO[bytes]]:
    with _os_errors(Path(path)):
        try:
            file = Path(path).open("rb")  # noqa: SIM115 - opened apart: only this error means "no source"
        except (FileNotFoundError, IsADirectoryError):
            raise NotFound(f"no file to store at {path}") from None
    with file:
        yield file


def _all(file: IO[bytes], data: bytes) -> None:
    file.write(data)


def _rename(staged: Path, path: Path) -> bool:
    try:
        staged.replace(path)
    except IsADirectoryError:
        raise Conflict(f"{path}: there are objects under this key") from None
    return True


def _info(key: str, found: os.stat_result) -> ObjectInfo:
    return ObjectInfo(key=key, size=found.st_size, version=f"{found.st_mtime_ns:x}-{found.st_ino:x}")


@contextmanager
def _os_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"{error.filename or path}: {error.strerror or error}") from error
