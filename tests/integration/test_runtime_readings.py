"""A reading from its first message to its last, and every way to end it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors_runtime.client import Done, Failed, Page, Started, Zygote
from tests.support.guests.harness import COMPONENT, MODULE, Bench, lines, rows, started, until_end


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Zygote() as zygote:
        yield Bench(zygote, tmp_path_factory.mktemp("readings"))


@pytest.fixture(params=[MODULE, COMPONENT], ids=["module", "component"])
def wasm(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_a_table_is_read_page_by_page(bench: Bench, wasm: Path) -> None:
    messages = bench.run("count 3", wasm=wasm)

    assert isinstance(messages[0], Started)
    assert lines(messages) == ["open"]
    assert rows(messages) == [(1, 1.5), (2, 2.5), (3, 3.5)]
    assert [message.cursor for message in messages if isinstance(message, Page)] == ["1", "2", "3"]
    assert messages[-1] == Done("3")


def test_a_reading_resumes_after_its_cursor(bench: Bench, wasm: Path) -> None:
    assert rows(bench.run("count 5", wasm=wasm, cursor="3")) == [(4, 4.5), (5, 5.5)]


def test_both_forms_of_a_connector_land_the_same_bytes(bench: Bench) -> None:
    def digests(path: Path) -> list[str]:
        return [message.sha256 for message in bench.run("count 4", wasm=path) if isinstance(message, Page)]

    assert digests(MODULE) == digests(COMPONENT) != []


@pytest.mark.parametrize(
    ("config", "failed"),
    [
        ("expired", Failed("auth_expired", "log in again")),
        ("limited", Failed("rate_limited", "rate limited; retry after 17 s", 17)),
        ("fail no luck", Failed("transient", "no luck")),
    ],
)
def test_an_error_of_the_guest_keeps_its_kind(bench: Bench, wasm: Path, config: str, failed: Failed) -> None:
    assert bench.last(config, wasm=wasm) == failed


def test_declared_types_shape_a_new_table(bench: Bench, wasm: Path) -> None:
    messages = bench.run('ndjson {"when":"2024-01-31T00:00:00Z","what":"[1]"}', wasm=wasm, table="events")

    page = next(message for message in messages if isinstance(message, Page))
    assert [(column.name, column.type) for column in page.columns] == [("when", "timestamp"), ("what", "json")]


def test_the_next_page_waits_for_the_acknowledgement(bench: Bench) -> None:
    with bench.zygote.open(bench.spec("count 2")) as reading:
        while not isinstance(reading.receive(20), Page):
            pass

        assert reading.receive(0.2) is None
        reading.acknowledge()
        assert isinstance(reading.receive(20), Page)


def test_the_end_may_be_received_again(bench: Bench) -> None:
    with bench.zygote.open(bench.spec("expired")) as reading:
        end = list(until_end(reading))[-1]

        assert reading.receive(0) == end


def test_a_reading_that_waits_is_cancelled_at_once(bench: Bench) -> None:
    with bench.zygote.open(bench.spec("count 2")) as reading:
        while not isinstance(reading.receive(20), Page):
            pass
        reading.cancel()

        end = reading.receive(5)
        assert isinstance(end, Failed)
        assert end.kind == "cancelled"


def test_a_spinning_guest_is_interrupted(bench: Bench, wasm: Path) -> None:
    with bench.zygote.open(bench.spec("spin", wasm=wasm)) as reading:
        started(reading)
        time.sleep(0.1)
        asked = time.monotonic()
        reading.interrupt()

        end = list(until_end(reading))[-1]
        assert isinstance(end, Failed)
        assert end.kind == "cancelled"
        assert time.monotonic() - asked < 2


def test_a_spinning_guest_ends_at_its_limit(bench: Bench, wasm: Path) -> None:
    began = time.monotonic()

    assert bench.last("spin", wasm=wasm, call_seconds=0.3) == Failed(
        "limit", "the connector computed for more than 0.3 s in one call"
    )
    assert time.monotonic() - began < 5


def test_a_killed_reading_may_be_tried_again(bench: Bench) -> None:
    with bench.zygote.open(bench.spec("spin")) as reading:
        started(reading).kill()

        assert list(until_end(reading))[-1] == Failed("transient", "connector process ended: signal 9")


def test_letting_go_of_a_reading_ends_its_process(bench: Bench) -> None:
    with bench.zygote.open(bench.spec("spin")) as reading:
        pid = started(reading).pid

    assert gone(pid)


def test_a_guest_gets_no_more_memory_than_its_limit(bench: Bench, wasm: Path) -> None:
    assert bench.last("grow", wasm=wasm, memory_bytes=64 << 20) == Failed("limit", "the connector used up its memory")


def test_the_zygote_has_one_thread_and_a_clean_environment(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAKIRI_SECRET_TOKEN", "must not travel")
    with Zygote() as zygote:
        zygote.start()
        status = Path(f"/proc/{zygote.pid}/status").read_text()
        environment = Path(f"/proc/{zygote.pid}/environ").read_bytes()

    assert "Threads:\t1\n" in status
    assert b"HAKIRI" not in environment
    assert b"PATH=" not in environment.replace(b"PYTHONPATH=", b"")


def test_a_reading_keeps_nothing_open_but_its_socket(bench: Bench) -> None:
    with bench.zygote.open(bench.spec("spin")) as reading:
        pid = started(reading).pid
        targets = {int(fd.name): str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()}
        status = Path(f"/proc/{pid}/status").read_text()

    assert {targets.pop(fd) for fd in (0, 1, 2)} == {"/dev/null"}
    sockets = [target for target in targets.values() if target.startswith("socket:")]
    assert len(sockets) == 1
    assert all(
        "cwasm" in target or target.startswith(("socket:", "/dev/null", "anon_inode")) for target in targets.values()
    )
    assert "NoNewPrivs:\t1\n" in status


def test_a_spare_process_that_died_is_replaced_and_no_process_reads_twice(bench: Bench) -> None:
    with Zygote() as zygote:
        zygote.start()
        pids = set()
        for _ in range(3):
            for spare in Path(f"/proc/{zygote.pid}/task/{zygote.pid}/children").read_text().split():
                os.kill(int(spare), signal.SIGKILL)
                assert gone(int(spare))
            with zygote.open(bench.spec("spin")) as reading:
                pids.add(started(reading).pid)

    assert len(pids) == 3


def test_the_spare_process_goes_with_its_zygote(bench: Bench) -> None:
    with Zygote() as zygote:
        zygote.start()
        children = Path(f"/proc/{zygote.pid}/task/{zygote.pid}/children").read_text().split()

    assert children
    assert all(gone(int(child)) for child in children)


def test_no_process_outlives_its_zygote(bench: Bench) -> None:
    zygote = Zygote()
    reading = zygote.open(bench.spec("spin"))
    pid = started(reading).pid
    assert zygote.pid is not None

    os.kill(zygote.pid, signal.SIGKILL)

    assert gone(pid)
    end = list(until_end(reading))[-1]
    assert isinstance(end, Failed)
    assert end.kind == "transient"
    reading.close()
    zygote.close()


def test_a_zygote_that_died_is_started_again(bench: Bench) -> None:
    with Zygote() as zygote:
        zygote.start()
        assert zygote.pid is not None
        os.kill(zygote.pid, signal.SIGKILL)

        with zygote.open(bench.spec("count 1")) as reading:
            assert list(until_end(reading))[-1] == Done("1")


def test_a_closed_zygote_leaves_no_process(bench: Bench) -> None:
    zygote = Zygote()
    reading = zygote.open(bench.spec("spin"))
    pid, parent = started(reading).pid, zygote.pid
    assert parent is not None

    zygote.close()

    assert gone(pid)
    assert gone(parent)
    reading.close()


def test_many_threads_open_readings_at_once(bench: Bench) -> None:
    ends: list[object] = []
    threads = [threading.Thread(target=lambda: ends.append(bench.last("count 2"))) for _ in range(40)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ends == [Done("2")] * 40


def gone(pid: int) -> bool:
    """Whether the process ends within five seconds; a zombie has ended."""
    for _ in range(250):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False
