"""The servers that are loaded: ours, as it is run, and two others that keep nothing before they acknowledge."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loro import LoroDoc

from tests.bench.sync_load import BENCH, SERVER_CORE, Target, pinned
from tests.support.serving import Serving, free_port
from tests.support.sync_client import Editor
from tests.support.sync_serving import main_room
from tests.support.tools_node import node

# More than the load sends, so that the limit on messages is not what is measured.
RATE = "100000"
EDITORS_PER_TOKEN = 50


@contextmanager
def ours(folder: Path, *, editors: int) -> Iterator[tuple[Serving, Target]]:
    """A new `hakiri serve`, its main draft, and tokens enough for the editors."""
    server = Serving(folder / "data", HAKIRI_SYNC_RATE=RATE)
    with pinned(SERVER_CORE):
        server.start()
    try:
        yield server, target_of(server, editors=editors)
    finally:
        server.stop()


def target_of(server: Serving, *, editors: int) -> Target:
    server.call("POST", "/members", {"name": "load", "role": "editor"})
    tokens = [_token(server, number) for number in range(-(-editors // EDITORS_PER_TOKEN))]
    url = f"ws://127.0.0.1:{server.port}/api/v1/sync"
    return Target("loro", url, main_room(server), tokens, server.pid, settle=True)


def _token(server: Serving, number: int) -> str:
    made = server.call("POST", "/tokens", {"member": "load", "name": f"load-{number}", "role": "editor"})
    return str(made["text"])


def check(server: Serving, room: str, expected: LoroDoc) -> None:
    """One more client joins: the document has every edit in `expected`, and no other."""
    editor = Editor(server.port, server.token, room)
    try:
        editor.join()
        editor.until(lambda: editor.doc.oplog_vv == expected.oplog_vv)
        assert editor.doc.get_deep_value() == expected.get_deep_value()
    finally:
        editor.socket.close()


def check_after_a_crash(server: Serving, room: str, expected: LoroDoc) -> None:
    """The same once all of its processes are killed and started again."""
    server.kill_everything()
    server.start()
    check(server, room, expected)


@contextmanager
def peer(name: str) -> Iterator[Target]:
    """`simple` (of loro-websocket) or `hocuspocus`."""
    provide_packages()
    port = free_port()
    with pinned(SERVER_CORE):
        command = [str(node()), "peer.mjs", name, str(port)]
        running = subprocess.Popen(command, cwd=BENCH, stdout=subprocess.PIPE, text=True)
    with running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == "ready\n"
            dialect = "yjs" if name == "hocuspocus" else "loro"
            yield Target(dialect, f"ws://127.0.0.1:{port}", "bench", ["token"], running.pid, settle=False)
        finally:
            running.terminate()


def provide_packages() -> None:
    """Install the locked npm packages of the load and of the peers, unless they are there already."""
    digest = hashlib.sha256((BENCH / "package-lock.json").read_bytes()).hexdigest()
    stamp = BENCH / "node_modules" / f".locked-{digest[:16]}"
    if stamp.is_file():
        return
    npm = node().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(node()), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=BENCH, check=True, stdout=subprocess.DEVNULL)
    stamp.touch()
