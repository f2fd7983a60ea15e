"""A large object sent to an S3-compatible server in parts: memory holds one part, whatever the size."""

from __future__ import annotations

import html
import re
from contextlib import suppress
from typing import IO, TYPE_CHECKING
from xml.sax.saxutils import escape

from appliance.adapters.selfhosted.s3_requests import Refused
from appliance.core.errors import ControlError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.adapters.selfhosted.s3_requests import S3Requests

PART_BYTES = 16 << 20
_MAX_PARTS = 10_000
_UPLOAD_ID = re.compile(rb"<UploadId>([^<]+)</UploadId>")
_ETAG = re.compile(rb"<ETag>([^<]+)</ETag>")


def put_parts(
    requests: S3Requests,
    name: str,
    file: IO[bytes],
    *,
    size: int,
    headers: Mapping[str, str],
    condition: Mapping[str, str],
) -> str:
    """Write the object, if `condition` holds when its parts are joined. Returns its version.

    Raises Refused or Unavailable, with the parts taken back. A process that is killed leaves them:
    the bucket needs a rule that removes unfinished uploads.
    """
    started = requests.send("POST", name, headers=headers, query={"uploads": ""}).data
    upload = {"uploadId": _found(_UPLOAD_ID, started)}
    try:
        etags = _sent(requests, name, file, upload, part_bytes=max(PART_BYTES, -(-size // _MAX_PARTS)))
        joined = requests.send("POST", name, body=_join(etags), headers=condition, query=upload).data
    except BaseException:
        with suppress(Refused, ControlError):
            requests.send("DELETE", name, query=upload, attempts=1)
        raise
    return _found(_ETAG, joined).strip('"')


def _sent(requests: S3Requests, name: str, file: IO[bytes], upload: dict[str, str], *, part_bytes: int) -> list[str]:
    etags: list[str] = []
    while data := file.read(part_bytes):
        query = {**upload, "partNumber": str(len(etags) + 1)}
        etags.append(requests.send("PUT", name, body=data, query=query).headers.get("etag", ""))
    return etags


def _join(etags: list[str]) -> bytes:
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag></Part>"
        for number, etag in enumerate(etags, start=1)
    )
    space = "http://s3.amazonaws.com/doc/2006-03-01/"
    return f'<CompleteMultipartUpload xmlns="{space}">{parts}</CompleteMultipartUpload>'.encode()


def _found(pattern: re.Pattern[bytes], body: bytes) -> str:
    found = pattern.search(body)
    if found is None:
        raise Unavailable(f"the S3 server's answer lacks {pattern.pattern.decode()[:10]}: {body[:200]!r}")
    return html.unescape(found[1].decode())
