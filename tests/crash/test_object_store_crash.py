"""A writer is killed, the disk is full, the disk is read-only: an object is whole, and the error says why."""
# ruff: noqa: F811 - a fixture that is imported has the name of the argument that asks for it

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from appliance.adapters.selfhosted.files import DirectoryObjects
from appliance.adapters.selfhosted.s3 import S3Objects
from appliance.core.errors import Unavailable
from appliance.core.objects import ObjectStore
from tests.support.stores import Stores, stores  # noqa: F401 - fixtures

pytestmark = pytest.mark.crash

ROOT = Path(__file__).parents[2]
SIZE = 4 << 20
KILLS = 6

_OPEN = """
import json, os, sys
from pathlib import Path
from appliance.adapters.selfhosted.files import DirectoryObjects
from appliance.adapters.selfhosted.s3 import S3Objects
from appliance.adapters.selfhosted.s3_requests import Bucket
from appliance.core.errors import ControlError
where = json.loads(sys.argv[1])
objects = S3Objects(Bucket(**where)) if isinstance(where, dict) else DirectoryObjects(Path(where))
"""

_WRITE = """
number = 0
while True:
    number += 1
    objects.put("key", bytes([number % 250 + 1]) * int(sys.argv[2]))
    objects.put(f"new/{number}", bytes([7]) * int(sys.argv[2]), if_absent=True)
    print(number, flush=True)
"""

_PUT_FILE = """
import resource
objects.put_file("small", sys.argv[2])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
objects.put_file("large", sys.argv[3])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.fixture(params=["directory", "seaweedfs"])
def place(request: pytest.FixtureRequest, stores: Stores) -> tuple[str, ObjectStore]:
    """What another process needs to open the store, and the store."""
    if request.param == "directory":
        directory = stores.new("directory")
        return json.dumps(directory.location), directory
    bucket = stores.server(request.param).bucket(f"b-{time.time_ns()}")
    return json.dumps(asdict(bucket)), S3Objects(bucket)


def test_a_killed_writer_leaves_the_old_object_or_the_new_one(place: tuple[str, ObjectStore]) -> None:
    where, objects = place
    chance = random.Random(20260101)  # noqa: S311 - when to kill
    for _ in range(KILLS):
        with _process(_OPEN + _WRITE, where, str(SIZE)) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline()
            time.sleep(chance.uniform(0, 0.1))
            os.kill(writer.pid, signal.SIGKILL)
            writer.wait()

        content = objects.get("key")
        assert len(content) == SIZE
        assert content == content[:1] * SIZE
        _check_new(objects)


def _check_new(objects: ObjectStore) -> None:
    """Whole, or the one that the kill cut short, which some servers (SeaweedFS at times) leave empty."""
    sizes = {info.key: info.size for info in objects.list("new/")}
    cut = [key for key, size in sizes.items() if size != SIZE]
    assert all(sizes[key] == 0 for key in cut)
    assert all(f"new/{int(key[4:]) + 1}" not in sizes for key in cut)
    for key in cut:
        objects.delete(key)
    last = max(sizes.keys() - set(cut), key=lambda key: int(key[4:]))
    assert objects.get(last) == b"\x07" * SIZE


def test_what_a_put_has_answered_for_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[str, bool]] = []
    target = tmp_path / "store" / "a" / "b" / "key"
    fsync = os.fsync

    def recorded(handle: int) -> None:
        path = str(Path(f"/proc/self/fd/{handle}").readlink())
        synced.append((path, target.exists()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", recorded)
    objects = DirectoryObjects(tmp_path / "store")

    objects.put("a/b/key", b"x")
    # The content before the name, the name before the answer, and every new folder on the way.
    assert any(path.endswith(".part") and not named for path, named in synced)
    assert synced[-1] == (str(target.parent), True)
    assert {str(target.parent.parent), str(tmp_path / "store"), str(tmp_path)} <= {path for path, _ in synced}

    for if_absent in (False, True):
        synced.clear()
        objects.put("a/b/key", b"y", if_absent=if_absent)
        # Also who is told that something is there may rely on it.
        assert synced[-1] == (str(target.parent), True)


def test_what_a_killed_writer_left_is_swept_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    objects = DirectoryObjects(tmp_path)
    objects.put("key", b"x")
    left = tmp_path / ".staging" / "0123.part"
    left.write_bytes(b"half")
    os.utime(left, (time.time() - 3700, time.time() - 3700))
    young = tmp_path / ".staging" / "4567.part"
    young.write_bytes(b"being written")

    assert objects.sweep() == 1
    assert not left.exists()
    assert young.exists()
    assert DirectoryObjects(tmp_path / "none").sweep() == 0


def test_a_large_file_is_stored_in_flat_memory(place: tuple[str, ObjectStore], tmp_path: Path) -> None:
    where, objects = place
    small, large = tmp_path / "small", tmp_path / "large"
    # One byte more than what S3 takes in one piece: the small file already goes the way of the large one.
    small.write_bytes(b"s" * ((16 << 20) + 1))
    large.write_bytes(os.urandom(1 << 20) * 64)

    with _process(_OPEN + _PUT_FILE, where, str(small), str(large)) as writer:
        output, errors = writer.communicate(timeout=120)

    assert writer.returncode == 0, errors
    assert int(output) < 16 << 10, f"{output} KiB more for 48 MiB more"
    info = objects.head("large")
    assert info is not None
    assert info.size == 64 << 20
    assert objects.get("large") == large.read_bytes()


_SMALL_DISK = """
mount -t tmpfs -o size=1m none "$1" && exec "$2" -c "$3" "$1"
"""

_FILL = """
import subprocess, sys
from pathlib import Path
from appliance.adapters.selfhosted.files import DirectoryObjects
from appliance.core.errors import Unavailable
root = Path(sys.argv[1])
objects = DirectoryObjects(root / "store")
objects.put("key", b"old")
version = objects.head("key").version
big = root / "store" / "in-the-way"
big.write_bytes(b"x" * 900_000)

