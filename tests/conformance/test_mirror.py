"""The object store follows the revisions: whole objects, then the pointer, and nothing of a stranger is touched."""
# ruff: noqa: F811 - a fixture that is imported has the name of the argument that asks for it

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from appliance.adapters.memory.objects import MemoryObjects
from appliance.adapters.sql.local import LocalSql
from appliance.adapters.sql.migrate import migrate, read_migrations
from appliance.adapters.sql.revisions import SqlRevisions
from appliance.bootstrap import MIGRATIONS, TEAM
from appliance.core.errors import Unavailable
from appliance.core.objects import NotAtomic, ObjectInfo, ObjectStore
from appliance.core.revision import NewRevision
from appliance.services.mirror import BATCH, POINTER, ForeignManifest, Mirror, manifest_key
from tests.support.rows import NOW, noted
from tests.support.stores import Stores, atomic, stores  # noqa: F401 - fixtures

pytestmark = pytest.mark.conformance


@pytest.fixture
def revisions() -> Iterator[SqlRevisions]:
    gateway = LocalSql(":memory:")
    migrate(gateway, read_migrations(MIGRATIONS), NOW)
    yield SqlRevisions(gateway, TEAM)
    gateway.close()


def _add(revisions: SqlRevisions, *, times: int = 1) -> None:
    for _ in range(times):
        number = revisions.head_number() or 0
        new = NewRevision(number, f"digest {number}", f'# {number + 1}, "ü"\n', {"pipeline": []}, {}, "alice", NOW)
        revisions.add(new, [], noted("config.apply"))


def _everything(store: ObjectStore) -> dict[str, bytes]:
    return {info.key: store.get(info.key) for info in store.list("manifests/")}


class Hooked:
    """A store with something that happens before one of its calls."""

    def __init__(self, store: ObjectStore, name: str, hook: Callable[[], None]) -> None:
        self._store, self._called, self._hook = store, name, hook

    def __getattr__(self, name: str) -> object:
        if name == self._called:
            hook, self._hook = self._hook, lambda: None
            hook()
        return getattr(self._store, name)


def test_each_revision_is_an_object_and_the_pointer_is_a_bare_number(
    revisions: SqlRevisions, atomic: ObjectStore
) -> None:
    _add(revisions, times=3)

    assert Mirror(revisions, atomic)() == 3

    assert _everything(atomic) == {
        "manifests/manifest@current": b"3",
        "manifests/manifest@v1.toml": '# 1, "ü"\n'.encode(),
        "manifests/manifest@v2.toml": '# 2, "ü"\n'.encode(),
        "manifests/manifest@v3.toml": '# 3, "ü"\n'.encode(),
    }


def test_it_goes_on_where_it_was_also_in_another_process(revisions: SqlRevisions, atomic: ObjectStore) -> None:
    mirror = Mirror(revisions, atomic)
    for _ in range(2):
        _add(revisions)
        mirror()
    _add(revisions)

    assert Mirror(revisions, atomic)() == 3
    assert mirror() == 3
    assert atomic.get(POINTER) == b"3"


def test_nothing_is_written_while_nothing_is_applied_and_nothing_twice(revisions: SqlRevisions) -> None:
    store = MemoryObjects()
    mirror = Mirror(revisions, store)

    assert mirror() == 0
    assert _everything(store) == {}
    _add(revisions)
    mirror()
    versions = [info.version for info in store.list("manifests/")]
    mirror()
    assert Mirror(revisions, store)() == 1
    assert [info.version for info in store.list("manifests/")] == versions


def test_a_long_way_is_gone_in_steps_that_are_kept(revisions: SqlRevisions) -> None:
    _add(revisions, times=BATCH + 2)
    store = MemoryObjects()

    assert Mirror(revisions, store)() == BATCH + 2
    assert store.get(POINTER) == str(BATCH + 2).encode()
    assert len(_everything(store)) == BATCH + 3


@pytest.mark.parametrize(
    "body", [b"", b"0", b"-1", b"01", b"1\n", b" 1", b"1.0", b"v1", b"\xff", b"9" * 17, b"1" * 5000]
)
def test_a_pointer_that_is_no_number_is_refused_and_left_alone(revisions: SqlRevisions, body: bytes) -> None:
    _add(revisions)
    store = MemoryObjects()
    store.put(POINTER, body)
    mirror = Mirror(revisions, store)

    with pytest.raises(ForeignManifest, match="is no revision number"):
        mirror()

    assert _everything(store) == {POINTER: body}
    assert not mirror.attempt()
    assert mirror.problem is not None
    assert mirror.problem.startswith("foreign_manifest: memory://")


