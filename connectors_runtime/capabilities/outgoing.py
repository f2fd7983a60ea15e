"""A guest's request made ready to send, and what becomes of it after a redirect. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, quote, quote_plus, urljoin, urlsplit

from connectors_runtime.egress import DEFAULT_PORTS, normal_host

from .faults import HttpFault
from .secrets import Secrets, SecretUnknown, holds_place, json_text

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MAX_URL = 16 << 10
MAX_HEADERS = 100
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,200}")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OURS = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect")
)
_PRIVATE = frozenset(("authorization", "cookie"))


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request, secrets in place. `private` names the headers that stay with the first host."""

    method: str
    scheme: str
    host: str
    port: int
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    private: frozenset[str]
    private_body: bool

    @property
    def origin(self) -> tuple[str, str, int]:
        """Where the request goes."""
        return self.scheme, self.host, self.port

    @property
    def url(self) -> str:
        """The address, for a redirect to be relative to. May hold a secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.target}"


def prepare(*, method: str, url: str, headers: list[tuple[str, str]], body: str | None, secrets: Secrets) -> Outgoing:
    """Check a guest's request and put the secrets in. Raises HttpFault('other' or 'denied')."""
    if method not in METHODS:
        raise HttpFault("other", f"method {method[:20]!r}: must be one of {', '.join(METHODS)}")
    base, mark, query = url.partition("?")
    if holds_place(base):
        raise HttpFault("denied", "a secret may stand only in the query of a URL, in a header value or in the body")
    try:
        parts = _split(base + mark + secrets.fill(query, lambda value: quote(value, safe="")))
        filled = tuple((name.lower(), secrets.fill(value)) for name, value in headers)
        data = None if body is None else secrets.fill(body, _encoder(filled)).encode()
    except SecretUnknown as error:
        raise HttpFault("denied", str(error)) from None
    _check_headers(filled)
    private = _PRIVATE | {name.lower() for name, value in headers if holds_place(value)}
    private_body = body is not None and holds_place(body)
    return _sent_to(Outgoing(method, "", "", 0, "", filled, data, private, private_body), parts)


def redirected(request: Outgoing, *, status: int, location: str) -> Outgoing:
    """The request to make next. Raises HttpFault."""
    parts = _split(urljoin(request.url, location))
    method, body = request.method, request.body
    if status == 303 or (status in {301, 302} and method == "POST"):  # noqa: PLR2004 - RFC 9110
        method, body = ("HEAD" if method == "HEAD" else "GET"), None
    following = _sent_to(replace(request, method=method, body=body), parts)
    if following.origin == request.origin:
        return following
    if body is not None and request.private_body:
        raise HttpFault("denied", f"a redirect to {following.host} would carry a secret in the body to another host")
    kept = tuple((name, value) for name, value in request.headers if name not in request.private)
    return replace(following, headers=kept)


def _sent_to(request: Outgoing, parts: SplitResult) -> Outgoing:
    target = quote(parts.path or "/", safe=_PATH_SAFE)
    if parts.query:
        target += "?" + quote(parts.query, safe=_PATH_SAFE + '?[]{}|^`"<>\\')
    host = normal_host(parts.hostname or "")
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    return replace(request, scheme=parts.scheme, host=host, port=port, target=target)


def _split(url: str) -> SplitResult:
    # urlsplit drops some of these silently, and then judges another URL than the one that was meant.
    if len(url) > MAX_URL or _UNSAFE.search(url):
        raise HttpFault("other", f"the URL is longer than {MAX_URL:,} characters or holds spaces or control characters")
    try:
        parts = urlsplit(url)
        port = parts.port
        normal_host(parts.hostname or "")
    except ValueError as error:
        raise HttpFault("other", f"the URL has no usable host or port: {error}") from None
    if parts.scheme not in DEFAULT_PORTS or port == 0:
        raise HttpFault("denied", f"scheme {parts.scheme[:20]!r}: only http and https are possible")
    if parts.username is not None or parts.password is not None:
        raise HttpFault("denied", "a URL must not hold credentials; use a header with a secret")
    return parts


def _check_headers(headers: tuple[tuple[str, str], ...]) -> None:
    if len(headers) > MAX_HEADERS:
        raise HttpFault("other", f"{len(headers)} headers; at most {MAX_HEADERS} are sent")
    for name, value in headers:
        if not _TOKEN.fullmatch(name):
            raise HttpFault("other", f"header {name[:80]!r}: not a header name")
        if name in _OURS or name.startswith("proxy-"):
            raise HttpFault("other", f"header {name!r}: is set by the host")
        if _CONTROL.search(value):
            raise HttpFault("other", f"header {name!r}: the value holds control characters")


def _encoder(headers: tuple[tuple[str, str], ...]) -> Callable[[str], str]:
    kind = dict(headers).get("content-type", "").lower()
    if "json" in kind:
        return json_text
    return quote_plus if "x-www-form-urlencoded" in kind else str
