"""The process that readings are forked from: it imported what they need, and never made an engine or a thread.

Forking is safe only while it stays that way. It reads nothing but the request to fork; the child reads its
own spec, so a broken spec cannot hurt the zygote.
"""

from __future__ import annotations

import contextlib
import encodings.idna  # noqa: F401 - else every reading loads it to resolve its first host
import gc
import os
import selectors
import signal
import socket
import sys
from dataclasses import dataclass, field

from . import process

KEPT_ENVIRONMENT = frozenset(("SSL_CERT_FILE", "SSL_CERT_DIR"))


@dataclass(slots=True)
class Children:
    """Who was forked and has not been reaped: handle -> (pid, where to report the end)."""

    selector: selectors.BaseSelector
    spare: Spare
    by_handle: dict[int, tuple[int, socket.socket]] = field(default_factory=dict)

    def add(self, pid: int, life: socket.socket) -> None:
        """Watch a child and hand the parent a handle to it."""
        handle = os.pidfd_open(pid)
        self.by_handle[handle] = (pid, life)
        self.selector.register(handle, selectors.EVENT_READ)
        with contextlib.suppress(OSError):
            socket.send_fds(life, [str(pid).encode()], [handle])

    def reap(self, handle: int) -> None:
        """Tell the parent how a child ended, and forget it."""
        pid, life = self.by_handle.pop(handle)
        self.selector.unregister(handle)
        os.close(handle)
        _, status = os.waitpid(pid, 0)
        with life, contextlib.suppress(OSError):
            life.send(ending(status).encode())

    def kill(self) -> None:
        """Nobody is left to read for."""
        for handle in self.by_handle:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)


def ending(status: int) -> str:
    """A wait status for people."""
    return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"


@dataclass(frozen=True, slots=True)
class Spare:
    """A child that is ready and has no reading yet: nobody waits for its fork. It is for one reading, as any."""

    pid: int
    delivery: socket.socket

    @classmethod
    def fork(cls) -> Spare:
        """Returns in the zygote only."""
        ours, theirs = socket.socketpair()
        zygote = os.getpid()
        pid = os.fork()
        if pid == 0:
            process.stand_by(theirs, parent=zygote)
        theirs.close()
        return cls(pid, ours)

    def begin(self, talk: socket.socket) -> bool:
        """Hand it its reading. False if it is dead; then it is reaped as well."""
        with self.delivery:
            try:
                socket.send_fds(self.delivery, [b"t"], [talk.fileno()])
            except OSError:
                os.waitpid(self.pid, 0)
                return False
        return True


def serve(control: socket.socket) -> None:
    """Fork on request until the parent is gone. Returns in the zygote only."""
    with selectors.DefaultSelector() as selector:
        children = Children(selector, spare=Spare.fork())
        selector.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not control:
                    children.reap(key.fd)
                elif not _fork(control, children):
                    children.kill()
                    return


def _fork(control: socket.socket, children: Children) -> bool:
    data, fds, _, _ = socket.recv_fds(control, 16, 2)
    if not data:
        return False
    if len(fds) != 2:  # noqa: PLR2004 - the talk socket and the life socket
        for fd in fds:
            os.close(fd)
        return True
    talk, life = socket.socket(fileno=fds[0]), socket.socket(fileno=fds[1])
    with talk:
        while not children.spare.begin(talk):
            children.spare = Spare.fork()
    children.add(children.spare.pid, life)
    # Only now: whoever asked has what was forked before.
    children.spare = Spare.fork()
    return True


def main() -> None:
    """`python -m connectors_runtime.zygote FD`: serve the socket that the worker handed over."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in set(os.environ) - KEPT_ENVIRONMENT:
        del os.environ[name]
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    # What exists now is never freed: keep the collector from touching, and so copying, the shared pages.
    gc.collect()
    gc.freeze()
    serve(control)


if __name__ == "__main__":
    main()
