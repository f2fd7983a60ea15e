"""Connections to allowed addresses: resolved once, judged, kept for the next request to the same place."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from dataclasses import dataclass, field

from connectors_runtime.egress import DEFAULT_PORTS, Address, Egress
from connectors_runtime.guard import Guard

from .faults import HttpFault
from .outgoing import Outgoing

IDLE_LIMIT = 4
AGENT = "hakiri-connector/1.0"
_SAFE_TO_REPEAT = frozenset(("GET", "HEAD"))
Origin = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Link:
    """A connection and its socket: http.client lets go of the socket when the server is about to close."""

    connection: http.client.HTTPConnection
    sock: socket.socket

    def close(self) -> None:
        """End it, also under a response that is still being read."""
        self.connection.close()
        self.sock.close()


@dataclass(slots=True)
class Connections:
    """`stall_seconds` limits each wait for the network."""

    egress: Egress
    guard: Guard
    stall_seconds: float
    _idle: dict[Origin, Link] = field(default_factory=dict)
    _tls: ssl.SSLContext | None = None

    def exchange(self, request: Outgoing, seconds: float) -> tuple[Link, http.client.HTTPResponse]:
        """Send one request and wait for the response's head. Raises HttpFault, Cancelled."""
        if not self.egress.allows(host=request.host, port=request.port, scheme=request.scheme):
            raise HttpFault("denied", f"{request.host}:{request.port} is not in the pipeline's list of allowed hosts")
        wait = min(seconds, self.stall_seconds)
        kept = self._idle.pop(request.origin, None)
        if kept is not None and request.method in _SAFE_TO_REPEAT:
            try:
                return kept, self._send(kept, request, wait)
            except (OSError, http.client.HTTPException):
                # The server may close a kept connection at any time; only a new one tells whether it is down.
                self.guard.check()
        if kept is not None:
            kept.close()
        link = self._connect(request, wait)
        try:
            return link, self._send(link, request, wait)
        except BaseException:
            link.close()
            raise

    def keep(self, origin: Origin, link: Link) -> None:
        """A response was read to its end: the connection may serve again."""
        replaced = self._idle.pop(origin, None)
        if replaced is not None:
            replaced.close()
        while len(self._idle) >= IDLE_LIMIT:
            self._idle.pop(next(iter(self._idle))).close()
        self._idle[origin] = link

    def _send(self, link: Link, request: Outgoing, wait: float) -> http.client.HTTPResponse:
        with self.guard.waiting(link.sock, wait):
            _write(link.connection, request)
            acknowledge_at_once(link.sock)
            return link.connection.getresponse()

    def _connect(self, request: Outgoing, wait: float) -> Link:
        until = time.monotonic() + wait
        trouble = "it has no address"
        for address in self._resolve(request):
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            try:
                return self._open(request, address, left)
            except TimeoutError:
                raise
            except OSError as error:
                trouble = error.strerror or str(error)
        raise HttpFault("connect", f"{request.host}:{request.port}: {trouble}")

    def _resolve(self, request: Outgoing) -> list[Address]:
        try:
            found = socket.getaddrinfo(request.host, request.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a name"
            raise HttpFault("connect", f"{request.host} does not resolve: {reason}") from None
        self.guard.check()
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
        for address in addresses:
            if not self.egress.allows_address(address):
                raise HttpFault(
                    "denied", f"{request.host} resolves to {address}, which is a link-local or metadata address"
                )
        return addresses

    def _open(self, request: Outgoing, address: Address, wait: float) -> Link:
        family = socket.AF_INET if isinstance(address, ipaddress.IPv4Address) else socket.AF_INET6
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(wait)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.guard.waiting(sock, wait):
                sock.connect((str(address), request.port))
            if request.scheme == "https":
                sock = self._secured(sock, request.host, wait)
        except BaseException:
            sock.close()
            raise
        sock.settimeout(self.stall_seconds)
        connection = http.client.HTTPConnection(request.host, request.port)
        connection.auto_open = 0
        connection.sock = sock
        return Link(connection, sock)

    def _secured(self, sock: socket.socket, host: str, wait: float) -> socket.socket:
        # Reading the trust store takes longer than starting a guest, and many readings never need it.
        if self._tls is None:
            self._tls = ssl.create_default_context()
        secured = self._tls.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
        try:
            with self.guard.waiting(secured, wait):
                secured.do_handshake()
        except BaseException:
            secured.close()
            raise
        return secured


def acknowledge_at_once(sock: socket.socket) -> None:
    """A server that sends head and body apart waits for our acknowledgement, which Linux delays by 40 ms.

    Linux forgets the wish with every exchange, so it is made for each.
    """
    if hasattr(socket, "TCP_QUICKACK"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _write(connection: http.client.HTTPConnection, request: Outgoing) -> None:
    connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
    host = f"[{request.host}]" if ":" in request.host else request.host
    usual = request.port == DEFAULT_PORTS[request.scheme]
    connection.putheader("Host", host if usual else f"{host}:{request.port}")
    given = {name for name, _ in request.headers}
    for name, value in (("user-agent", AGENT), ("accept", "*/*"), ("accept-encoding", "gzip, deflate")):
        if name not in given:
            connection.putheader(name, value)
    for name, value in request.headers:
        connection.putheader(name, value.encode())
    if request.body is not None:
        connection.putheader("Content-Length", str(len(request.body)))
    connection.endheaders(request.body)
