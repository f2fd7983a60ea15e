"""Time limits and cancellation of one reading, shared by its main thread and its attendant.

The guest's own time counts; time in a host function does not, each wait there has a limit of its own.
Nothing ticks: the attendant sleeps until the earliest moment at which a limit could pass.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .errors import Cancelled

_LONGEST_SLEEP = 1.0
_REPEAT = 0.05


@dataclass(slots=True)
class Guard:
    """`trap` makes the guest stop at its next loop or function entry; set once the engine exists."""

    call_seconds: float
    trap: Callable[[], None] | None = None
    cancelled: bool = False
    interrupted: bool = False
    overtime: bool = False
    acknowledged: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _guest_until: float | None = None
    _io_until: float | None = None
    _io_socket: socket.socket | None = None

    # -- main thread ------------------------------------------------------------------------------

    def check(self) -> None:
        """Between two calls and between two reads. Raises Cancelled."""
        if self.cancelled:
            raise Cancelled

    def wait_for_acknowledgement(self) -> None:
        """Until the parent has the page. Raises Cancelled."""
        self.acknowledged.acquire()
        self.check()

    @contextlib.contextmanager
    def guest(self) -> Iterator[None]:
        """The guest runs in here."""
        self.check()
        self._guest_until = time.monotonic() + self.call_seconds
        try:
            yield
        finally:
            self._guest_until = None

    @contextlib.contextmanager
    def host(self) -> Iterator[None]:
        """A host function runs in here: the guest's clock stands still."""
        until, self._guest_until = self._guest_until, None
        began = time.monotonic()
        try:
            yield
        finally:
            if until is not None:
                self._guest_until = until + time.monotonic() - began

    @contextlib.contextmanager
    def waiting(self, sock: socket.socket, seconds: float) -> Iterator[None]:
        """A wait on `sock` that ends after `seconds` or on cancellation. Raises TimeoutError, Cancelled."""
        self.check()
        self._io_socket, self._io_until = sock, time.monotonic() + seconds
        until = self._io_until
        try:
            yield
        except Exception:
            # A socket that was shut down under a read fails in many ways; what counts is who did it.
            self._why(until)
            raise
        finally:
            self._io_socket = self._io_until = None
        self._why(until)

    def _why(self, until: float) -> None:
        self.check()
        if time.monotonic() >= until:
            raise TimeoutError

    # -- attendant --------------------------------------------------------------------------------

    def cancel(self) -> None:
        """Stop before the next call or read; a wait for the network ends now."""
        self.cancelled = True
        self.acknowledged.release()
        self._abort()

    def interrupt(self) -> None:
        """Stop now, also in the middle of the guest's own loop."""
        self.interrupted = True
        self.cancel()

    def stop_guest(self) -> None:
        """The guest broke a rule inside a host function: it must not run on."""
        if self.trap is not None:
            self.trap()

    def tick(self) -> float:
        """Enforce what is due; how long to sleep now, in seconds."""
        now = time.monotonic()
        if self._io_until is not None and now >= self._io_until:
            self._abort()
        guest_until = self._guest_until
        if guest_until is None:
            return min(_LONGEST_SLEEP, self.call_seconds)
        if self.interrupted or now >= guest_until:
            self.overtime = not self.interrupted
            self.stop_guest()
            # Again soon: a deadline armed at this very moment would not have seen it.
            return _REPEAT
        return min(_LONGEST_SLEEP, guest_until - now)

    def _abort(self) -> None:
        sock = self._io_socket
        if sock is not None:
            with contextlib.suppress(OSError):
                # Not the TLS socket's own shutdown: it would change that object under the reading thread.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
