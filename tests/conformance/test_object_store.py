"""One contract, every object store."""
# ruff: noqa: F811 - a fixture that is imported has the name of the argument that asks for it

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from appliance.core.errors import Conflict, Invalid, NotFound
from appliance.core.objects import NotAtomic, ObjectStore
from tests.support.stores import Stores, atomic, exclusive, store, stores  # noqa: F401 - fixtures

pytestmark = pytest.mark.conformance

# Characters that some client, server or file system treats in its own way, and the longest segment.
HARD_KEYS = [
    "orders@20260101T120000Z-1/node.1/part-00000-0123456789abcdef.parquet",
    "a b", "a+b", "a%20b", "a%", "a&b=c", "q?x", "h#h", "a;b,c", "~", "*", "[x]", "{y}", "'", '"', "<x>", "$(id)",
    "é/ü", "e\u0301", "日本/語", "🦆", "_manifest.json", "-", "a:b", "a=1/b=2", "Case", "case",
    "y" * 255, "z/" * 50 + "z",
]  # fmt: skip
BAD_KEYS = [
    "", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", ".", "./a", "a/.", ".staging/x", ".hidden", "a\nb", "a\0b",
    "a\\b", "x" * 513, "y" * 256, "é" * 300, "\ud800",
]  # fmt: skip


def test_what_was_put_is_what_is_got(store: ObjectStore) -> None:
    assert store.put("a/b", b"one")
    assert store.put("a/b", b"two")

    assert store.get("a/b") == b"two"


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    store.put("empty", b"")

    info = store.head("empty")
    assert store.get("empty") == b""
    assert info is not None
    assert info.size == 0


def test_what_is_not_there_is_not_found(store: ObjectStore) -> None:
    store.put("a/b", b"one")

    for key in ("c", "a", "a/b/c"):
        assert store.head(key) is None
        with pytest.raises(NotFound, match=key):
            store.get(key)


def test_if_absent_leaves_what_is_there(store: ObjectStore) -> None:
    assert store.put("key", b"first", if_absent=True)
    assert not store.put("key", b"second", if_absent=True)

    assert store.get("key") == b"first"


def test_a_deleted_object_is_gone_and_may_be_deleted_again(store: ObjectStore) -> None:
    store.put("a/b/c", b"1")
    store.put("a/d", b"2")

    store.delete("a/b/c")
    store.delete("a/b/c")
    store.delete("never/was")

    assert [info.key for info in store.list("")] == ["a/d"]
    assert store.put("a/b/c", b"3", if_absent=True)


def test_a_file_is_stored_and_stays(store: ObjectStore, tmp_path: Path) -> None:
    file = tmp_path / "part"
    file.write_bytes(b"rows")

    assert store.put_file("a/part", str(file))
    assert not store.put_file("a/part", str(file), if_absent=True)
    file.write_bytes(b"other rows")

    assert store.get("a/part") == b"rows"
    assert file.exists()


