"""`hakiri` and a real server: what a data engineer and an operator do with it in a day."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.hakiri import Hakiri
from tests.support.serving import Serving, serving
from tests.support.source_server import Answer, SourceServer, as_json, source_server

ORDERS = [{"id": 1}, {"id": 2}, {"id": 3}]


@pytest.fixture(scope="module")
def source() -> Iterator[SourceServer]:
    with source_server() as server:
        server.routes["/orders"] = lambda _: as_json(ORDERS)
        server.routes["/broken"] = lambda _: Answer(b"no", status=400)
        yield server


@pytest.fixture(scope="module")
def manifest(source: SourceServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("manifest") / "hakiri.toml"
    path.write_text(
        "".join(
            f'[[pipeline]]\nid = "{name}"\ntables = ["{name}"]\n'
            f'source = {{ connector = "http", config = {{ url = "{source.url}/{{table}}" }} }}\n'
            for name in ("orders", "broken", "slow")
        )
        + '[[pipeline]]\nid = "hourly"\ntables = ["orders"]\nschedule = "every 1h"\n'
        f'source = {{ connector = "http", config = {{ url = "{source.url}/{{table}}" }} }}\n'
    )
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, manifest: Path) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("server") / "data") as started:
        done = as_owner(started)("apply", "--yes", str(manifest))
        assert done.returncode == 0, done.stderr
        yield started


@pytest.fixture
def slow(source: SourceServer) -> Iterator[threading.Event]:
    """The source of pipeline `slow` answers once this is set."""
    release = threading.Event()

    def wait(_: object) -> Answer:
        release.wait(30)
        return as_json(ORDERS)

    source.routes["/slow"] = wait
    yield release
    release.set()


@pytest.fixture
def hakiri(server: Serving) -> Hakiri:
    return as_owner(server)


def as_owner(server: Serving) -> Hakiri:
    return Hakiri(
        {
            "HAKIRI_URL": f"http://127.0.0.1:{server.port}",
            "HAKIRI_TOKEN": server.token,
            "HAKIRI_DATA": str(server.data),
        }
    )


def document(hakiri: Hakiri, *arguments: str) -> Any:
    done = hakiri(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_first_apply_shows_what_is_added_and_when_it_fires(tmp_path: Path, manifest: Path) -> None:
    with serving(tmp_path / "data") as fresh:
        done = as_owner(fresh)("apply", str(manifest))

    assert done.returncode == 0
    assert "  + pipeline.orders" in done.stdout.splitlines()
    assert "hourly    " in done.stdout
    assert "Z (in 60 m)" in done.stdout
    assert done.stdout.endswith("Revision 1 is in force.\n")


def test_the_same_files_again_change_nothing(hakiri: Hakiri, manifest: Path) -> None:
    before = document(hakiri, "revisions")["items"]

    said = hakiri("apply", str(manifest)).stdout

    assert "Nothing changes" in said
    assert document(hakiri, "revisions")["items"] == before


def test_a_plan_tells_a_changed_schedule_and_applies_nothing(hakiri: Hakiri, manifest: Path) -> None:
    plan = hakiri("plan", "-", stdin=manifest.read_text().replace("every 1h", "every 2h"))

    assert '~ pipeline.hourly.schedule: "every 1h" -> "every 2h"' in plan.stdout
    assert "Z (in 2 h)" in plan.stdout
    assert document(hakiri, "schedules")["items"][0]["text"] == "every 1h"


def test_an_apply_from_an_older_revision_is_a_conflict(hakiri: Hakiri, manifest: Path) -> None:
    done = hakiri("apply", "--based-on", "99", str(manifest))

    assert done.returncode == 5
    assert "revision 99" in done.stderr


def test_a_manifest_with_a_mistake_is_refused_by_the_server_too(hakiri: Hakiri) -> None:
    done = hakiri("apply", "-", stdin='[[pipeline]]\nid = "X"\n')

    assert done.returncode == 2
    assert "stdin.toml:2: pipeline.X.id" in done.stderr


def test_waiting_for_a_run_that_succeeds_ends_with_0_and_the_run(hakiri: Hakiri) -> None:
    done = hakiri("run", "orders", "--wait", "--json")

    run = json.loads(done.stdout)
    assert (done.returncode, run["state"], run["rows"]) == (0, "succeeded", 3)
    assert done.stderr.splitlines()[0] == run["id"]


def test_waiting_for_a_run_that_fails_ends_with_1_and_the_reason(hakiri: Hakiri) -> None:
    done = hakiri("run", "broken", "--wait")

    assert done.returncode == 1
    assert "failed" in done.stdout
    assert "answered 400" in done.stdout


def test_a_timeout_leaves_the_run_alone_and_cancel_ends_it(hakiri: Hakiri, slow: threading.Event) -> None:
    done = hakiri("run", "slow", "--wait", "--timeout", "1", "--json")
    run = json.loads(done.stdout)["id"]

    cancelled = hakiri("cancel", run)
    ended = _final(hakiri, run)

    assert done.returncode == 124
    assert not slow.is_set()
    assert cancelled.returncode == 0
    assert ended["state"] == "cancelled"
    assert hakiri("cancel", run).returncode == 5


def test_ctrl_c_stops_the_waiting_and_not_the_run(hakiri: Hakiri, slow: threading.Event) -> None:
    with hakiri.start("run", "slow", "--wait") as command:
        assert command.stderr is not None
        run = command.stderr.readline().strip()
        time.sleep(0.3)
        command.send_signal(signal.SIGINT)
        said = command.stderr.read()
    slow.set()

    assert command.returncode == 130
    assert f"hakiri logs {run} --follow" in said
    assert _final(hakiri, run)["state"] == "succeeded"


def test_waiting_survives_a_restart_of_the_server(server: Serving, hakiri: Hakiri, slow: threading.Event) -> None:
    with hakiri.start("run", "slow", "--wait", "--json") as command:
        assert command.stderr is not None
        assert command.stdout is not None
        command.stderr.readline()
        time.sleep(0.5)
        server.kill_control()
        slow.set()
        run = json.loads(command.stdout.read())

    assert (command.returncode, run["state"]) == (0, "succeeded")


def test_logs_tell_the_story_and_following_them_ends_with_the_run(hakiri: Hakiri) -> None:
    run = json.loads(hakiri("run", "orders", "--wait", "--json").stdout)["id"]

    told, followed = hakiri("logs", run), hakiri("logs", run, "--follow", "--json")

    assert "run succeeded" in told.stdout
    lines = [json.loads(line) for line in followed.stdout.splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert lines[-1]["message"] in told.stdout


def test_a_followed_list_tells_every_change_as_a_json_line(hakiri: Hakiri) -> None:
    with hakiri.start("runs", "--follow", "--json", "--limit", "1") as command:
        assert command.stdout is not None
        json.loads(command.stdout.readline())
        run = json.loads(hakiri("run", "orders", "--json").stdout)["id"]
        changes = [json.loads(command.stdout.readline())]
        while changes[-1]["state"] != "succeeded":
            changes.append(json.loads(command.stdout.readline()))
        command.send_signal(signal.SIGINT)

    assert command.wait() == 130
    assert {change["id"] for change in changes} == {run}


def test_a_run_that_failed_is_tried_again_and_one_that_succeeded_is_not(hakiri: Hakiri) -> None:
    failed = json.loads(hakiri("run", "broken", "--wait", "--json").stdout)["id"]
    succeeded = json.loads(hakiri("run", "orders", "--wait", "--json").stdout)["id"]

    assert hakiri("retry", failed).returncode == 0
    assert hakiri("retry", succeeded).returncode == 5


@pytest.mark.parametrize(
    ("command", "heads"),
    [
        ("pipelines", "PIPELINE  SOURCE  TABLES"),
        ("schedules", "PIPELINE  SCHEDULE  ZONE"),
        ("revisions", "REVISION  APPLIED"),
        ("audit", "WHEN"),
        ("runs", "RUN"),
    ],
)
def test_lists_are_tables_for_people_and_documents_for_programs(hakiri: Hakiri, command: str, heads: str) -> None:
    hakiri("run", "orders", "--wait")

    table, listed = hakiri(command), document(hakiri, command)

    assert table.stdout.startswith(heads)
    assert "\x1b" not in table.stdout
    assert len(table.stdout.splitlines()) == len(listed["items"]) + 1


def test_a_list_of_nothing_says_so(hakiri: Hakiri) -> None:
    assert hakiri("fires").stdout == "No fire was due yet.\n"
    assert document(hakiri, "fires") == {"items": []}


@pytest.mark.parametrize("name", ["nope", "../../tokens", "ö x"])
def test_what_is_not_there_ends_with_4(hakiri: Hakiri, name: str) -> None:
    assert hakiri("run", name).returncode == 4
    assert hakiri("logs", name).returncode == 4


def _final(hakiri: Hakiri, run: str) -> Any:
    """The run once it is over."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        found = next(one for one in document(hakiri, "runs")["items"] if one["id"] == run)
        if found["state"] not in ("pending", "running"):
            return found
        time.sleep(0.2)
    raise AssertionError(f"{run} does not end")
