"""The second thread of a reading: it hears the parent while the guest computes, and enforces the guard's limits."""

from __future__ import annotations

import os
import select
import socket
from _thread import start_new_thread

from .errors import ProtocolBroken
from .guard import Guard
from .messages import unframe


def attend(talk: socket.socket, guard: Guard, early: bytearray) -> None:
    """Start the thread. `early` is what was read from the socket after the spec."""
    # threading.Thread would wait until the thread runs, and the guest need not.
    start_new_thread(_listen, (talk, guard, early))


def _listen(talk: socket.socket, guard: Guard, buffer: bytearray) -> None:
    poll = select.poll()
    poll.register(talk, select.POLLIN)
    try:
        while True:
            _obey(buffer, guard)
            if poll.poll(guard.tick() * 1e3):
                data = talk.recv(1 << 16)
                if not data:
                    break
                buffer += data
    except (OSError, ProtocolBroken):
        pass
    # Nobody is there to read for: whatever the main thread does is of no use.
    os._exit(1)


def _obey(buffer: bytearray, guard: Guard) -> None:
    while (word := unframe(buffer)) is not None:
        match word.get("is"):
            case "acknowledge":
                guard.acknowledged.release()
            case "cancel":
                guard.cancel()
            case "interrupt":
                guard.interrupt()