def refused(use):
    try:
        use()
    except Unavailable as error:
        print(error)
    else:
        print("WRITTEN")

def uses():
    refused(lambda: objects.put("key", b"n" * 500_000))
    refused(lambda: objects.put("other", b"n" * 500_000, if_absent=True))
    refused(lambda: objects.put_file("third", str(big)))
    refused(lambda: objects.compare_and_set("key", b"n" * 500_000, expected=version))

uses()
big.unlink()
objects.check()
subprocess.run(["mount", "-o", "remount,ro", root], check=True)
refused(objects.check)
refused(lambda: objects.put("key", b"new"))
refused(lambda: objects.delete("key"))
print(sorted(info.key for info in objects.list("")), objects.get("key"), list((root / "store/.staging").glob("*.part")))
"""


def test_a_full_disk_and_a_read_only_disk_are_told_as_such_and_change_nothing(tmp_path: Path) -> None:
    # A mount of its own, in a name space that goes with the process: it needs no root and leaves nothing.
    command = [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        _SMALL_DISK,
        "sh",
        str(tmp_path),
        sys.executable,
        _FILL,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 8, lines
    assert all(f"{tmp_path}" in line and "No space left on device" in line for line in lines[:4]), lines
    assert all(f"{tmp_path}" in line and "Read-only file system" in line for line in lines[4:7]), lines
    assert lines[7] == "['key'] b'old' []"


def test_a_directory_that_cannot_be_one_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    objects = DirectoryObjects(tmp_path / "file")

    for use in (objects.check, lambda: objects.put("key", b"x"), lambda: objects.put("key", b"x", if_absent=True)):
        with pytest.raises(Unavailable, match=str(tmp_path / "file")):
            use()


@contextmanager
def _process(code: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", code, *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()
