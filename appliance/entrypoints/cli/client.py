"""The HTTP API as the command line calls it, with the standard library alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias
from urllib.parse import quote, urlencode, urlsplit

from appliance import __version__
from appliance.entrypoints.cli.ends import Exit, Stop

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

# What came over the wire is only known by its documentation.
Json: TypeAlias = dict[str, Any]
Query: TypeAlias = Mapping[str, str | int | None]

PREFIX = "/api/v1"
TIMEOUT = 30.0

# A stream with nothing to say is told so at least this often, in seconds.
SILENCE = 60.0

_LOOPBACK = ("localhost", "127.", "::1")
_ANSWER_BYTES = 64 << 20
_ENDS = {401: Exit.NOT_ALLOWED, 403: Exit.NOT_ALLOWED, 404: Exit.NOT_FOUND, 409: Exit.CONFLICT, 503: Exit.UNREACHABLE}
_ADVICE = {
    401: "give a good token with HAKIRI_TOKEN, --token or --token-file; if the owner's is "
    "lost, stop the server and make one there with `hakiri token create --local`",
    403: "ask an owner for a higher role: `hakiri member role NAME ROLE`",
}


@dataclass(frozen=True)
class Api:
    """One server. `timeout` is in seconds, for each step of an exchange."""

    url: str
    token: str | None = None
    timeout: float = TIMEOUT

    def __post_init__(self) -> None:
        """Raises Stop for an address or a token that cannot be one."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or not _has_port(self.url):
            raise Stop(Exit.USAGE, f"{self.url!r} is not a server's address", "write http://host:port or https://host")
        if self.token is not None and (not self.token.isascii() or not self.token.isprintable() or " " in self.token):
            raise Stop(Exit.USAGE, "the token holds characters that no token has", "it starts with hak_, on one line")

    @property
    def is_exposed(self) -> bool:
        """Whether the token would travel over a network unencrypted."""
        parts = urlsplit(self.url)
        return parts.scheme == "http" and self.token is not None and not (parts.hostname or "").startswith(_LOOPBACK)

    def get(self, path: str, query: Query | None = None) -> Json:
        return self._exchange("GET", path, query, None)

    def post(self, path: str, body: object = None, *, key: str | None = None) -> Json:
        """`key` makes the server answer a repeated request as it answered the first."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return self._exchange("POST", path, None, {} if body is None else body, headers)

    def patch(self, path: str, body: object) -> Json:
        return self._exchange("PATCH", path, None, body)

    def delete(self, path: str) -> Json:
        return self._exchange("DELETE", path, None, None)

    def items(self, path: str, query: Query | None = None, *, limit: int) -> list[Json]:
        """At most `limit` entries of a list that comes in pages."""
        found: list[Json] = []
        asked = dict(query or {})
        while len(found) < limit:
            page = self.get(path, {**asked, "limit": min(limit - len(found), 500)})
            found += page["items"]
            if page.get("next") is None:
                break
            asked["before"] = page["next"]
        return found

    def all(self, path: str) -> list[Json]:
        """A list that comes whole."""
        found: list[Json] = self.get(path)["items"]
        return found

    def events(self, path: str, query: Query | None = None) -> Iterator[tuple[str, Json]]:
        """Name and data of each event of a stream, until the server ends it. Raises Stop when it breaks."""
        connection, answer = self._send("GET", path, query, None, {"Accept": "text/event-stream"})
        with closing(connection), self._told():
            if connection.sock is not None:
                connection.sock.settimeout(SILENCE)
            yield from _events(answer)

    def _exchange(
        self, method: str, path: str, query: Query | None, body: object, headers: Mapping[str, str] | None = None
    ) -> Json:
        connection, answer = self._send(method, path, query, body, headers or {})
        with closing(connection), self._told():
            return _document(_whole(answer), self.url)

    def _send(
        self, method: str, path: str, query: Query | None, body: object, special: Mapping[str, str]
    ) -> tuple[HTTPConnection, HTTPResponse]:
        headers = {
            "Accept": "application/json",
            "User-Agent": f"hakiri/{__version__}",
            **self._authorization,
            **special,
        }
        payload = None if body is None else json.dumps(body).encode()
        if payload is not None:
            headers["Content-Type"] = "application/json"
        given = {name: value for name, value in (query or {}).items() if value is not None}
        connection = self._connection()
        with ExitStack() as undo, self._told():
            undo.callback(connection.close)
            connection.request(method, self._target(path) + (f"?{urlencode(given)}" if given else ""), payload, headers)
            answer = connection.getresponse()
            if not 200 <= answer.status < 300:  # noqa: PLR2004 - success
                _refused(answer.status, answer.read(_ANSWER_BYTES), self.url)
            undo.pop_all()
        return connection, answer

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever breaks on the way ends the command in one line."""
        from http.client import HTTPException  # noqa: PLC0415 - `--help` must not wait for it

        try:
            yield
        except (OSError, HTTPException) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            advice = "start one with `hakiri serve`, or say where it is with --url or HAKIRI_URL"
            raise Stop(Exit.UNREACHABLE, f"no answer from {self.url}: {why}", advice) from None

    @cached_property
    def _authorization(self) -> dict[str, str]:
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}

    def _connection(self) -> HTTPConnection:
        from http.client import HTTPConnection, HTTPSConnection  # noqa: PLC0415 - `--help` must not wait for it

        parts = urlsplit(self.url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=self.timeout)

    def _target(self, path: str) -> str:
        return urlsplit(self.url).path.rstrip("/") + (path if path.startswith("/") else f"{PREFIX}/{path}")


def part(name: str) -> str:
    """A name as one part of a path."""
    return quote(name, safe="@")


def _has_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _whole(answer: HTTPResponse) -> bytes:
    data = answer.read(_ANSWER_BYTES)
    # Asked for so many bytes at most, http.client takes a connection that breaks off for the end.
    if answer.length:
        raise ConnectionError("the answer broke off")
    return data


def _document(data: bytes, url: str) -> Json:
    if not data:
        return {}
    try:
        document = json.loads(data)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Stop(Exit.FAILED, f"{url} does not answer like a control plane", "look at --url or HAKIRI_URL")
    return document


def _refused(status: int, data: bytes, url: str) -> NoReturn:
    try:
        told = json.loads(data)
        error = told["error"]
        message = str(error["message"])
    except (ValueError, KeyError, TypeError):
        raise Stop(
            Exit.FAILED, f"{url} answered {status} and is no control plane", "look at --url or HAKIRI_URL"
        ) from None
    end = _ENDS.get(status, Exit.USAGE if status < 500 else Exit.FAILED)  # noqa: PLR2004 - whose fault it is
    raise Stop(end, message, _ADVICE.get(status, ""))


def _events(lines: Iterable[bytes]) -> Iterator[tuple[str, Json]]:
    name, data = "message", ""
    for raw in lines:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data += value
        elif not line and data:
            yield name, json.loads(data)
            name, data = "message", ""
