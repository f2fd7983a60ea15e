"""The catalog's file when its writer is killed, the disk is full or read-only, or somebody else has it locked."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from appliance.adapters.sql import local
from appliance.adapters.sql.gateway import Statement
from appliance.adapters.sql.local import LocalSql
from appliance.core.errors import Unavailable

pytestmark = pytest.mark.crash

ROOT = Path(__file__).parents[2]
CREATE = "CREATE TABLE IF NOT EXISTS kept (thread INTEGER, number INTEGER, part INTEGER) STRICT"
INSERT = "INSERT INTO kept VALUES (?, ?, ?)"

# Eight threads commit batches of two rows; a line is written once a batch is acknowledged.
_WRITER = """
import os, sys, threading
from appliance.adapters.sql.gateway import Statement
from appliance.adapters.sql.local import LocalSql

path, create, insert, first = sys.argv[1:]
gateway = LocalSql(path)
gateway.batch([Statement(create)])

def write(thread):
    for number in range(int(first), 10**9):
        gateway.batch([Statement(insert, (thread, number, part)) for part in (1, 2)])
        os.write(1, f"{thread} {number}\\n".encode())

for thread in range(8):
    threading.Thread(target=write, args=(thread,)).start()
"""


def _killed_writer(catalog: Path, *, first: int, lines: int) -> set[tuple[int, int]]:
    """Kill it somewhere after so many lines; return the batches that it was told are durable."""
    command = [sys.executable, "-c", _WRITER, str(catalog), CREATE, INSERT, str(first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline() for _ in range(lines)]
        time.sleep(random.random() * 0.02)  # noqa: S311 - anywhere in a commit
        writer.send_signal(signal.SIGKILL)
        told += writer.stdout.readlines()
    # The last line may be half a line: the writer was killed.
    whole = [line.split() for line in told if line.endswith("\n")]
    return {(int(thread), int(number)) for thread, number in whole}


def test_every_batch_that_was_acknowledged_survives_the_kill_of_its_writer_and_none_is_half(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.db"
    told: set[tuple[int, int]] = set()
    for kill in range(6):
        told |= _killed_writer(catalog, first=kill * 1_000_000, lines=20 + 30 * kill)

        gateway = LocalSql(str(catalog))
        rows = gateway.query(Statement("SELECT thread, number, count(*), sum(part) FROM kept GROUP BY 1, 2"))
        [[integrity]] = gateway.query(Statement("PRAGMA integrity_check"))
        gateway.close()

        assert told <= {(thread, number) for thread, number, *_ in rows}
        assert {(count, parts) for _, _, count, parts in rows} == {(2, 3)}
        assert integrity == "ok"


def test_a_commit_waits_for_the_disk(tmp_path: Path) -> None:
    """No kill shows a commit that only the operating system has: that takes a power failure."""
    gateway = LocalSql(str(tmp_path / "catalog.db"))
    full = 2

    assert gateway.batch([Statement("PRAGMA synchronous"), Statement("PRAGMA journal_mode")]) == [[(full,)], [("wal",)]]
    gateway.close()


_SMALL_DISK = """
mount -t tmpfs -o size=4m none "$1" && exec "$2" -c "$3" "$1" "$4" "$5"
"""

_FILL = """
import subprocess, sys, threading
from pathlib import Path
from appliance.adapters.sql.gateway import Statement
from appliance.adapters.sql.local import LocalSql
from appliance.core.errors import Unavailable

root, create, insert = Path(sys.argv[1]), *sys.argv[2:]
gateway = LocalSql(str(root / "catalog.db"))
gateway.batch([Statement(create)])
gateway.batch([Statement(insert, (0, 0, 1))])
big = root / "in-the-way"

def fill():
    with big.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass

def refused(thread, found):
    try:
        # More than fits into what SQLite had allocated before.
        gateway.batch([Statement(insert, (thread, number, 1)) for number in range(20_000)])
    except Unavailable as error:
        found.append(str(error))

def rows():
    return gateway.query(Statement("SELECT thread, count(*) FROM kept GROUP BY 1"))

fill()
for _ in range(2):
    found = []
    threads = [threading.Thread(target=refused, args=(thread, found)) for thread in range(1, 5)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    print(len(found), *set(found))
print(rows())
big.unlink()
gateway.batch([Statement(insert, (9, 9, 1))])
print(rows())
gateway.close()
subprocess.run(["mount", "-o", "remount,ro", root], check=True)
try:
    gateway = LocalSql(str(root / "catalog.db"))
    gateway.batch([Statement(insert, (0, 0, 1))])
except Unavailable as error:
    print(error)
"""


def test_a_full_disk_and_a_read_only_disk_are_told_as_such_and_pass_with_their_cause(tmp_path: Path) -> None:
    # A mount of its own, in a name space that goes with the process: it needs no root and leaves nothing.
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", _SMALL_DISK, "sh", str(tmp_path), sys.executable,
               _FILL, CREATE, INSERT]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
    full, again, kept, freed, read_only = done.stdout.splitlines()
    assert full == again == f"4 catalog {tmp_path}/catalog.db: database or disk is full"
    assert kept == "[(0, 1)]"
    assert freed == "[(0, 1), (9, 1)]"
    assert read_only == f"catalog {tmp_path}/catalog.db: unable to open database file"


def test_a_batch_waits_for_another_process_that_is_committing(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.db"
    gateway = LocalSql(str(catalog))
    gateway.batch([Statement(CREATE)])
    with closing(sqlite3.connect(catalog, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.3, other.execute, ["COMMIT"])
        timer.start()
        started = time.monotonic()

        gateway.batch([Statement(INSERT, (0, 0, 1))])

        assert time.monotonic() - started > 0.2
        timer.join()
    gateway.close()


def test_a_catalog_that_stays_locked_is_unavailable_and_works_again_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "BUSY_SECONDS", 0.2)
    catalog = tmp_path / "catalog.db"
    gateway = LocalSql(str(catalog))
    gateway.batch([Statement(CREATE)])
    with closing(sqlite3.connect(catalog, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(Unavailable, match=r"catalog\.db: database is locked"):
            gateway.batch([Statement(INSERT, (0, 0, 1))])
        assert gateway.query(Statement("SELECT count(*) FROM kept")) == [(0,)], "reading waits for nobody"

        other.execute("COMMIT")
    gateway.batch([Statement(INSERT, (0, 0, 1))])
    gateway.close()


@pytest.mark.parametrize("make", ["missing", "directory", "no database"])
def test_a_path_that_cannot_be_a_catalog_is_told_as_such(tmp_path: Path, make: str) -> None:
    path = tmp_path / "catalog.db"
    if make == "missing":
        path = tmp_path / "nowhere" / "catalog.db"
    elif make == "directory":
        path.mkdir()
    else:
        path.write_bytes(b"this is no database, however long it is. " * 100)

    with pytest.raises(Unavailable, match=str(path)):
        LocalSql(str(path))
