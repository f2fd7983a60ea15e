"""`make demo`: a stranger's first minute, with a source, a server and a query that are all real."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.architecture.sources import ROOT

SECONDS = 60

# Flights of 1 and 2 January 2013, as the data set has them.
TWO_DAYS = 842 + 943

_COUNTS = re.compile(r"^  (?P<table>[a-z_]+) +(?P<source>[\d,]+) +(?P<landed>[\d,]+)  (?P<verdict>\S+)$", re.MULTILINE)


def demo(data: Path, *arguments: str, port: str = "0") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(data, *arguments, "--source-port", port),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def command(data: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "examples.demo", "--data", str(data), *arguments]


def test_every_row_of_the_source_lands_and_a_second_demo_finds_nothing_new(tmp_path: Path) -> None:
    first = demo(tmp_path / "data", "--fires", "2")
    second = demo(tmp_path / "data", "--fires", "1")

    for done in (first, second):
        assert done.returncode == 0, done.stdout + done.stderr
        counts = {found["table"]: found for found in _COUNTS.finditer(done.stdout)}
        assert counts.keys() == {"flights_flights", "reference_airlines", "reference_planes"}
        assert {found["verdict"] for found in counts.values()} == {"="}
        assert counts["flights_flights"]["landed"] == f"{TWO_DAYS:,}"
    assert landed_by_flights(first.stdout) == [842, 943]
    assert landed_by_flights(second.stdout)[0] == 0
    assert "\x1b" not in first.stdout


def landed_by_flights(said: str) -> list[int]:
    return [int(rows) for rows in re.findall(r"flights@\S+ +succeeded +(\d+) rows", said)]


def test_a_taken_port_is_said_and_nothing_is_left_running(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        done = demo(tmp_path / "data", port=str(listener.getsockname()[1]))

    assert done.returncode == 1
    assert "--source-port" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_the_demo_and_all_it_started(tmp_path: Path) -> None:
    with subprocess.Popen(
        command(tmp_path / "data", "--source-port", "0"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("Waiting"):
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        rest, said = process.communicate(timeout=SECONDS)

    assert process.returncode == 130
    assert "Stopped" in rest
    assert "Traceback" not in said
    assert processes_of(process.pid) == []


def processes_of(session: int) -> list[str]:
    """Commands that still run in the session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(stat.parent.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found
