"""The log of a draft's document when its writer is killed, or the disk is full."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance.adapters.sql.drafts import SqlDrafts
from appliance.adapters.sql.gateway import Statement
from appliance.adapters.sql.local import LocalSql
from appliance.adapters.sql.migrate import migrate, read_migrations
from appliance.bootstrap import MIGRATIONS, TEAM
from appliance.core.draft import Content
from tests.support.draft_rows import FIRST, new_epoch
from tests.support.rows import NOW, noted

pytestmark = pytest.mark.crash

ROOT = Path(__file__).parents[2]

# Appends one to nine updates a call, some of them in pieces, and folds the log now and then: a line is written once
# a call is acknowledged. The text of an update, and that of a snapshot, tell its number.
_WRITER = """
import os, sys
from appliance.adapters.sql.drafts import SqlDrafts
from appliance.adapters.sql.local import LocalSql
from tests.support.draft_rows import FIRST, update

drafts = SqlDrafts(LocalSql(sys.argv[1]), "team")
content = drafts.content(FIRST)
seq = content.updates[-1].seq if content.updates else content.seq
for call in range(10**9):
    count = call % 9 + 1
    length = 1_600_000 if call % 40 == 7 else 100
    drafts.append(FIRST, [update(seq + n, str(seq + n).encode().ljust(length)) for n in range(1, count + 1)])
    seq += count
    os.write(1, f"{seq}\\n".encode())
    if call % 5 == 4:
        drafts.compact(FIRST, seq=seq - 2, snapshot=str(seq - 2).encode(), waiting=b"", spans=[])
"""


def _begun(catalog: Path) -> None:
    gateway = LocalSql(str(catalog))
    migrate(gateway, read_migrations(MIGRATIONS), NOW)
    SqlDrafts(gateway, TEAM).create(new_epoch(snapshot=b"0"), noted())
    gateway.close()


def _killed_writer(catalog: Path, *, lines: int) -> int:
    """Kill it somewhere after so many calls; return the newest number that it was told is durable."""
    command = [sys.executable, "-c", _WRITER, str(catalog)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline() for _ in range(lines)]
        time.sleep(random.random() * 0.02)  # noqa: S311 - anywhere in a commit
        writer.send_signal(signal.SIGKILL)
        told += writer.stdout.readlines()
    # The last line may be half a line: the writer was killed.
    return int([line for line in told if line.endswith("\n")][-1])


def _read(catalog: Path) -> tuple[Content, str]:
    gateway = LocalSql(str(catalog))
    content = SqlDrafts(gateway, TEAM).content(FIRST)
    [[integrity]] = gateway.query(Statement("PRAGMA integrity_check"))
    gateway.close()
    return content, integrity


def test_every_update_that_was_acknowledged_survives_the_kill_of_its_writer_and_none_is_half(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.db"
    _begun(catalog)
    for kill in range(10):
        told = _killed_writer(catalog, lines=1 + 5 * kill)

        content, integrity = _read(catalog)

        assert integrity == "ok"
        assert content.snapshot == str(content.seq).encode(), "a snapshot and its number are one"
        numbers = [update.seq for update in content.updates]
        assert numbers == list(range(content.seq + 1, content.seq + 1 + len(numbers)))
        assert [int(update.data) for update in content.updates] == numbers
        assert {len(update.data) for update in content.updates} <= {100, 1_600_000}
        assert told <= max(numbers)


_SMALL_DISK = """
mount -t tmpfs -o size=4m none "$1" && exec "$2" -c "$3" "$1"
"""

_FILL = """
import sys
from pathlib import Path
from appliance.adapters.sql.drafts import SqlDrafts
from appliance.adapters.sql.local import LocalSql
from appliance.adapters.sql.migrate import migrate, read_migrations
from appliance.bootstrap import MIGRATIONS
from appliance.core.errors import Unavailable
from tests.support.draft_rows import FIRST, new_epoch, update, updates
from tests.support.rows import NOW, noted

root = Path(sys.argv[1])
gateway = LocalSql(str(root / "catalog.db"))
migrate(gateway, read_migrations(MIGRATIONS), NOW)
drafts = SqlDrafts(gateway, "team")
drafts.create(new_epoch(), noted())
drafts.append(FIRST, updates(1, 2))
before = drafts.content(FIRST)
big = root / "in-the-way"

def refused(act):
    try:
        act()
    except Unavailable as error:
        print(error, drafts.content(FIRST) == before)

with big.open("wb", buffering=0) as file:
    try:
        while file.write(b"x" * 4096):
            pass
    except OSError:
        pass

# More than fits into what SQLite had allocated before; the first of them would fit.
refused(lambda: drafts.append(FIRST, [update(3), update(4, b"x" * 2_000_000)]))
refused(lambda: drafts.compact(FIRST, seq=2, snapshot=b"x" * 2_000_000, waiting=b"", spans=[]))
big.unlink()
drafts.append(FIRST, updates(3, 4))
print([found.seq for found in drafts.content(FIRST).updates])
"""


def test_an_append_and_a_compaction_on_a_full_disk_leave_nothing_and_pass_once_there_is_room(tmp_path: Path) -> None:
    # A mount of its own, in a name space that goes with the process: it needs no root and leaves nothing.
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", _SMALL_DISK, "sh", str(tmp_path), sys.executable,
               _FILL]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
    append, compact, after = done.stdout.splitlines()
    assert append == compact == f"catalog {tmp_path}/catalog.db: database or disk is full True"
    assert after == "[1, 2, 3, 4]"
