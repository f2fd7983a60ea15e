"""The object store in this process's memory: the model that the real ones are held to."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.core.errors import Conflict, NotFound
from appliance.core.objects import ObjectInfo, valid_key, valid_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator


class MemoryObjects:
    """Objects that last as long as the process."""

    def __init__(self) -> None:
        self._objects: dict[str, tuple[bytes, int]] = {}
        self._writes = 0
        self._lock = threading.Lock()

    @property
    def location(self) -> str:
        """A name; DuckDB cannot read a process's memory."""
        return "memory://"

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> bool:
        valid_key(key)
        with self._lock:
            if if_absent and key in self._objects:
                return False
            self._write(key, data)
            return True

    def put_file(self, key: str, path: str, *, if_absent: bool = False) -> bool:
        valid_key(key)
        try:
            data = Path(path).read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            raise NotFound(f"no file to store at {path}") from None
        return self.put(key, data, if_absent=if_absent)

    def get(self, key: str) -> bytes:
        valid_key(key)
        with self._lock:
            found = self._objects.get(key)
        if found is None:
            raise NotFound(f"no object {key}")
        return found[0]

    def head(self, key: str) -> ObjectInfo | None:
        valid_key(key)
        with self._lock:
            found = self._objects.get(key)
        return None if found is None else _info(key, found)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        valid_prefix(prefix)
        with self._lock:
            found = sorted((key, value) for key, value in self._objects.items() if key.startswith(prefix))
        return (_info(key, value) for key, value in found)

    def delete(self, key: str) -> None:
        valid_key(key)
        with self._lock:
            self._objects.pop(key, None)

    def compare_and_set(self, key: str, data: bytes, *, expected: str | None) -> str:
        valid_key(key)
        with self._lock:
            found = self._objects.get(key)
            version = None if found is None else str(found[1])
            if version != expected:
                raise Conflict(f"object {key}: expected version {expected}, now {version}")
            return self._write(key, data)

    def check(self) -> None:
        """Memory can always be written."""

    def _write(self, key: str, data: bytes) -> str:
        self._refuse_folders(key)
        self._writes += 1
        self._objects[key] = (bytes(data), self._writes)
        return str(self._writes)

    def _refuse_folders(self, key: str) -> None:
        segments = key.split("/")
        above = ["/".join(segments[:depth]) for depth in range(1, len(segments))]
        if clash := next((name for name in above if name in self._objects), None):
            raise Conflict(f"object {key}: {clash} is an object, not a folder")
        if any(name.startswith(f"{key}/") for name in self._objects):
            raise Conflict(f"object {key}: there are objects under {key}/")


def _info(key: str, value: tuple[bytes, int]) -> ObjectInfo:
    return ObjectInfo(key=key, size=len(value[0]), version=str(value[1]))