def test_a_file_that_is_not_there_is_not_found(store: ObjectStore, tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(NotFound, match=str(path)):
            store.put_file("key", str(path))
    assert store.head("key") is None


@pytest.mark.parametrize("key", HARD_KEYS, ids=range(len(HARD_KEYS)))
def test_a_hard_key_names_its_object_and_no_other(store: ObjectStore, key: str) -> None:
    store.put(key, key.encode())

    info = store.head(key)
    assert store.get(key) == key.encode()
    assert info is not None
    assert (info.key, info.size) == (key, len(key.encode()))
    assert list(store.list("")) == [info]
    assert list(store.list(key)) == [info]


def test_all_hard_keys_stand_beside_each_other(store: ObjectStore) -> None:
    for key in HARD_KEYS:
        store.put(key, key.encode())

    assert [info.key for info in store.list("")] == sorted(HARD_KEYS)
    assert all(store.get(key) == key.encode() for key in HARD_KEYS)


@pytest.mark.parametrize("key", BAD_KEYS, ids=range(len(BAD_KEYS)))
def test_a_bad_key_is_refused_everywhere(store: ObjectStore, key: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    uses: list[Callable[[], object]] = [
        lambda: store.put(key, b"x"),
        lambda: store.put(key, b"x", if_absent=True),
        lambda: store.put_file(key, str(file)),
        lambda: store.get(key),
        lambda: store.head(key),
        lambda: store.delete(key),
        lambda: store.compare_and_set(key, b"x", expected=None),
    ]

    for use in uses:
        with pytest.raises(Invalid, match="object key"):
            use()
    assert list(store.list("")) == []


@pytest.mark.parametrize("prefix", ["/", "../", "a/../", "a//", ".staging/", ".s", "a\n", "x" * 513])
def test_a_bad_prefix_is_refused(store: ObjectStore, prefix: str) -> None:
    with pytest.raises(Invalid):
        list(store.list(prefix))


def test_a_prefix_is_plain_text_and_a_listing_is_sorted(store: ObjectStore) -> None:
    for key in ("a/b", "a-b", "a.", "ab/c/d", "ab/c-d", "b"):
        store.put(key, b"x")

    assert [info.key for info in store.list("")] == ["a-b", "a.", "a/b", "ab/c-d", "ab/c/d", "b"]
    assert [info.key for info in store.list("a")] == ["a-b", "a.", "a/b", "ab/c-d", "ab/c/d"]
    assert [info.key for info in store.list("ab/c")] == ["ab/c-d", "ab/c/d"]
    assert [info.key for info in store.list("a/")] == ["a/b"]
    assert list(store.list("none/")) == []
    assert list(store.list("a/b/")) == []


def test_a_listing_goes_on_past_the_first_page(store: ObjectStore) -> None:
    keys = [f"n/{number:04d}" for number in range(1_003)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.put(key, b"x"), keys))

    assert [info.key for info in store.list("n/")] == keys


def test_an_object_is_changed_only_by_who_knows_its_version(atomic: ObjectStore) -> None:
    first = atomic.compare_and_set("head", b"1", expected=None)
    second = atomic.compare_and_set("head", b"2", expected=first)

    with pytest.raises(Conflict, match="head"):
        atomic.compare_and_set("head", b"lost", expected=first)
    with pytest.raises(Conflict, match="head"):
        atomic.compare_and_set("head", b"lost", expected=None)
    with pytest.raises(Conflict, match="never"):
        atomic.compare_and_set("never/was", b"lost", expected=first)

    info = atomic.head("head")
    assert info is not None
    assert info.version == second
    assert atomic.get("head") == b"2"


def test_of_sixteen_writers_exactly_one_finds_nothing(exclusive: ObjectStore) -> None:
    start = Barrier(16)

    def write(number: int) -> bool:
        start.wait()
        return exclusive.put("tables/t/_manifest.json", b"%d" % number, if_absent=True)

    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(write, range(16)))

    assert won.count(True) == 1
    assert exclusive.get("tables/t/_manifest.json") == b"%d" % won.index(True)


def test_no_increment_is_lost_between_eight_writers(atomic: ObjectStore) -> None:
    def increment() -> None:
        while True:
            info = atomic.head("counter")
            value = int(atomic.get("counter")) if info else 0
            try:
                atomic.compare_and_set("counter", b"%d" % (value + 1), expected=info.version if info else None)
            except Conflict:
                continue
            return

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(increment) for _ in range(40)]:
            done.result()

    assert atomic.get("counter") == b"40"


@pytest.mark.parametrize("name", ["localbucket", "deaf"])
def test_a_server_that_ignores_conditions_is_not_trusted_to_compare_and_set(stores: Stores, name: str) -> None:
    careful = stores.new(name)
    careful.put("head", b"1")
    info = careful.head("head")
    assert info is not None

    with pytest.raises(NotAtomic, match="ignores conditional writes"):
        careful.compare_and_set("head", b"2", expected=info.version)
    assert careful.get("head") == b"1"


@pytest.mark.parametrize("name", ["localbucket", "deaf"])
def test_a_single_writer_may_compare_and_set_on_any_server(stores: Stores, name: str) -> None:
    alone = stores.new(name, single_writer=True)

    first = alone.compare_and_set("head", b"1", expected=None)
    alone.compare_and_set("head", b"2", expected=first)

    with pytest.raises(Conflict):
        alone.compare_and_set("head", b"lost", expected=first)
    assert alone.get("head") == b"2"


@pytest.mark.parametrize("name", ["memory", "directory"])
def test_a_key_is_not_a_folder_of_another_where_the_store_notices(stores: Stores, name: str) -> None:
    noticing = stores.new(name)
    noticing.put("a/b", b"1")

    for key in ("a", "a/b/c"):
        with pytest.raises(Conflict):
            noticing.put(key, b"2")
        with pytest.raises(Conflict):
            noticing.put(key, b"2", if_absent=True)
    assert [info.key for info in noticing.list("")] == ["a/b"]


def test_a_store_that_can_be_written_passes_its_check_and_shows_nothing_of_it(store: ObjectStore) -> None:
    store.check()

    assert list(store.list("")) == []


def test_a_store_names_a_place(stores: Stores) -> None:
    assert Path(stores.new("directory").location).is_absolute()
    assert stores.new("seaweedfs").location.startswith("s3://b-")
    assert stores.new("seaweedfs").location.endswith("/a/b")
