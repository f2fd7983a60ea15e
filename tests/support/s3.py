"""Real S3 servers on this machine, started for a test and gone after it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import urllib3
from minio import Minio

from appliance.adapters.selfhosted.s3_requests import Bucket
from tests.support.tools import find

ACCESS_KEY = "AKHAKIRITEST"
SECRET_KEY = "a-secret-that-must-never-be-shown"
START_SECONDS = 60.0


class ServerDidNotStartError(Exception):
    """The S3 server that a test needs is not there; the message holds what it said."""


@dataclass(frozen=True)
class S3Server:
    """A running server. Keys are checked by SeaweedFS only."""

    endpoint: str
    pid: int

    def bucket(self, name: str, *, prefix: str = "", single_writer: bool = False) -> Bucket:
        """A new bucket, with timeouts that suit a test."""
        with suppress_exists():
            minio(self.endpoint).make_bucket(name)
        return replace(
            Bucket(name, prefix, self.endpoint, ACCESS_KEY, SECRET_KEY),
            single_writer=single_writer,
            connect_timeout=2.0,
            read_timeout=30.0,
        )


@contextmanager
def suppress_exists() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if "BucketAlreadyOwnedByYou" not in str(error):
            raise


def minio(endpoint: str) -> Minio:
    """The plain client, to look at a bucket with other eyes than the adapter's."""
    host = endpoint.removeprefix("http://")
    return Minio(host, access_key=ACCESS_KEY, secret_key=SECRET_KEY, secure=False, region="us-east-1")


@contextmanager
def seaweedfs(folder: Path, *, port: int | None = None) -> Iterator[S3Server]:
    """Checks signatures, honours every condition."""
    # Each service wants a second port for gRPC; explicit ones, or they are at a fixed distance and may be taken.
    s3, *others = [port or free_port(), *(free_port() for _ in range(9))]
    names = ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc"]
    names += ["s3.port.grpc", "s3.port.iceberg", "s3.port.lance"]
    ports = [f"-{name}={number}" for name, number in zip(names, others, strict=True)]
    command = [str(find("weed")), "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.port={s3}"]
    command += ["-webdav=false", "-admin.ui=false", "-s3.autoCreateBucket=false", *ports]
    keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    with _running(command, folder, s3, keys) as server:
        yield server


@contextmanager
def localbucket(folder: Path, *, port: int | None = None) -> Iterator[S3Server]:
    """Checks no keys; honours If-None-Match and ignores If-Match."""
    number = port or free_port()
    data = folder / "data"
    data.mkdir(exist_ok=True)
    command = [str(find("localbucket")), "--port", str(number), str(data)]
    with _running(command, folder, number, {}) as server:
        yield server


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


@contextmanager
def _running(command: list[str], folder: Path, port: int, env: dict[str, str]) -> Iterator[S3Server]:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "server.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **env}, stdout=output, stderr=output, start_new_session=True
        )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _await_ready(endpoint, process, log)
        yield S3Server(endpoint, process.pid)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _await_ready(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    client = minio(endpoint)
    client._http = urllib3.PoolManager(timeout=2.0, retries=False)
    while True:
        try:
            client.list_buckets()
        except Exception as error:
            if process.poll() is not None or time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-2000:]
                raise ServerDidNotStartError(f"{process.args!r}: {error}\n{tail}") from error
            time.sleep(0.1)
        else:
            return
