"""Real processes, real kills. Truth is taken outside our code: the source's access log, and DuckDB over the output."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.support.serving import Serving, serving
from tests.support.source import Source, source

pytestmark = pytest.mark.crash

ROWS, SIZE = 400, 20


def _until(true: Callable[[], bool], *, seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.01)


def _view(data: Path) -> tuple[int, int]:
    """Rows and distinct ids of the committed view."""
    with duckdb.connect() as connection:
        connection.execute((data / "context/views/orders_orders.sql").read_text())
        found = connection.execute('SELECT count(*), count(DISTINCT id) FROM "orders_orders"').fetchone()
    assert found is not None
    return found


def _check(data: Path, pages: Source) -> None:
    assert _view(data) == (ROWS, ROWS)
    again = [page for page, times in Counter(pages.asked).items() if times > 1]
    assert len(again) <= 1, f"asked again for {again}"


def _reading(serving: Serving, pages: Source) -> str:
    """A run that has read some of its pages."""
    serving.apply(pages.pipeline())
    run_id = serving.run()
    _until(lambda: len(pages.asked) >= 6)
    return run_id


def test_a_killed_connector_process_costs_one_retry(tmp_path: Path) -> None:
    with source(rows=ROWS, size=SIZE, delay=0.05) as pages, serving(tmp_path / "data") as control:
        run_id = _reading(control, pages)
        for child in _children_of_the_zygote(control):
            subprocess.run(["kill", "-9", str(child)], check=True)

        run = control.wait_run(run_id)

        assert run["state"] == "succeeded"
        _check(control.data, pages)


def test_a_killed_control_process_resumes_by_itself(tmp_path: Path) -> None:
    with source(rows=ROWS, size=SIZE, delay=0.05) as pages, serving(tmp_path / "data") as control:
        run_id = _reading(control, pages)
        killed_at = time.monotonic()
        control.kill_control()

        run = control.wait_run(run_id)

        assert run["state"] == "succeeded"
        assert time.monotonic() - killed_at < 30
        _check(control.data, pages)
        assert len(control.call("GET", "/runs")["items"]) == 1


def test_a_killed_process_group_resumes_at_the_next_start(tmp_path: Path) -> None:
    with source(rows=ROWS, size=SIZE, delay=0.05) as pages, serving(tmp_path / "data") as control:
        run_id = _reading(control, pages)
        control.kill_everything()
        asked = len(pages.asked)
        time.sleep(0.3)
        assert len(pages.asked) <= asked + 1, "a connector outlived the kill"

        control.start()
        run = control.wait_run(run_id)

        assert run["state"] == "succeeded"
        _check(control.data, pages)


def test_a_stopped_control_plane_gives_its_runs_back(tmp_path: Path) -> None:
    with source(rows=ROWS, size=SIZE, delay=0.05) as pages, serving(tmp_path / "data") as control:
        run_id = _reading(control, pages)
        assert control.stop() == 0

        control.start()

        assert control.wait_run(run_id)["state"] == "succeeded"
        _check(control.data, pages)


def test_a_run_asked_for_is_never_lost(tmp_path: Path) -> None:
    """What was acknowledged is on disk: each kill comes right after the answer."""
    with source(rows=ROWS, size=ROWS) as pages, serving(tmp_path / "data") as control:
        control.apply(pages.pipeline(extra='overlap = "allow"'))
        acknowledged = []
        for _ in range(4):
            acknowledged.append(control.run())
            control.kill_everything()
            control.start()

        assert [control.wait_run(run_id)["state"] for run_id in acknowledged] == ["succeeded"] * 4


def test_the_second_control_plane_on_a_data_directory_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as control:
        second = subprocess.run(
            [sys.executable, "-m", "appliance", "serve", "--data", str(control.data), "--bind", "127.0.0.1:0"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

        assert second.returncode != 0
        assert f"in use by process {control.pid}" in second.stderr
        assert "Traceback" not in second.stderr


def _children_of_the_zygote(control: Serving) -> list[int]:
    [zygote] = _children(control.control_pid)
    return _children(zygote)


def _children(pid: int) -> list[int]:
    """Children of any of the process's threads."""
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