def test_a_pointer_ahead_of_the_catalog_is_refused_and_left_alone(revisions: SqlRevisions, atomic: ObjectStore) -> None:
    _add(revisions)
    atomic.put(POINTER, b"7")

    with pytest.raises(ForeignManifest, match="names revision 7, the catalog has 1"):
        Mirror(revisions, atomic)()

    assert _everything(atomic) == {POINTER: b"7"}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_another_manifest_under_our_number_is_refused_and_left_alone(
    revisions: SqlRevisions, atomic: ObjectStore, number: int
) -> None:
    _add(revisions, times=3)
    atomic.put(manifest_key(number), b"of somebody else")

    with pytest.raises(ForeignManifest, match=f"v{number}.toml differs from revision {number}"):
        Mirror(revisions, atomic)()

    assert atomic.get(manifest_key(number)) == b"of somebody else"
    assert atomic.head(POINTER) is None


def test_a_pointer_to_a_manifest_of_somebody_else_is_refused_though_we_are_ahead(
    revisions: SqlRevisions, atomic: ObjectStore
) -> None:
    _add(revisions, times=3)
    atomic.put(manifest_key(2), b"of somebody else")
    atomic.put(POINTER, b"2")

    with pytest.raises(ForeignManifest):
        Mirror(revisions, atomic)()

    assert _everything(atomic) == {manifest_key(2): b"of somebody else", POINTER: b"2"}


def test_no_reader_ever_finds_a_pointer_without_its_object(revisions: SqlRevisions) -> None:
    _add(revisions, times=2)
    store = MemoryObjects()
    seen: list[list[str]] = []
    hooked = Hooked(store, "compare_and_set", lambda: seen.append(sorted(_everything(store))))

    Mirror(revisions, hooked)()  # type: ignore[arg-type]

    assert seen == [[manifest_key(1), manifest_key(2)]]


def test_an_apply_during_a_call_is_mirrored_by_either(revisions: SqlRevisions) -> None:
    """The pointer was moved by a call that began later; this one neither takes it back nor for a stranger's."""
    _add(revisions)
    store = MemoryObjects()

    def meanwhile() -> None:
        _add(revisions)
        Mirror(revisions, store)()

    for name in ("head", "get", "compare_and_set"):
        hooked = Hooked(store, name, meanwhile)
        Mirror(revisions, hooked)()  # type: ignore[arg-type]
        assert store.get(POINTER) == str(revisions.head_number()).encode()


def test_many_calls_at_once_agree(revisions: SqlRevisions, atomic: ObjectStore) -> None:
    _add(revisions, times=5)
    barrier = Barrier(4)

    def call() -> int:
        barrier.wait(10)
        return Mirror(revisions, atomic)()

    with ThreadPoolExecutor(4) as pool:
        assert [future.result() for future in [pool.submit(call) for _ in range(4)]] == [5, 5, 5, 5]
    assert atomic.get(POINTER) == b"5"


def test_a_store_that_is_down_is_told_and_caught_up_with_later(revisions: SqlRevisions) -> None:
    store = MemoryObjects()

    def fail() -> None:
        raise Unavailable("the disk is full")

    mirror = Mirror(revisions, Hooked(store, "put", fail))  # type: ignore[arg-type]
    _add(revisions, times=2)

    assert not mirror.attempt()
    assert (mirror.problem, mirror.behind()) == ("unavailable: the disk is full", 2)
    assert mirror.attempt()
    assert (mirror.problem, mirror.behind()) == (None, 0)
    assert store.get(POINTER) == b"2"


def test_a_store_that_cannot_compare_is_not_written_blindly(revisions: SqlRevisions, stores: Stores) -> None:
    """It honours no condition: only with the word of the operator that there is one writer is the pointer moved."""
    _add(revisions)
    store = stores.new("deaf")

    with pytest.raises(NotAtomic, match="HAKIRI_BUCKET_SINGLE_WRITER"):
        Mirror(revisions, store)()
    assert store.head(POINTER) is None

    alone = stores.new("deaf", single_writer=True)
    Mirror(revisions, alone)()
    _add(revisions)
    Mirror(revisions, alone)()
    assert alone.get(POINTER) == b"2"


def test_the_pointer_may_vanish_between_two_looks(revisions: SqlRevisions) -> None:
    _add(revisions)
    store = MemoryObjects()
    Mirror(revisions, store)()
    _add(revisions)

    Mirror(revisions, Hooked(store, "get", lambda: store.delete(POINTER)))()  # type: ignore[arg-type]

    assert store.get(POINTER) == b"2"
    assert isinstance(store.head(POINTER), ObjectInfo)
