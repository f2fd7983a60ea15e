"""S3 over a bad line, with bad keys, without a bucket: what is tried again, and what is said."""
# ruff: noqa: F811 - a fixture that is imported has the name of the argument that asks for it

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.adapters.selfhosted.s3 import S3Objects
from appliance.adapters.selfhosted.s3_parts import PART_BYTES
from appliance.adapters.selfhosted.s3_requests import Bucket, S3Requests, bucket_address
from appliance.core.errors import Conflict, Invalid, NotFound, Unavailable
from tests.support.faults import Fault, Faults, faulty
from tests.support.s3 import SECRET_KEY, free_port, localbucket, minio
from tests.support.stores import Stores, stores  # noqa: F401 - fixtures

ATTEMPTS = 5


@pytest.fixture
def bucket(stores: Stores) -> Bucket:
    return stores.server("seaweedfs").bucket(f"b-{time.time_ns()}")


@pytest.fixture
def faults(bucket: Bucket) -> Iterator[Faults]:
    with faulty(bucket.endpoint) as found:
        yield found


@pytest.fixture
def objects(bucket: Bucket, faults: Faults) -> S3Objects:
    """Reaches the server over the bad line; has probed the server's conditions while it was good."""
    shaky = replace(bucket, endpoint=faults.endpoint)
    found = S3Objects(shaky, requests=S3Requests(shaky, sleep=lambda _: None))
    found.put("probed", b"", if_absent=True)
    faults.seen.clear()
    return found


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.CUT, Fault.LOST])
def test_a_request_that_fails_for_a_while_goes_through(objects: S3Objects, faults: Faults, fault: Fault) -> None:
    objects.put("key", b"old")

    faults.plan = deque([fault] * 4)
    objects.put("key", b"new")
    faults.plan = deque([fault] * 4)
    content = objects.get("key")
    faults.plan = deque([fault] * 4)
    keys = [info.key for info in objects.list("")]

    assert content == b"new"
    assert keys == ["key", "probed"]


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.CUT, Fault.LOST])
def test_a_request_that_keeps_failing_is_given_up_after_five_attempts(
    objects: S3Objects, faults: Faults, fault: Fault
) -> None:
    faults.always = fault

    with pytest.raises(Unavailable, match=faults.endpoint):
        objects.put("key", b"new")

    assert len(faults.seen) == ATTEMPTS


def test_an_answer_that_trying_again_cannot_change_is_not_tried_again(objects: S3Objects, faults: Faults) -> None:
    with pytest.raises(NotFound):
        objects.get("none")

    assert len(faults.seen) == 1


def test_a_writer_whose_success_was_lost_on_the_line_still_wins(objects: S3Objects, faults: Faults) -> None:
    faults.plan = deque([Fault.LOST, Fault.LOST])

    assert objects.put("_manifest.json", b"mine", if_absent=True)
    assert objects.get("_manifest.json") == b"mine"


def test_a_writer_that_was_second_does_not_win_by_a_lost_answer(objects: S3Objects, faults: Faults) -> None:
    objects.put("_manifest.json", b"the same", if_absent=True)
    faults.plan = deque([Fault.LOST, Fault.LOST])

    assert not objects.put("_manifest.json", b"the same", if_absent=True)


def test_a_change_whose_success_was_lost_on_the_line_is_a_success(objects: S3Objects, faults: Faults) -> None:
    first = objects.compare_and_set("head", b"1", expected=None)
    faults.plan = deque([Fault.LOST])

    second = objects.compare_and_set("head", b"2", expected=first)

    info = objects.head("head")
    assert info is not None
    assert info.version == second
    with pytest.raises(Conflict):
        objects.compare_and_set("head", b"3", expected=first)


@pytest.mark.parametrize("if_absent", [False, True])
def test_a_large_file_gets_through_a_bad_line_whole(
    objects: S3Objects, faults: Faults, tmp_path: Path, bucket: Bucket, *, if_absent: bool
) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(range(256)) * (2 * PART_BYTES // 256) + b"end")
    # Start, three parts, the joining: each fails once, the joining in the worst way.
    faults.plan = deque([Fault.NONE] if if_absent else [])
    faults.plan += [Fault.BUSY, Fault.NONE, Fault.CUT, Fault.NONE, Fault.LOST, Fault.NONE, Fault.NONE, Fault.LOST]

    assert objects.put_file("large", str(file), if_absent=if_absent)

    assert hashlib.sha256(objects.get("large")).digest() == hashlib.sha256(file.read_bytes()).digest()
    assert list(minio(bucket.endpoint)._list_multipart_uploads(bucket.name).uploads) == []


def test_a_large_file_that_fails_leaves_nothing(
    objects: S3Objects, faults: Faults, tmp_path: Path, bucket: Bucket
) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"x" * (2 * PART_BYTES))
    faults.plan = deque([Fault.NONE, Fault.NONE] + [Fault.BUSY] * ATTEMPTS)

    with pytest.raises(Unavailable):
        objects.put_file("large", str(file))

    assert objects.head("large") is None
    assert list(minio(bucket.endpoint)._list_multipart_uploads(bucket.name).uploads) == []


