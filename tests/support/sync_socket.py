"""A websocket client of a few lines, for tests that must do what no library lets them: not read, lie, vanish."""

from __future__ import annotations

import base64
import os
import socket
import struct
from dataclasses import dataclass

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@dataclass(frozen=True, slots=True)
class Closed:
    """The server closed: with a code, or (1006) without a word."""

    code: int
    reason: str


class SyncSocket:
    """One connection to `/api/v1/sync` on this machine."""

    def __init__(self, port: int, *, receive_buffer: int | None = None, path: str = "/api/v1/sync") -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._buffer = b""
        while b"\r\n\r\n" not in self._buffer:
            self._fill()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        assert b" 101 " in head.splitlines()[0], head

    def send(self, data: bytes | str, *, kind: int | None = None) -> None:
        """Send one message, masked with zeros."""
        body = data.encode() if isinstance(data, str) else data
        kind = kind or (TEXT if isinstance(data, str) else BINARY)
        self.socket.sendall(_head(kind, len(body)) + body)

    def receive(self, seconds: float = 10.0) -> bytes | str | Closed | None:
        """The next message; None if there is none in time."""
        try:
            kind, body = self._frame(seconds)
        except TimeoutError:
            return None
        except (ConnectionError, EOFError):
            return Closed(1006, "")
        if kind == PING:
            self.send(body, kind=PONG)
            return self.receive(seconds)
        if kind == CLOSE:
            code = struct.unpack(">H", body[:2])[0] if body else 1005
            return Closed(code, body[2:].decode())
        return body.decode() if kind == TEXT else body

    def waiting(self) -> int:
        """Bytes that were received and not looked at."""
        return len(self._buffer)

    def vanish(self) -> None:
        """Be gone at once, without a goodbye."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()

    def _frame(self, seconds: float) -> tuple[int, bytes]:
        self.socket.settimeout(seconds)
        start = 2
        self._need(start)
        length = self._buffer[1] & 0x7F
        if length == 126:
            start = 4
            self._need(start)
            (length,) = struct.unpack(">H", self._buffer[2:4])
        elif length == 127:
            start = 10
            self._need(start)
            (length,) = struct.unpack(">Q", self._buffer[2:10])
        self._need(start + length)
        kind, body = self._buffer[0] & 0xF, self._buffer[start : start + length]
        self._buffer = self._buffer[start + length :]
        return kind, body

    def _need(self, count: int) -> None:
        while len(self._buffer) < count:
            self._fill()

    def _fill(self) -> None:
        piece = self.socket.recv(1 << 18)
        if not piece:
            raise EOFError
        self._buffer += piece


def _head(kind: int, length: int) -> bytes:
    first = bytes((0x80 | kind,))
    if length < 126:
        size = bytes((0x80 | length,))
    elif length < 1 << 16:
        size = b"\xfe" + struct.pack(">H", length)
    else:
        size = b"\xff" + struct.pack(">Q", length)
    return first + size + bytes(4)
