"""The parent's end of one reading: messages from the child, and the ways to stop it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections import deque
from typing import Self

from .errors import ProtocolBroken
from .messages import Done, Failed, Message, Page, decode, frame, unframe

_CHUNK = 256 << 10
# A native decoder gave up on what the connector sent; it would again.
_CRASHES = frozenset(
    f"signal {int(number)}" for number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL)
)
# The zygote reaps at once; longer means that it is gone too.
_REAP_SECONDS = 5.0


class Life:
    """The zygote's word on one child: a handle to it when it is born, its status when it has ended."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.pid = 0
        self.pidfd = -1

    def wait_for_birth(self, seconds: float) -> bool:
        """False if the zygote is gone or silent."""
        self._sock.settimeout(seconds)
        try:
            data, fds, _, _ = socket.recv_fds(self._sock, 64, 1)
        except OSError:
            return False
        if not data or not fds:
            return False
        self.pid, self.pidfd = int(data), fds[0]
        return True

    def ending(self) -> str:
        """How the child ended, for people."""
        self._sock.settimeout(_REAP_SECONDS)
        try:
            data = self._sock.recv(64)
        except OSError:
            data = b""
        return data.decode() if data else "the zygote is gone"

    def kill(self) -> None:
        """SIGKILL, to this process and never to a later one with its number."""
        if self.pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def close(self) -> None:
        """Forget the child."""
        self._sock.close()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1


class Reading:
    """One table being read in a process of its own. Used by one thread; `interrupt`, `cancel` and `kill` by any."""

    def __init__(self, talk: socket.socket, life: Life) -> None:
        self._talk = talk
        self._life = life
        self._buffer = bytearray()
        self._ready: deque[Message] = deque()
        self._last: Message | None = None
        self._unacknowledged = False
        self._talk.setblocking(False)

    @property
    def pid(self) -> int:
        """The child's process id, for people; signals go through a handle."""
        return self._life.pid

    def fileno(self) -> int:
        """Readable when a message may be waiting: for a selector."""
        return self._talk.fileno()

    def begin(self, spec: bytes) -> None:
        """Hand the child what to read. A child that died instead shows at the next `receive`."""
        self._send(spec)

    def receive(self, timeout: float | None = None) -> Message | None:
        """The next message; None when `timeout` seconds pass without one. After Done or Failed, that again."""
        if self._last is not None:
            return self._last
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._ready:
            if not self._wait(deadline):
                return None
            self._fill()
        message = self._ready.popleft()
        if isinstance(message, Done | Failed):
            self._last = message
        self._unacknowledged = isinstance(message, Page) or self._unacknowledged
        return message

    def acknowledge(self) -> None:
        """The last page is safe: the child may ask the guest for the next one."""
        if not self._unacknowledged:
            raise ProtocolBroken("there is no page to acknowledge")
        self._unacknowledged = False
        self._send(frame({"is": "acknowledge"}))

    def cancel(self) -> None:
        """Ask the child to stop before its next call or read; it answers Failed('cancelled')."""
        self._send(frame({"is": "cancel"}))

    def interrupt(self) -> None:
        """Make the guest trap wherever it is; the child answers Failed('cancelled')."""
        self._send(frame({"is": "interrupt"}))

    def kill(self) -> None:
        """End the child at once; it answers nothing, so `receive` gives Failed('transient')."""
        self._life.kill()

    def close(self) -> None:
        """Kill the child if it still runs, and let go of it."""
        self._life.kill()
        self._talk.close()
        self._life.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait(self, deadline: float | None) -> bool:
        milliseconds = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1e3
        poll = select.poll()
        poll.register(self._talk, select.POLLIN)
        return bool(poll.poll(milliseconds))

    def _fill(self) -> None:
        try:
            data = self._talk.recv(_CHUNK)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self._ready.append(_ended(self._life.ending()))
            return
        self._buffer += data
        try:
            while (value := unframe(self._buffer)) is not None:
                self._ready.append(decode(value))
        except ProtocolBroken as error:
            self.kill()
            self._ready.append(Failed("permanent", f"connector process sent {error}"))

    def _send(self, data: bytes) -> None:
        # The child reads even while the guest computes, so this waits only for a scheduler, or for its end.
        view = memoryview(data)
        while view:
            try:
                view = view[self._talk.send(view, socket.MSG_NOSIGNAL) :]
            except BlockingIOError:
                poll = select.poll()
                poll.register(self._talk, select.POLLOUT)
                poll.poll()
            except (BrokenPipeError, ConnectionResetError):
                return


def _ended(how: str) -> Failed:
    if how in _CRASHES:
        return Failed("permanent", f"connector process crashed: {how}")
    return Failed("transient", f"connector process ended: {how}")
