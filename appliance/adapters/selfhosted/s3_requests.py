"""Requests to an S3-compatible server: signed by minio, bounded in time, tried again, their errors ours."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from appliance.core.errors import ControlError, Invalid, NotFound, Unavailable
from appliance.core.objects import valid_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from minio import Minio
    from urllib3 import BaseHTTPResponse

_AWS = "https://s3.amazonaws.com"
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 5.0
_CREDENTIALS = {
    "AccessDenied",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
}
_TRANSIENT = {"ConditionalRequestConflict", "OperationAborted", "RequestTimeout", "SlowDown", "SlowDownWrite"}


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where the objects are and how to get in. Times are in seconds; `attempts` counts the first.

    `single_writer` is the operator's word that nothing but this control plane writes under the prefix; it is
    needed where the server ignores conditional writes.
    """

    name: str
    prefix: str
    endpoint: str
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    region: str = "us-east-1"
    ca_file: str | None = None
    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    attempts: int = 5
    single_writer: bool = False


def bucket_address(url: str, *, endpoint: str | None) -> tuple[str, str, str]:
    """Name, prefix and endpoint of `s3://name/prefix` or `r2://name/prefix`. Raises Invalid.

    Without an endpoint `s3://` is AWS; `r2://` needs the account's, https://<account>.r2.cloudflarestorage.com.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"s3", "r2"} or not parts.netloc or parts.query or parts.fragment or "@" in parts.netloc:
        raise Invalid(f"bucket {url[:200]!r}: must be s3://bucket/prefix or r2://bucket/prefix")
    if not endpoint and parts.scheme == "r2":
        raise Invalid(f"bucket {url[:200]!r}: needs an endpoint, https://<account>.r2.cloudflarestorage.com")
    prefix = parts.path.strip("/")
    return parts.netloc, valid_key(prefix) if prefix else "", _checked_endpoint(endpoint or _AWS)


def _checked_endpoint(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/") or "@" in parts.netloc:
        raise Invalid(f"S3 endpoint {endpoint[:200]!r}: must be http://host:port or https://host:port")
    return f"{parts.scheme}://{parts.netloc}"


class Refused(Exception):
    """The server answered with this S3 error code. `attempt` > 1: an earlier try may have taken effect."""

    def __init__(self, code: str, message: str, *, status: int, attempt: int) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.status = status
        self.attempt = attempt


class S3Requests:
    """Sends one request at a time to one bucket, path style; safe for several threads."""

    def __init__(self, bucket: Bucket, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._bucket = bucket
        self._sleep = sleep
        self._client = _connect(bucket)

    def send(
        self,
        method: str,
        name: str | None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        attempts: int | None = None,
    ) -> BaseHTTPResponse:
        """Raises Refused for an S3 error, Unavailable when the server did not answer within all attempts."""
        last = attempts or self._bucket.attempts
        attempt = 1
        while True:
            problem = self._try(method, name, body, dict(headers or {}), dict(query or {}))
            if not isinstance(problem, _Problem):
                return problem
            if problem.transient and attempt < last:
                # Full jitter: workers that failed together must not come back together.
                self._sleep(random.uniform(0, min(_LONGEST_DELAY, _FIRST_DELAY * 2**attempt)))  # noqa: S311
                attempt += 1
                continue
            if problem.status:
                raise Refused(problem.code, problem.message, status=problem.status, attempt=attempt)
            raise Unavailable(f"{self._bucket.endpoint}: {problem.message}")

    def error(self, refused: Refused, name: str) -> ControlError:
        """What the refusal means to our callers. No secret is in the text."""
        where = f"bucket {self._bucket.name} at {self._bucket.endpoint}"
        if refused.code == "NoSuchBucket":
            return Unavailable(f"{where}: there is no such bucket")
        if refused.status == 404:  # noqa: PLR2004
            return NotFound(f"no object {name} in {where}")
        if refused.code in _CREDENTIALS or refused.status in {401, 403}:
            return Unavailable(
                f"{where}: refused with {refused.code}; check the access key, its secret, its rights, and the clock"
            )
        return Unavailable(f"{where}: {refused}")

    def _try(
        self, method: str, name: str | None, body: bytes | None, headers: dict[str, str], query: dict[str, str]
    ) -> BaseHTTPResponse | _Problem:
        from minio.error import InvalidResponseError, S3Error, ServerError  # noqa: PLC0415 - 21 MB, only where used
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        try:
            # minio's put_object takes no conditions; this is the request below it.
            response = self._client._execute(  # noqa: SLF001
                method, self._bucket.name, name, body=body, headers=dict(headers), query_params=dict(query)
            )
        except S3Error as error:
            return _problem(error.code or "", error.message or "", error.response.status)
        except InvalidResponseError as error:
            return _problem("", _short(str(error)), int(error._code))  # noqa: SLF001 - it has no other name
        except ServerError as error:
            return _problem("", _short(str(error)), error.status_code)
        except (HTTPError, OSError) as error:
            return _Problem("", f"{type(error).__name__}: {_short(str(error))}", 0, transient=True)
        # Long work may fail after the status line: then S3 says 200 and puts the error into the body.
        if method == "POST" and b"<Error>" in response.data[:1024]:
            return _problem("InternalError", _short(response.data.decode(errors="replace")), 500)
        return response


@dataclass(frozen=True, slots=True)
class _Problem:
    code: str
    message: str
    status: int
    transient: bool


def _problem(code: str, message: str, status: int) -> _Problem:
    # 501 is an answer: the server will never know this.
    transient = (status >= 500 and status != 501) or status == 429 or code in _TRANSIENT  # noqa: PLR2004
    return _Problem(code or f"HTTP {status}", _short(message), status, transient)


def _short(text: str) -> str:
    return " ".join(text.split())[:300]


def _connect(bucket: Bucket) -> Minio:
    import urllib3  # noqa: PLC0415 - 21 MB with minio, only where used
    from minio import Minio  # noqa: PLC0415

    parts = urlsplit(bucket.endpoint)
    try:
        client = Minio(
            endpoint=parts.netloc,
            access_key=bucket.access_key,
            secret_key=bucket.secret_key,
            session_token=bucket.session_token,
            secure=parts.scheme == "https",
            region=bucket.region,
            http_client=urllib3.PoolManager(
                timeout=urllib3.Timeout(connect=bucket.connect_timeout, read=bucket.read_timeout),
                maxsize=16,
                retries=False,
                cert_reqs="CERT_REQUIRED",
                ca_certs=bucket.ca_file,
            ),
        )
    except ValueError as error:
        raise Invalid(f"bucket {bucket.name} at {bucket.endpoint}: {error}") from None
    client.disable_virtual_style_endpoint()  # type: ignore[no-untyped-call]  # minio left it untyped
    return client
