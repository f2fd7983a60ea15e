"""Start readings from another process: the worker imports this, and neither wasmtime nor arro3 comes with it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

from .columns import Column
from .errors import ProtocolBroken, SpecInvalid, ZygoteGone
from .messages import Done, Failed, Log, Message, Page, Progress, Started, frame
from .reading import Life, Reading
from .spec import ReadSpec

__all__ = [
    "Column",
    "Done",
    "Failed",
    "Log",
    "Message",
    "Page",
    "Progress",
    "ProtocolBroken",
    "ReadSpec",
    "Reading",
    "SpecInvalid",
    "Started",
    "Zygote",
    "ZygoteGone",
]

START_SECONDS = 20.0
_KEPT_ENVIRONMENT = ("SSL_CERT_FILE", "SSL_CERT_DIR")


class Zygote:
    """The single-threaded process from which every reading is forked.

    Started at the first `open`, or at once by `start`; started again when it died. Every method may be
    called from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """The zygote's process id; None before the first start."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process if it is not running; returns when it answers. Raises ZygoteGone."""
        self.open_nothing()

    def open(self, spec: ReadSpec) -> Reading:
        """Begin a reading in a process of its own. Raises ZygoteGone."""
        talk, life = self._fork()
        reading = Reading(talk, life)
        reading.begin(frame(spec.to_json()))
        return reading

    def open_nothing(self) -> None:
        """Fork a process that ends at once: proof that the zygote answers. Raises ZygoteGone."""
        talk, life = self._fork()
        Reading(talk, life).close()

    def close(self) -> None:
        """End the zygote and every process it forked."""
        with self._lock:
            self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fork(self) -> tuple[socket.socket, Life]:
        # Twice: the zygote may have died since it was last asked.
        for _ in range(2):
            control, talk, life = self._ask()
            if life.wait_for_birth(START_SECONDS):
                return talk, life
            talk.close()
            life.close()
            with self._lock:
                if self._control is control:
                    self._stop()
        raise ZygoteGone("the connector zygote does not answer; its standard error says why")

    def _ask(self) -> tuple[socket.socket, socket.socket, Life]:
        talk, talk_child = socket.socketpair()
        life, life_zygote = socket.socketpair()
        with talk_child, life_zygote, self._lock:
            control = self._running()
            # A zygote that is gone shows when the child is not born.
            with contextlib.suppress(OSError):
                socket.send_fds(control, [b"f"], [talk_child.fileno(), life_zygote.fileno()])
        return control, talk, Life(life)

    def _running(self) -> socket.socket:
        if self._process is not None and self._process.poll() is not None:
            self._stop()
        if self._control is None:
            self._control, self._process = _start()
        return self._control

    def _stop(self) -> None:
        control, process = self._control, self._process
        self._control = self._process = None
        if control is not None:
            control.close()
        if process is None:
            return
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
    with theirs:
        # -P: a module in the worker's directory must not stand in for one of ours. A session of its own:
        # Ctrl-C reaches the worker, which then ends its readings in order.
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-s", "-m", "connectors_runtime.zygote", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    return ours, process
