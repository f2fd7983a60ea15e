"""The object store in a bucket of any S3-compatible server."""

from __future__ import annotations

import io
import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from appliance.adapters.selfhosted.s3_parts import PART_BYTES, put_parts
from appliance.adapters.selfhosted.s3_requests import Bucket, Refused, S3Requests
from appliance.core.errors import Conflict, ControlError, Invalid, NotFound, Unavailable
from appliance.core.objects import NotAtomic, ObjectInfo, is_valid_key, valid_key, valid_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STAGING = ".staging"
_NONCE = "x-amz-meta-hakiri-write"
_PRECONDITION_FAILED = 412
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict"}


@dataclass(frozen=True, slots=True)
class _Conditions:
    """Which conditions the server honours on a PUT. Half of the servers ignore them and overwrite."""

    if_absent: bool
    if_match: bool


class S3Objects:
    """Objects under a prefix of a bucket.

    Where the server ignores `If-None-Match`, `if_absent` looks first and then writes. That is enough for what
    this control plane writes so: part keys carry a digest of their bytes, and a run manifest is written by the
    holder of the run's lease, so two writers that both see nothing write the same. `compare_and_set` has no
    such excuse: there it raises NotAtomic, unless the operator said `single_writer`.
    """

    def __init__(self, bucket: Bucket, *, requests: S3Requests | None = None) -> None:
        self._bucket = bucket
        self._root = f"{bucket.prefix}/" if bucket.prefix else ""
        self._requests = requests or S3Requests(bucket)
        self._known: _Conditions | None = None
        self._lock = threading.Lock()

    @property
    def location(self) -> str:
        return f"s3://{self._bucket.name}/{self._bucket.prefix}".rstrip("/")

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> bool:
        return self._put(key, io.BytesIO(data), len(data), if_absent=if_absent)

    def put_file(self, key: str, path: str, *, if_absent: bool = False) -> bool:
        valid_key(key)
        try:
            with Path(path).open("rb") as file:
                size = file.seek(0, io.SEEK_END)
                file.seek(0)
                return self._put(key, file, size, if_absent=if_absent)
        except (FileNotFoundError, IsADirectoryError):
            raise NotFound(f"no file to store at {path}") from None
        except OSError as error:
            raise Unavailable(f"{path}: {error.strerror or error}") from error

    def get(self, key: str) -> bytes:
        name = self._name(key)
        try:
            return self._requests.send("GET", name).data
        except Refused as refused:
            raise self._requests.error(refused, key) from None

    def head(self, key: str) -> ObjectInfo | None:
        found = self._head(self._name(key))
        return None if found is None else ObjectInfo(key, int(found.get("content-length", "0")), _etag(found))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        # Not every server sorts: SeaweedFS lists folder by folder, which puts "a/b" before "a-b".
        found = sorted(self._pages(self._root + valid_prefix(prefix)), key=lambda info: info.key)
        return iter(found)

    def delete(self, key: str) -> None:
        try:
            self._requests.send("DELETE", self._name(key))
        except Refused as refused:
            error = self._requests.error(refused, key)
            if not isinstance(error, NotFound):
                raise error from None

    def compare_and_set(self, key: str, data: bytes, *, expected: str | None) -> str:
        name = self._name(key)
        if len(data) > PART_BYTES:
            raise Invalid(f"object {key}: {len(data)} bytes; what is compared and set has at most {PART_BYTES}")
        known = self._conditions()
        if known.if_absent if expected is None else known.if_match:
            condition = {"If-None-Match": "*"} if expected is None else {"If-Match": f'"{expected}"'}
            version = self._put_whole(name, data, condition)
        else:
            version = self._compare_first(key, name, data, expected)
        if version is None:
            raise Conflict(f"object {key}: is no longer at version {expected}")
        return version

    def check(self) -> None:
        # One attempt: who asks for health wants to hear of an outage now.
        try:
            self._requests.send("PUT", f"{self._root}{_STAGING}/check", body=b"hakiri\n", attempts=1)
        except Refused as refused:
            raise self._requests.error(refused, "check") from None

    def _put(self, key: str, file: IO[bytes], size: int, *, if_absent: bool) -> bool:
        name = self._name(key)
        condition: dict[str, str] = {}
        if if_absent:
            if self._conditions().if_absent and size <= PART_BYTES:
                condition = {"If-None-Match": "*"}
            elif self._head(name) is not None:
                return False
            elif self._conditions().if_absent:
                # Not every server that honours it on a PUT does so here; the look above then has to do.
                condition = {"If-None-Match": "*"}
        if size <= PART_BYTES:
            return self._put_whole(name, file.read(), condition) is not None
        return self._put_parts(name, file, size, condition) is not None

    def _put_whole(self, name: str, data: bytes, condition: dict[str, str]) -> str | None:
        """The new version, or None if the condition did not hold."""
        nonce = uuid.uuid4().hex
        try:
            return _etag(self._requests.send("PUT", name, body=data, headers={_NONCE: nonce, **condition}).headers)
        except Refused as refused:
            if condition and (refused.code in _CHANGED or refused.status in {404, _PRECONDITION_FAILED}):
                return self._won_earlier(name, nonce, refused)
            raise self._requests.error(refused, name) from None

    def _won_earlier(self, name: str, nonce: str, refused: Refused) -> str | None:
        # The first try may have been written although its answer was lost: then what is in the way is ours.
        if refused.code == "NoSuchBucket":
            raise self._requests.error(refused, name) from None
        found = self._head(name) if refused.attempt > 1 else None
        return _etag(found) if found is not None and found.get(_NONCE) == nonce else None

    def _put_parts(self, name: str, file: IO[bytes], size: int, condition: dict[str, str]) -> str | None:
        nonce = uuid.uuid4().hex
        try:
            return put_parts(self._requests, name, file, size=size, headers={_NONCE: nonce}, condition=condition)
        except Refused as refused:
            # An upload that is gone at a second try was finished by the first.
            if refused.code == "NoSuchUpload" or (condition and refused.code in _CHANGED):
                version = self._won_earlier(name, nonce, refused)
                if version or refused.code in _CHANGED:
                    return version
            raise self._requests.error(refused, name) from None

    def _compare_first(self, key: str, name: str, data: bytes, expected: str | None) -> str | None:
        if not self._bucket.single_writer:
            raise NotAtomic(
                f"{self._bucket.endpoint} ignores conditional writes, so {key} cannot be changed safely; use a server "
                "that honours If-Match, or set HAKIRI_BUCKET_SINGLE_WRITER=yes if nothing else writes to this bucket"
            )
        with self._lock:
            found = self._head(name)
            if (_etag(found) if found is not None else None) != expected:
                return None
            return self._put_whole(name, data, {})

    def _head(self, name: str) -> Mapping[str, str] | None:
        try:
            return self._requests.send("HEAD", name).headers
        except Refused as refused:
            error = self._requests.error(refused, name)
            if isinstance(error, NotFound):
                return None
            raise error from None

    def _pages(self, prefix: str) -> Iterator[ObjectInfo]:
        from minio.datatypes import parse_list_objects  # noqa: PLC0415 - minio only where used

        query = {"list-type": "2", "delimiter": "", "encoding-type": "url", "max-keys": "1000", "prefix": prefix}
        more = True
        while more:
            try:
                response = self._requests.send("GET", None, query=query)
            except Refused as refused:
                raise self._requests.error(refused, prefix) from None
            objects, more, token, _ = parse_list_objects(response)
            query["continuation-token"] = token or ""
            for item in objects:
                key = (item.object_name or "")[len(self._root) :]
                if is_valid_key(key):
                    yield ObjectInfo(key, item.size or 0, (item.etag or "").strip('"'))

    def _conditions(self) -> _Conditions:
        if self._known is None:
            try:
                self._known = self._probed(f"{self._root}{_STAGING}/probe-{uuid.uuid4().hex}")
            except Refused as refused:
                raise self._requests.error(refused, "probe") from None
        return self._known

    def _probed(self, name: str) -> _Conditions:
        try:
            self._requests.send("PUT", name, body=b"1\n")
            return _Conditions(
                if_absent=self._is_refused(name, {"If-None-Match": "*"}),
                if_match=self._is_refused(name, {"If-Match": '"00000000000000000000000000000000"'}),
            )
        finally:
            with suppress(Refused, ControlError):
                self._requests.send("DELETE", name, attempts=1)

    def _is_refused(self, name: str, condition: dict[str, str]) -> bool:
        try:
            self._requests.send("PUT", name, body=b"2\n", headers=condition)
        except Refused as refused:
            if refused.code in _CHANGED or refused.status == _PRECONDITION_FAILED:
                return True
            # A server that does not know the header may say so instead.
            if refused.status in {400, 501}:
                return False
            raise
        return False

    def _name(self, key: str) -> str:
        return self._root + valid_key(key)


def _etag(headers: Mapping[str, str]) -> str:
    return headers.get("etag", "").strip('"')
