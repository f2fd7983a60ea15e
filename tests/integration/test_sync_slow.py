"""Those who do not read: they cost the others nothing, and get what they missed once they read again."""

from __future__ import annotations

import os
import time
from pathlib import Path

from appliance.core.sync.frames import Join
from appliance.entrypoints.ws.hub import Limits
from tests.support.sync_client import Editor
from tests.support.sync_serving import Syncing, syncing

SMALL = 4096


def stuck(served: Syncing, name: str = "alice") -> Editor:
    """Joined, with a small buffer, and from now on not reading."""
    editor = served.editor(name)
    editor.socket.close()
    editor.connect(receive_buffer=SMALL)
    editor.join()
    return editor


def write(editor: Editor, megabytes: int) -> float:
    """Edit so much and return how long the slowest acknowledgement took, in seconds."""
    slowest = 0.0
    for number in range(megabytes * 10):
        started = time.monotonic()
        editor.saved(editor.set(f"field{number % 10}", os.urandom(50_000).hex()))
        slowest = max(slowest, time.monotonic() - started)
    return slowest


def test_a_reader_that_is_stuck_delays_nobody_and_gets_it_all_later(tmp_path: Path) -> None:
    with syncing(tmp_path, limits=Limits(outbox_bytes=500_000)) as served:
        bob, oscar, alice = served.joined("bob"), served.joined("oscar"), stuck(served)

        slowest = write(bob, 8)
        oscar.until(lambda: oscar.field("field9") == bob.field("field9"))
        waiting = served.in_loop(lambda: max(one.outbox.size for one in served.hub.connections))
        alice.until(lambda: alice.tree() == bob.tree(), 30)

        assert slowest < 1.5
        assert waiting <= 500_000
        assert alice.rejoins >= 1
        assert served.hub.counts.dropped > 0


def test_a_reader_that_takes_nothing_for_too_long_is_let_go(tmp_path: Path) -> None:
    with syncing(tmp_path, limits=Limits(outbox_bytes=500_000, stuck=0.5, look=0.1)) as served:
        bob, _ = served.joined("bob"), stuck(served)

        write(bob, 6)
        deadline = time.monotonic() + 5
        while served.in_loop(lambda: len(served.hub.connections)) > 1:
            assert time.monotonic() < deadline
            time.sleep(0.05)

        assert served.hub.counts.closed["1013"] == 1
        bob.saved(bob.set("schedule", "every 5m"))


def test_whoever_asks_and_never_reads_the_answers_is_not_listened_to(tmp_path: Path) -> None:
    with syncing(tmp_path, limits=Limits(outbox_bytes=500_000, stuck=60, messages_per_second=1e6)) as served:
        bob = served.joined("bob")
        write(bob, 1)
        alice = stuck(served)
        alice.socket.socket.settimeout(1.0)

        try:
            for _ in range(200):
                alice.say(Join(alice.document, alice.token.encode(), b""))
        except TimeoutError:
            pass
        waiting = served.in_loop(lambda: max(one.outbox.size for one in served.hub.connections))

        assert waiting < 4_000_000
        bob.saved(bob.set("schedule", "every 5m"))


def test_300_editors_of_one_document_stay_close(tmp_path: Path) -> None:
    with syncing(tmp_path, limits=Limits(connections_per_token=400)) as served:
        writer, reader = served.joined("bob"), served.joined("alice")
        others = [served.joined("oscar") for _ in range(298)]
        took: list[float] = []

        for number in range(60):
            started = time.monotonic()
            writer.set("schedule", f"every {number + 1}m")
            reader.until(lambda: reader.field("schedule") == f"every {number + 1}m")  # noqa: B023 - called at once
            took.append(time.monotonic() - started)

        assert sorted(took)[30] < 0.1
        for editor in (others[0], others[-1]):
            editor.until(lambda: editor.tree() == writer.tree())  # noqa: B023 - called at once
