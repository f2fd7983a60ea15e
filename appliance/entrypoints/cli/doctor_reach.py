"""The doctor looks at what is reached from here: the port to listen on, the bucket, the connectors."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress

from appliance.bootstrap import Substrate
from appliance.core.connector import ReadRequest, Started
from appliance.core.errors import Conflict, ControlError
from appliance.core.objects import NotAtomic, ObjectStore
from appliance.entrypoints.cli.findings import Finding, broken, doubtful, good
from appliance.settings import Settings

START_SECONDS = 20.0

BUCKET_FIX = "look at HAKIRI_BUCKET, HAKIRI_BUCKET_ENDPOINT, HAKIRI_SYNC_KEY_ID and HAKIRI_SYNC_KEY_SECRET"
_SINGLE = "set HAKIRI_BUCKET_SINGLE_WRITER=yes if nothing else writes under the prefix, or use another S3 server"


def port(settings: Settings, holder: str | None) -> Iterator[Finding]:
    """Whether `serve` could listen; with a server running, nothing is wrong with a taken port."""
    address = f"{settings.host}:{settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            if holder is not None:
                yield good("port", f"{address} is taken, and a control plane is running")
            else:
                fix = "stop what listens there, or choose another HAKIRI_BIND"
                yield broken("port", f"cannot listen on {address}: {error.strerror}", fix)
        else:
            yield good("port", f"{address} is free")


def bucket(objects: ObjectStore) -> Iterator[Finding]:
    """Whether the bucket answers, takes a write, and honours its conditions."""
    try:
        objects.check()
    except ControlError as error:
        yield broken("bucket", f"{objects.location}: {error}", BUCKET_FIX)
        return
    yield good("bucket", f"{objects.location} can be written")
    yield _conditions(objects)


def _conditions(objects: ObjectStore) -> Finding:
    key = f"doctor/{uuid.uuid4().hex}"
    try:
        version = objects.compare_and_set(key, b"1\n", expected=None)
        objects.compare_and_set(key, b"2\n", expected=version)
        with suppress(Conflict):
            objects.compare_and_set(key, b"3\n", expected=None)
            return broken("bucket", "a conditional write overwrote an object", "use another S3 server, or report this")
    except NotAtomic as error:
        return doubtful("bucket", str(error), _SINGLE)
    except ControlError as error:
        return broken("bucket", str(error), "let the key read, write and delete under the prefix")
    finally:
        with suppress(ControlError):
            objects.delete(key)
    return good("bucket", "conditional writes are honoured, or nothing else writes under the prefix")


def connectors(substrate: Substrate) -> Iterator[Finding]:
    """Start each connector in its sandbox, up to its first instruction."""
    for name in substrate.connectors.names():
        try:
            yield _start(substrate, name)
        except ControlError as error:
            yield broken(
                "connector", f"{name}: {error}", "install it again; a .wasm needs its connector.toml beside it"
            )


def _start(substrate: Substrate, name: str) -> Finding:
    began = time.monotonic()
    request = ReadRequest("doctor", name, {}, "doctor", None, (), (), ())
    reading = substrate.connectors.open(request)
    try:
        while (left := began + START_SECONDS - time.monotonic()) > 0:
            message = reading.receive(left)
            if isinstance(message, Started):
                took = (time.monotonic() - began) * 1000
                return good("connector", f"{name} starts in its sandbox, first time {took:.0f} ms")
            if message is not None:
                return broken("connector", f"{name}: {message}", "this machine may forbid what the sandbox needs")
    finally:
        reading.close()
    return broken("connector", f"{name} did not start within {START_SECONDS:.0f} s", "look at the machine's load")