def test_a_server_that_comes_back_is_used_again(tmp_path: Path) -> None:
    port = free_port()
    with localbucket(tmp_path, port=port) as server:
        objects = S3Objects(server.bucket("bucket"))
        objects.put("key", b"old")
    with pytest.raises(Unavailable, match=f"127.0.0.1:{port}"):
        objects.check()

    wrote: list[bool] = []
    writer = threading.Thread(target=lambda: wrote.append(objects.put("key", b"new")))
    writer.start()
    with localbucket(tmp_path, port=port):
        writer.join()

        assert wrote == [True]
        assert objects.get("key") == b"new"


def test_a_check_does_not_wait_for_a_server_that_is_away(objects: S3Objects, faults: Faults) -> None:
    faults.always = Fault.BUSY

    with pytest.raises(Unavailable, match="503"):
        objects.check()

    assert len(faults.seen) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"secret_key": "wrong-but-still-secret"}, "SignatureDoesNotMatch"),
        ({"access_key": "NOBODY"}, "InvalidAccessKeyId"),
    ],
)
def test_wrong_keys_are_told_as_such_and_no_secret_is_shown(bucket: Bucket, wrong: dict[str, str], said: str) -> None:
    locked_out = replace(bucket, **wrong)  # type: ignore[arg-type]
    objects = S3Objects(locked_out)

    for use in (
        objects.check,
        lambda: objects.put("key", b""),
        lambda: objects.get("key"),
        lambda: list(objects.list("")),
    ):
        with pytest.raises(Unavailable) as failed:
            use()
        assert said in str(failed.value)
        assert "access key" in str(failed.value)
        assert "secret" not in repr(failed.value).replace("its secret", "")
    # The answer to a HEAD has no body that could say more.
    with pytest.raises(Unavailable, match="AccessDenied"):
        objects.head("key")
    assert "secret" not in repr(locked_out)
    assert SECRET_KEY not in repr(vars(objects))


def test_a_bucket_that_is_not_there_is_told_as_such(bucket: Bucket) -> None:
    objects = S3Objects(replace(bucket, name="there-is-none"))

    for use in (objects.check, lambda: objects.put("key", b""), lambda: objects.put("key", b"", if_absent=True)):
        with pytest.raises(Unavailable, match=r"bucket there-is-none at .*: there is no such bucket"):
            use()


def test_a_name_that_does_not_resolve_is_told_as_such() -> None:
    bucket = Bucket("bucket", "", "http://no-such-host.invalid", "a", "b")

    with pytest.raises(Unavailable, match=r"no-such-host\.invalid"):
        S3Objects(bucket).check()


@pytest.mark.parametrize(
    ("url", "endpoint", "expected"),
    [
        ("s3://bucket", None, ("bucket", "", "https://s3.amazonaws.com")),
        ("s3://bucket/a/b/", "http://10.0.0.1:9000/", ("bucket", "a/b", "http://10.0.0.1:9000")),
        (
            "r2://bucket/x",
            "https://r2.example",
            ("bucket", "x", "https://r2.example"),
        ),
    ],
)
def test_a_bucket_is_named_by_a_url(url: str, endpoint: str | None, expected: tuple[str, str, str]) -> None:
    assert bucket_address(url, endpoint=endpoint) == expected


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("bucket", None),
        ("http://bucket.example", None),
        ("s3://", None),
        ("s3:///prefix", None),
        ("s3://key:secret@bucket", None),
        ("s3://bucket/../up", None),
        ("s3://bucket?x=1", None),
        ("r2://bucket", None),
        ("s3://bucket", "10.0.0.1:9000"),
        ("s3://bucket", "ftp://host"),
        ("s3://bucket", "http://host/path"),
        ("s3://bucket", "http://key:secret@host"),
    ],
)
def test_a_bad_address_is_refused(url: str, endpoint: str | None) -> None:
    with pytest.raises(Invalid):
        bucket_address(url, endpoint=endpoint)
