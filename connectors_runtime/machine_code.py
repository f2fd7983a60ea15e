"""Connectors compiled to machine code once, kept by digest, and never trusted without it.

A file is named after the connector, the engine and its own content; loading a damaged one would be running it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import resource
import select
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import wasmtime
from wasmtime import component

from .confinement import die_with
from .engine import SETTINGS, make_engine
from .errors import Cancelled, Failure

MAX_WASM = 128 << 20
_MODULE, _COMPONENT = b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0"
# Compiling needs no linear memory, so here an address space limit is possible.
_COMPILER_BYTES = 4 << 30
_OK, _REFUSED = 0, 3


@dataclass(frozen=True, slots=True)
class Connector:
    """A connector file as it was read, and where its machine code goes."""

    text: bytes
    is_component: bool
    cache_dir: Path
    key: str

    @classmethod
    def read(cls, wasm: Path, cache_dir: Path) -> Connector:
        """Raises Failure('permanent')."""
        try:
            with wasm.open("rb") as file:
                text = file.read(MAX_WASM + 1)
        except OSError as error:
            raise Failure("permanent", f"cannot read the connector {wasm.name}: {error.strerror}") from None
        if len(text) > MAX_WASM or text[:8] not in {_MODULE, _COMPONENT}:
            raise Failure(
                "permanent", f"{wasm.name} is not a WebAssembly component or core module up to {MAX_WASM:,} bytes"
            )
        key = hashlib.sha256(hashlib.sha256(text).digest() + SETTINGS.encode()).hexdigest()[:40]
        return cls(text, text[:8] == _COMPONENT, cache_dir, key)

    def load(self, engine: wasmtime.Engine, code: Path) -> wasmtime.Module | component.Component:
        """Map checked machine code. Raises Failure('permanent')."""
        kind = component.Component if self.is_component else wasmtime.Module
        try:
            return kind.deserialize_file(engine, str(code))
        except wasmtime.WasmtimeError as error:
            raise Failure("transient", f"cannot load the compiled connector: {str(error)[:300]}") from None

    def find(self) -> Path | None:
        """The machine code, if it is there and whole; a damaged file is removed."""
        for name in _names(self.cache_dir):
            if not name.startswith(self.key) or not name.endswith(".cwasm"):
                continue
            path = self.cache_dir / name
            with contextlib.suppress(FileNotFoundError):
                if hashlib.sha256(path.read_bytes()).hexdigest() == path.stem.partition("-")[2]:
                    return path
            path.unlink(missing_ok=True)
        return None


def _names(directory: Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))  # noqa: PTH208 - five times faster than Path objects, and on every start
    except OSError:
        return []  # whoever compiles next says why


def compiled(connector: Connector, *, seconds: float, talk: socket.socket) -> Path:
    """The machine code, made now in a throw-away process if need be. Raises Failure, Cancelled.

    Must be called while this process has one thread and no engine.
    """
    found = connector.find()
    if found is not None:
        return found
    ours = os.getpid()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        _compile(connector, parent=ours, seconds=seconds, complaint=write)
    os.close(write)
    try:
        _wait(pid, seconds, talk)
        _, status = os.waitpid(pid, 0)
        if os.waitstatus_to_exitcode(status) == _REFUSED:
            raise Failure(
                "permanent", "cannot compile the connector: " + os.read(read, 1_000).decode("utf-8", "replace")
            )
    finally:
        os.close(read)
    found = connector.find()
    if found is None:
        raise Failure("permanent", f"compiling the connector ended with {os.waitstatus_to_exitcode(status)}")
    return found


def _wait(pid: int, seconds: float, talk: socket.socket) -> None:
    handle = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.register(talk, select.POLLIN)
        ready = {fd for fd, _ in poll.poll(seconds * 1e3)}
        if handle in ready:
            return
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        os.waitpid(pid, 0)
    finally:
        os.close(handle)
    # Before the first page there is nothing to acknowledge: a word now, or silence for ever, means stop.
    raise Cancelled if ready else Failure("limit", f"compiling the connector took more than {seconds:g} s")


def _compile(connector: Connector, *, parent: int, seconds: float, complaint: int) -> None:
    status = 1
    try:
        die_with(parent)
        resource.setrlimit(resource.RLIMIT_AS, (_COMPILER_BYTES, _COMPILER_BYTES))
        cpu = int(seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
        connector.cache_dir.mkdir(parents=True, exist_ok=True)
        with (connector.cache_dir / f"{connector.key}.lock").open("wb") as lock:
            # Two hundred readings of a new connector begin at once: one compiles.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if connector.find() is None:
                _store(connector)
        status = _OK
    except (wasmtime.WasmtimeError, OSError) as error:
        os.write(complaint, str(error)[:900].encode())
        status = _REFUSED
    finally:
        os._exit(status)


def _store(connector: Connector) -> None:
    kind = component.Component if connector.is_component else wasmtime.Module
    code = bytes(kind(make_engine(), connector.text).serialize())
    path = connector.cache_dir / f"{connector.key}-{hashlib.sha256(code).hexdigest()}.cwasm"
    unfinished = path.with_name(f"{connector.key}.{os.getpid()}.{time.monotonic_ns()}.unfinished")
    with unfinished.open("xb") as file:
        file.write(code)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
