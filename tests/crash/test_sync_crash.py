"""The server is killed while people edit: what it acknowledged is there, and a stop in order loses nothing."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.core.sync.frames import Status
from tests.support.serving import Serving, serving
from tests.support.sync_client import Editor
from tests.support.sync_serving import editor_of, main_room
from tests.support.sync_socket import Closed

pytestmark = pytest.mark.crash


def back(server: Serving, editor: Editor) -> Editor:
    """Connect again and join, with all that the editor has."""
    editor.socket.close()
    editor.connect()
    editor.join()
    return editor


def fresh_reader(server: Serving) -> Editor:
    reader = editor_of(server)
    reader.join()
    reader.read_all()
    return reader


def test_what_was_acknowledged_survives_a_kill_right_after(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        for round_ in range(4):
            bob = editor_of(server)
            bob.join()
            bob.saved(bob.set(f"field{round_}", round_))
            server.kill_everything()
            bob.socket.close()
            server.start()

            reader = fresh_reader(server)
            assert reader.tree()["pipelines"]["orders"] == {f"field{n}": n for n in range(round_ + 1)}
            reader.socket.close()


def test_no_acknowledged_edit_is_lost_when_the_server_dies_under_load(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        room = main_room(server)
        for round_ in range(3):
            editors = [editor_of(server, room) for _ in range(3)]
            for editor in editors:
                editor.join()
            killer = threading.Timer(0.4, server.kill_everything)
            killer.start()
            acked = edit_until_closed(editors, f"r{round_}e")
            killer.join()
            server.start()

            reader = fresh_reader(server)
            for number, least in enumerate(acked):
                assert reader.field(f"r{round_}e{number}") >= least > 0
            returned = [back(server, editor) for editor in editors]
            wanted = {
                f"r{round_}e{number}": editor.field(f"r{round_}e{number}") for number, editor in enumerate(editors)
            }
            for editor in [*returned, reader]:
                editor.until(lambda: wanted.items() <= editor.tree()["pipelines"]["orders"].items())  # noqa: B023
                editor.socket.close()


def edit_until_closed(editors: Sequence[Editor], field: str) -> list[int]:
    """Let each count up in a field of its own until the connections break; the last numbers acknowledged."""
    batches: list[list[bytes]] = [[] for _ in editors]
    try:
        while all(editor.closed is None for editor in editors):
            for number, editor in enumerate(editors):
                batches[number].append(editor.set(f"{field}{number}", len(batches[number]) + 1))
                editor.read(0.001)
    except OSError:
        pass
    for editor in editors:
        editor.read_all()
    return [last_acked(editor, sent) for editor, sent in zip(editors, batches, strict=True)]


def last_acked(editor: Editor, batches: Sequence[bytes]) -> int:
    return max((n + 1 for n, batch in enumerate(batches) if editor.acks.get(batch) is Status.OK), default=0)


def test_a_stop_closes_every_editor_with_1012_and_keeps_what_came(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        editors = [editor_of(server) for _ in range(20)]
        for editor in editors:
            editor.join()
        for number, editor in enumerate(editors):
            editor.set(f"field{number}", number)
        started = time.monotonic()
        os.kill(server.pid, signal.SIGTERM)
        closed = [editor.wait_closed() for editor in editors]
        assert server.stop() == 0
        took = time.monotonic() - started
        server.start()

        assert closed == [Closed(1012, "restart")] * 20
        assert took < 8  # what the supervisor grants
        reader = fresh_reader(server)
        fields = reader.tree()["pipelines"]["orders"]
        for number, editor in enumerate(editors):
            if Status.OK in editor.acks.values():
                assert fields[f"field{number}"] == number
            back(server, editor)
        reader.until(lambda: len(reader.tree()["pipelines"]["orders"]) == 20)
        for editor in [reader, *editors]:
            editor.socket.close()


def test_an_editor_that_never_reads_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        alice, bob = editor_of(server), editor_of(server)
        alice.socket.close()
        alice.connect(receive_buffer=4096)
        alice.join()
        bob.join()
        for number in range(60):
            bob.saved(bob.set("sql", os.urandom(50_000).hex() + str(number)))

        started = time.monotonic()
        assert server.stop() == 0

        assert time.monotonic() - started < 8
        alice.socket.close()
        bob.socket.close()
