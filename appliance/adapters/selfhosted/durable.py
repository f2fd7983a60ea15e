"""Folders and files that survive a power cut: what must be synced besides the file itself."""

from __future__ import annotations

import os
import shutil
import threading
from collections import OrderedDict
from contextlib import suppress
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_REMEMBERED = 4096
_COPY_BYTES = 1 << 26


class DurableFolders:
    """Makes folders under a root whose entries are on the disk before a file is put into them.

    Remembers the latest 4,096 it has synced, so that a folder costs its syncs once.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: OrderedDict[Path, None] = OrderedDict()
        self._lock = threading.Lock()

    def ensure(self, folder: Path) -> None:
        """Make the folder and those above it. Raises OSError."""
        if self._is_known(folder):
            return
        made_root = not self._root.exists()
        folder.mkdir(parents=True, exist_ok=True)
        # That a folder exists proves nothing: its maker may not have synced it yet.
        chain = [folder, *folder.parents]
        new = [above for above in chain[: chain.index(self._root)] if not self._is_known(above)]
        for above in new:
            fsync_folder(above.parent)
        if made_root:
            # The folder above belongs to someone else, who may not let us open it.
            with suppress(PermissionError):
                fsync_folder(self._root.parent)
        self._remember(new)

    def forget(self, folder: Path) -> None:
        """Someone removed it: look again next time."""
        with self._lock:
            while folder != self._root.parent:
                self._known.pop(folder, None)
                folder = folder.parent

    def prune(self, folder: Path) -> None:
        """Remove the folder and those above it as far as they are empty; the root stays."""
        while folder != self._root:
            with self._lock:
                self._known.pop(folder, None)
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    def _is_known(self, folder: Path) -> bool:
        with self._lock:
            return folder in self._known

    def _remember(self, folders: list[Path]) -> None:
        with self._lock:
            self._known.update(dict.fromkeys(folders))
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)


def fsync_folder(folder: Path) -> None:
    """Put the folder's entries on the disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def copy_bytes(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy inside the kernel where it can, which shares blocks on file systems that can do that."""
    if not hasattr(os, "copy_file_range"):
        shutil.copyfileobj(source, target, 1 << 20)
        return
    try:
        while os.copy_file_range(source.fileno(), target.fileno(), _COPY_BYTES):
            pass
    except OSError:
        # Not every pair of file systems can. Start over by hand; the target holds nothing else.
        source.seek(0)
        target.seek(0)
        target.truncate()
        shutil.copyfileobj(source, target, 1 << 20)
