"""Every object store that the contract holds for, each empty, over real servers that are started once."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from appliance.adapters.memory.objects import MemoryObjects
from appliance.adapters.selfhosted.files import DirectoryObjects
from appliance.adapters.selfhosted.s3 import S3Objects
from appliance.core.objects import ObjectStore
from tests.support.faults import faulty
from tests.support.s3 import S3Server, localbucket, seaweedfs

# What a store can promise differs in one point only: whether a condition on a write is decided by the server.
ATOMIC = ("memory", "directory", "seaweedfs")
EXCLUSIVE = (*ATOMIC, "localbucket")
DURABLE = ("directory", "seaweedfs", "localbucket", "deaf")
STORES = ("memory", *DURABLE)


class Stores:
    """Makes empty stores by name; servers start when first asked for and stop with the session."""

    def __init__(self, folder: Path, closing: ExitStack) -> None:
        self._folder = folder
        self._closing = closing
        self._servers: dict[str, S3Server] = {}

    def new(self, name: str, *, single_writer: bool = False) -> ObjectStore:
        match name:
            case "memory":
                return MemoryObjects()
            case "directory":
                return DirectoryObjects(self._folder / uuid.uuid4().hex)
            case _:
                bucket = self.server(name).bucket(f"b-{uuid.uuid4().hex}", prefix="a/b", single_writer=single_writer)
                return S3Objects(bucket)

    def server(self, name: str) -> S3Server:
        if name not in self._servers:
            self._servers[name] = self._started(name)
        return self._servers[name]

    def _started(self, name: str) -> S3Server:
        makers: dict[str, Callable[[Path], S3Server]] = {
            "seaweedfs": lambda folder: self._closing.enter_context(seaweedfs(folder)),
            "localbucket": lambda folder: self._closing.enter_context(localbucket(folder)),
            "deaf": lambda _: self._deaf(),
        }
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return makers[name](folder)

    def _deaf(self) -> S3Server:
        real = self.server("localbucket")
        return S3Server(self._closing.enter_context(faulty(real.endpoint, deaf=True)).endpoint, real.pid)


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with ExitStack() as closing:
        yield Stores(tmp_path_factory.mktemp("stores"), closing)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, stores: Stores) -> ObjectStore:
    return stores.new(request.param)


@pytest.fixture(params=EXCLUSIVE)
def exclusive(request: pytest.FixtureRequest, stores: Stores) -> ObjectStore:
    return stores.new(request.param)


@pytest.fixture(params=ATOMIC)
def atomic(request: pytest.FixtureRequest, stores: Stores) -> ObjectStore:
    return stores.new(request.param)
