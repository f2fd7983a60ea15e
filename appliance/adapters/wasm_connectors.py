"""Connectors on the connector runtime: which are installed, what each may touch, and their messages as ours."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from appliance.core import connector as ours
from appliance.core.errors import Invalid, NotFound, Unavailable
from appliance.core.landing import Column
from connectors_runtime import client as theirs

BUILTIN = Path(theirs.__file__).parent / "builtin"

# The zygote holds 25 MB. Without a reading for this long it goes; starting it again takes 0.2 s.
IDLE_SECONDS = 45.0


class SecretMissing(Invalid):
    """A secret that a pipeline names is not to be had on this machine."""

    code = "secret_missing"


class WasmConnectors:
    """Each reading runs in a process of its own, forked from the zygote.

    `secrets` holds values by name; `secrets_dir` has a file for each name, re-read for every reading so that a
    rotated secret needs no restart. Only directories of the operator are looked into for connectors.
    """

    def __init__(
        self,
        *,
        data: Path,
        zygote: theirs.Zygote,
        secrets: Mapping[str, str],
        secrets_dir: Path | None,
        files_root: Path | None,
        connectors_dir: Path | None,
    ) -> None:
        self._cache = data / "cache"
        self._staging = data / "staging"
        self._zygote = zygote
        self._secrets = secrets
        self._secrets_dir = secrets_dir
        self._files_root = files_root
        self._homes = [home for home in (BUILTIN, connectors_dir) if home is not None]
        self._lock = threading.Lock()
        self._open = 0
        self._used_at = time.monotonic()

    def names(self) -> Sequence[str]:
        return sorted({path.parent.name for home in self._homes for path in home.glob("*/connector.toml")})

    def open(self, request: ours.ReadRequest) -> WasmReading:
        wasm = self._wasm(request.connector)
        # Its own: a reading that lost its lease may end while its successor stages pages.
        staging = Path(tempfile.mkdtemp(dir=self._staging))
        self._count(1)
        with ExitStack() as undo:
            undo.callback(self._ended, staging)
            reading = self._start(request, wasm, staging)
            undo.pop_all()
        return WasmReading(reading, ended=lambda: self._ended(staging))

    def _start(self, request: ours.ReadRequest, wasm: Path, staging: Path) -> theirs.Reading:
        try:
            return self._zygote.open(self._spec(request, wasm, staging))
        except theirs.SpecInvalid as error:
            raise Invalid(f"connector {request.connector}: {error}") from None
        except theirs.ZygoteGone as error:
            raise Unavailable(str(error)) from None

    def _spec(self, request: ours.ReadRequest, wasm: Path, staging: Path) -> theirs.ReadSpec:
        return theirs.ReadSpec(
            wasm=wasm,
            cache_dir=self._cache,
            staging=staging,
            config=json.dumps(request.config),
            table=request.table,
            cursor=request.cursor,
            columns=tuple(theirs.Column(one.name, one.type, one.nullable) for one in request.columns),
            egress=(*hosts_of(request.config), *request.egress),
            files_root=self._files_root,
            secrets={name: self._secret(name) for name in request.secrets},
        )

    def _ended(self, staging: Path) -> None:
        self._count(-1)
        shutil.rmtree(staging, ignore_errors=True)

    def warm(self) -> None:
        self._count(0)
        if self._zygote.pid is not None:
            return
        try:
            self._zygote.start()
        except theirs.ZygoteGone as error:
            raise Unavailable(str(error)) from None

    def relax(self) -> None:
        with self._lock:
            if self._open == 0 and time.monotonic() - self._used_at > IDLE_SECONDS:
                self._zygote.close()

    def _count(self, change: int) -> None:
        """Under the lock, so that the zygote never goes between this and a reading's birth."""
        with self._lock:
            self._open += change
            self._used_at = time.monotonic()

    def sweep(self) -> None:
        """Drop what an earlier process staged: nothing names it."""
        shutil.rmtree(self._staging, ignore_errors=True)
        self._staging.mkdir(parents=True)

    def _wasm(self, name: str) -> Path:
        for home in self._homes:
            path = home / name / f"{name}.wasm"
            if path.is_file():
                return path
        raise NotFound(f"no connector {name!r}; installed are {', '.join(self.names())}")

    def _secret(self, name: str) -> str:
        if name in self._secrets:
            return self._secrets[name]
        if self._secrets_dir is not None:
            try:
                return (self._secrets_dir / name).read_text().removesuffix("\n")
            except (OSError, UnicodeDecodeError):
                pass
        raise SecretMissing(
            f"secret {name}: set HAKIRI_SECRET_{name}, or put a file {name} into the directory HAKIRI_SECRETS_DIR"
        )


class WasmReading:
    """One reading; closing it drops what it staged."""

    def __init__(self, reading: theirs.Reading, *, ended: Callable[[], None]) -> None:
        self._reading = reading
        self._ended = ended
        self._page: Path | None = None

    def receive(self, timeout: float) -> ours.Message | None:
        message = self._reading.receive(timeout)
        if isinstance(message, theirs.Page):
            self._page = Path(message.path)
        return None if message is None else _ours(message)

    def acknowledge(self) -> None:
        if self._page is not None:
            self._page.unlink(missing_ok=True)
        self._reading.acknowledge()

    def cancel(self) -> None:
        self._reading.cancel()

    def interrupt(self) -> None:
        self._reading.interrupt()

    def close(self) -> None:
        self._reading.close()
        self._ended()


def hosts_of(value: object) -> Iterator[str]:
    """The hosts of the URLs in a configuration: a pipeline that names an address may talk to it."""
    match value:
        case str() if value.startswith(("http://", "https://")):
            parts = urlsplit(value)
            if parts.netloc:
                yield parts.netloc.rpartition("@")[2]
        case Mapping():
            for each in value.values():
                yield from hosts_of(each)
        case list() | tuple():
            for each in value:
                yield from hosts_of(each)


def _ours(message: theirs.Message) -> ours.Message:
    match message:
        case theirs.Started(monotonic_ns):
            age = timedelta(microseconds=(time.monotonic_ns() - monotonic_ns) / 1000)
            return ours.Started(datetime.now(UTC) - age)
        case theirs.Log(level, text):
            return ours.Said(level, text)
        case theirs.Progress():
            return ours.Progress(message.bytes)
        case theirs.Page():
            columns = tuple(Column(one.name, one.type, one.nullable) for one in message.columns)
            return ours.Page(message.path, message.rows, message.bytes, message.sha256, message.cursor, columns)
        case theirs.Done(cursor):
            return ours.Done(cursor)
        case theirs.Failed():
            return ours.Failed(ours.FailureKind(message.kind), message.message, message.retry_after_seconds)
