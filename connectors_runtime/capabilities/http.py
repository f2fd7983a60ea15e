"""Outgoing HTTP for a guest: to allowed hosts, with secrets put in and kept from coming back."""

from __future__ import annotations

import contextlib
import http.client
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field

from connectors_runtime.guard import Guard

from .bodies import Body, decoder_for
from .connections import Connections, Link, acknowledge_at_once
from .faults import HttpFault
from .meter import Meter
from .outgoing import Outgoing, prepare, redirected
from .secrets import Secrets

MAX_OPEN_BODIES = 8
MAX_REDIRECTS = 5
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Http:
    """The `http` interface of one reading."""

    connections: Connections
    secrets: Secrets
    guard: Guard
    meter: Meter
    body_limit: int | None
    _bodies: dict[int, tuple[Body, Link]] = field(default_factory=dict)
    _last_handle: int = 0

    def send(
        self, method: str, url: str, headers: Headers, body: str | None, timeout_ms: int
    ) -> tuple[int, Headers, int]:
        """Status, headers and the handle of the body. Raises HttpFault, Cancelled."""
        if len(self._bodies) >= MAX_OPEN_BODIES:
            raise HttpFault("other", f"{MAX_OPEN_BODIES} bodies are open; close one first")
        seconds = timeout_ms / 1_000 if timeout_ms else self.connections.stall_seconds
        with self._faults():
            request = prepare(method=method, url=url, headers=headers, body=body, secrets=self.secrets)
            for _ in range(MAX_REDIRECTS + 1):
                self.meter.request()
                link, response = self.connections.exchange(request, seconds)
                location = response.getheader("location")
                if response.status not in _REDIRECTS or location is None:
                    return self._accept(request, link, response)
                link.close()
                request = redirected(request, status=response.status, location=location)
        raise HttpFault("other", f"more than {MAX_REDIRECTS} redirects")

    def read_bytes(self, handle: int, size: int) -> bytes | None:
        """Raises HttpFault, Cancelled."""
        if not size:
            raise HttpFault("other", "max must be at least 1")
        with self._faults():
            return self._body(handle).read(size)

    def read_text(self, handle: int, size: int) -> bytes | None:
        """Raises HttpFault, Cancelled."""
        with self._faults():
            return self._body(handle).read_text(size)

    def close(self, handle: int) -> None:
        """Let go of a body; an unknown handle is nothing to close."""
        found = self._bodies.pop(handle, None)
        if found is not None and not found[0].ended:
            found[1].close()

    def _accept(self, request: Outgoing, link: Link, response: http.client.HTTPResponse) -> tuple[int, Headers, int]:
        encoding = response.getheader("content-encoding", "")
        try:
            decoder = decoder_for(encoding)
        except HttpFault:
            link.close()
            raise

        def source(size: int) -> bytes:
            return self._read(request, link, response, size)

        self._last_handle += 1
        self._bodies[self._last_handle] = (Body(source, decoder, self.secrets.masker(), self.body_limit), link)
        hidden = {"content-encoding", "content-length"} if encoding else set()
        pairs = ((name.lower(), self.secrets.mask(value)) for name, value in response.getheaders())
        return response.status, [pair for pair in pairs if pair[0] not in hidden], self._last_handle

    def _read(self, request: Outgoing, link: Link, response: http.client.HTTPResponse, size: int) -> bytes:
        left = response.length
        data = b""
        if not response.isclosed():
            acknowledge_at_once(link.sock)
            with self.guard.waiting(link.sock, self.connections.stall_seconds):
                data = response.read1(size)
        self.meter.add(len(data))
        if data:
            return data
        if left:
            raise HttpFault(
                "connect", f"{request.host} closed the connection {left:,} bytes before the end of the body"
            )
        if response.will_close:
            link.close()
        else:
            # Python 3.11 leaves a response open that was read to its exact end; the next request would then
            # be sent, fail, and be sent again.
            response.close()
            self.connections.keep(request.origin, link)
        return data

    def _body(self, handle: int) -> Body:
        found = self._bodies.get(handle)
        if found is None:
            raise HttpFault("other", f"no open body has the handle {handle}")
        return found[0]

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except HttpFault as fault:
            payload = self.secrets.mask(fault.payload) if isinstance(fault.payload, str) else fault.payload
            raise HttpFault(fault.case, payload) from None
        except TimeoutError:
            raise HttpFault("timeout") from None
        except ssl.SSLError as error:
            raise HttpFault("connect", self.secrets.mask(f"TLS: {error.reason or error}")) from None
        except OSError as error:
            raise HttpFault("connect", self.secrets.mask(error.strerror or str(error))) from None
        except (http.client.HTTPException, ValueError) as error:
            raise HttpFault("other", self.secrets.mask(f"{type(error).__name__}: {error}"[:500])) from None
