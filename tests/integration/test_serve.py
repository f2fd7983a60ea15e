"""The supervisor holds its data directory and keeps one control process running, here a stand-in of a few lines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.entrypoints.serve import EXIT_GIVE_UP, InUse, hold

SOON = 10.0

# `serve` with a control process of ours, and less patience with it.
_SUPERVISOR = """
import sys
from pathlib import Path
from appliance.entrypoints import serve

data, sys.executable = sys.argv[1:]
serve.STOP_SECONDS = 0.5
sys.argv = ["serve", str(serve.hold(Path(data)))]
sys.exit(serve.main())
"""

# Does what the file `mode` beside it says, and writes down what happens to it.
_CONTROL = """#!{python}
import os, signal, sys, time
from pathlib import Path

here = Path(__file__).parent
mode = (here / "mode").read_text().split()

def note(word):
    with (here / "notes").open("a") as notes:
        notes.write(f"{{word}} {{os.getpid()}}\\n")

def stop(number, frame):
    note(signal.Signals(number).name)
    if mode[0] != "deaf":
        sys.exit(0)

signal.signal(signal.SIGTERM, stop)
if mode[0] == "orphan" and os.fork() == 0:
    if os.fork() == 0:
        note("orphan")
        time.sleep(0.3)
        note("ended")
    os._exit(0)
note("started")
if mode[0] == "exit":
    sys.exit(int(mode[1]))
while True:
    time.sleep(60)
"""


class Supervised:
    """One supervisor on a directory of its own."""

    def __init__(self, path: Path) -> None:
        self.data = path / "data"
        self._notes = path / "notes"
        self._mode = path / "mode"
        self._errors = path / "errors"
        self._control = path / "control"
        self._control.write_text(_CONTROL.format(python=sys.executable))
        self._control.chmod(0o700)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, mode: str = "run") -> None:
        self._mode.write_text(mode)
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _SUPERVISOR, str(self.data), str(self._control)], stderr=errors
            )

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def exit_code(self) -> int:
        assert self.process is not None
        return self.process.wait(SOON)

    def said(self) -> list[str]:
        return self._errors.read_text().splitlines()

    def noted(self, word: str) -> list[int]:
        """The processes that noted the word, in order."""
        lines = self._notes.read_text().splitlines() if self._notes.exists() else []
        return [int(line.split()[1]) for line in lines if line.split()[0] == word]

    def wait(self, word: str, count: int = 1) -> list[int]:
        """Until the word was noted so many times."""
        until(lambda: len(self.noted(word)) >= count, f"{count} times {word!r}: {self.said()}")
        return self.noted(word)

    def children(self) -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def until(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SOON
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def can_hold(data: Path) -> bool:
    try:
        os.close(hold(data))
    except InUse:
        return False
    return True


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    supervised = Supervised(tmp_path)
    yield supervised
    supervised.end()


def test_a_second_one_is_refused_and_told_who_is_there(supervised: Supervised) -> None:
    supervised.start()
    supervised.wait("started")

    with pytest.raises(InUse, match=f"{supervised.data} is in use by process {supervised.pid}; .*HAKIRI_DATA"):
        hold(supervised.data)


def test_the_directory_is_free_again_however_its_holder_ended(supervised: Supervised) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        supervised.start()
        supervised.wait("started", 1 if number is signal.SIGTERM else 2)
        supervised.signal(number)
        supervised.exit_code()

        until(lambda: can_hold(supervised.data), f"still held after {number.name}")


def test_a_process_that_inherited_the_lock_holds_the_directory_when_its_parent_is_gone(tmp_path: Path) -> None:
    parent = """
import os, subprocess, sys
from pathlib import Path
from appliance.entrypoints.serve import hold
lock = hold(Path(sys.argv[1]))
quiet = subprocess.DEVNULL
child = subprocess.Popen(["sleep", "60"], pass_fds=[lock], stdout=quiet, stderr=quiet)
print(os.getpid(), child.pid)
"""
    done = subprocess.run([sys.executable, "-c", parent, str(tmp_path)], capture_output=True, text=True, check=True)
    gone, child = map(int, done.stdout.split())

    with pytest.raises(InUse, match=f"by process {gone};"):
        hold(tmp_path)

    os.kill(child, signal.SIGKILL)
    until(lambda: can_hold(tmp_path), "still held")


def test_the_next_holder_puts_its_own_name_there(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("99999999999999 and more\n")
    lock = hold(tmp_path)

    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    os.close(lock)


def test_a_control_process_that_was_killed_is_started_again(supervised: Supervised) -> None:
    supervised.start()
    [first] = supervised.wait("started")

    os.kill(first, signal.SIGKILL)

    second = supervised.wait("started", 2)[1]
    assert supervised.children() == [second]
    assert supervised.said() == ["hakiri: the control process ended (signal 9); starting it again in 0.5 s"]


def test_one_that_keeps_failing_is_given_longer_each_time(supervised: Supervised) -> None:
    supervised.start("exit 3")

    supervised.wait("started", 3)

    assert supervised.said()[:2] == [
        f"hakiri: the control process ended (exit code 3); starting it again in {delay} s" for delay in (0.5, 1.0)
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_tells_the_control_process_and_waits_for_it(
    supervised: Supervised, number: signal.Signals
) -> None:
    supervised.start()
    [control] = supervised.wait("started")

    supervised.signal(number)

    assert supervised.exit_code() == 0
    assert supervised.noted("SIGTERM") == [control]
    assert not is_alive(control)
    assert supervised.said() == []


def test_a_control_process_that_does_not_stop_is_killed(supervised: Supervised) -> None:
    supervised.start("deaf")
    [control] = supervised.wait("started")

    supervised.signal(signal.SIGTERM)

    assert supervised.exit_code() == 0
    assert supervised.noted("SIGTERM") == [control]
    assert not is_alive(control)
    assert supervised.said() == ["hakiri: the control process did not stop in time: killing it"]


def test_told_to_stop_while_it_rests_it_starts_nothing_more(supervised: Supervised) -> None:
    supervised.start("exit 1")
    supervised.wait("started", 2)
    until(lambda: len(supervised.said()) == 2, "resting for a second")

    supervised.signal(signal.SIGTERM)

    assert supervised.exit_code() == 0
    assert len(supervised.noted("started")) == 2


def test_when_starting_again_cannot_help_it_passes_the_word_on(supervised: Supervised) -> None:
    supervised.start(f"exit {EXIT_GIVE_UP}")

    assert supervised.exit_code() == EXIT_GIVE_UP
    assert len(supervised.noted("started")) == 1


def test_it_takes_in_orphans_and_leaves_no_zombie(supervised: Supervised) -> None:
    supervised.start("orphan")
    [control] = supervised.wait("started")
    [orphan] = supervised.wait("orphan")
    supervised.wait("ended")

    until(lambda: not Path(f"/proc/{orphan}").exists(), "the orphan is a zombie")
    assert supervised.children() == [control]


def test_the_control_process_holds_the_directory_too(supervised: Supervised) -> None:
    """Should it outlive its supervisor, even for a moment, nobody else begins beside it."""
    supervised.start()
    [control] = supervised.wait("started")

    opened = {link.resolve() for link in Path(f"/proc/{control}/fd").iterdir()}

    assert supervised.data / "lock" in opened


def test_when_it_is_killed_the_control_process_goes_with_it(supervised: Supervised) -> None:
    supervised.start()
    [control] = supervised.wait("started")

    supervised.signal(signal.SIGKILL)

    until(lambda: not is_alive(control), "the control process is still there")
