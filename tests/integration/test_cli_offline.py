"""`hakiri` without a server: what it checks by itself, and how it says that nobody answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from appliance import __version__
from appliance.entrypoints.cli import main
from tests.support.hakiri import Hakiri
from tests.support.serving import free_port
from tests.support.source_server import Answer, SourceServer, as_json, source_server

ORDERS = '[[pipeline]]\nid = "orders"\nsource = { connector = "http" }\ntables = ["orders"]\nschedule = "every 5m"\n'
HEAVY = (
    "appliance.bootstrap",
    "appliance.core.manifest",
    "granian",
    "http.client",
    "huey",
    "litestar",
    "peewee",
    "ssl",
)

hakiri = Hakiri()


@pytest.fixture
def orders(tmp_path: Path) -> str:
    path = tmp_path / "hakiri.toml"
    path.write_text(ORDERS)
    return str(path)


@pytest.fixture
def stranger() -> Iterator[SourceServer]:
    """Something answers, and it is no control plane, or not a friendly one."""
    with source_server() as server:
        yield server


def test_help_shows_every_command_and_the_first_steps() -> None:
    shown = CliRunner().invoke(main, ["--help"]).output

    assert [name for name in main.commands if f"  {name} " not in shown] == []
    assert "hakiri apply hakiri.toml" in shown
    assert "Exit codes" in shown


def test_every_command_and_option_explains_itself() -> None:
    silent = [
        f"{path} {what}".strip()
        for path, command in _commands("hakiri", main)
        for what, said in [("", command.help), *((option.name, option.help) for option in _options(command))]
        if not said
    ]

    assert silent == []


def _commands(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(f"{path} {name}", child)


def _options(command: click.Command) -> list[click.Option]:
    return [option for option in command.params if isinstance(option, click.Option) and not option.hidden]


def test_help_does_not_wait_for_the_server_or_its_libraries() -> None:
    code = "import sys, appliance.entrypoints.cli; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert [name for name in HEAVY if name in loaded] == []


def test_the_installed_script_is_this_command() -> None:
    script = Path(sys.executable).parent / "hakiri"

    said = subprocess.run([script, "version"], capture_output=True, text=True, check=True).stdout

    assert said.startswith(f"hakiri {__version__} ")


def test_a_good_manifest_is_called_good(orders: str) -> None:
    said = hakiri("validate", orders)

    assert (said.returncode, said.stdout) == (0, "good: 1 pipeline in 1 file\n")


def test_every_problem_is_named_with_its_place_and_its_remedy(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(ORDERS.replace("schedule", "schedle") + 'timeout = "soon"\n')

    said = hakiri("validate", str(bad))

    assert said.returncode == 2
    assert said.stdout.splitlines() == [
        f"{bad}:5: pipeline.orders.schedle: is not a key here; did you mean schedule?",
        f'{bad}:6: pipeline.orders.timeout: "soon" is not a duration such as "90s", "15m", "6h" or "2d"; write "6h"',
    ]
    assert said.stderr == "hakiri: 2 problems found\n"


def test_problems_come_as_one_json_document(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(ORDERS.replace("every 5m", "hourly"))

    said = hakiri("validate", "--json", str(bad))

    document = json.loads(said.stdout)
    assert (said.returncode, document["valid"]) == (2, False)
    assert document["problems"][0].keys() == {"file", "path", "code", "message", "expected", "line"}
    assert document["problems"][0]["path"] == "pipeline.orders.schedule"


def test_an_id_in_two_files_is_refused(orders: str, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(ORDERS)

    said = hakiri("validate", orders, str(other))

    assert said.returncode == 2
    assert f"{other}:2: pipeline.orders.id" in said.stdout
    assert f"{orders}:2" in said.stdout


@pytest.mark.parametrize(
    ("text", "name"), [(ORDERS, "stdin.toml"), ('{"pipeline": [{"id": "x"}]}', "stdin.json"), ("{", "stdin.json")]
)
def test_stdin_is_a_file_too(text: str, name: str) -> None:
    said = hakiri("validate", "-", stdin=text)

    assert (said.returncode == 0) == (text == ORDERS)
    assert text == ORDERS or said.stdout.startswith(name)


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"\xff\xfe[", "is not UTF-8"), (b"# " + b"x" * (9 << 20), "more than 8 MiB")],
    ids=["not text", "huge"],
)
def test_what_is_no_manifest_is_refused_before_it_is_read_on(content: bytes, why: str) -> None:
    said = hakiri("validate", "-", stdin=content)

    assert said.returncode == 2
    assert why in said.stderr


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    said = hakiri("apply", str(tmp_path / "nope.toml"))

    assert said.returncode == 2
    assert said.stderr == f"hakiri: {tmp_path}/nope.toml: No such file or directory\n"


def test_nobody_answers() -> None:
    said = hakiri("--url", f"http://127.0.0.1:{free_port()}", "runs")

    assert said.returncode == 69
    assert "Connection refused" in said.stderr
    assert "hakiri serve" in said.stderr
    assert len(said.stderr.splitlines()) == 2


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://host", "http://", "http://host:99999", "http://me:pw@host"])
def test_an_address_that_is_none_is_a_usage_error(url: str) -> None:
    assert hakiri("--url", url, "runs").returncode == 2


@pytest.mark.parametrize("token", ["a b", "tök", "a\nX-Evil: 1"])
def test_a_token_that_is_none_is_never_sent(token: str) -> None:
    said = hakiri("runs", "--token", token)

    assert said.returncode == 2
    assert token not in said.stderr


def test_a_token_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    said = hakiri("--token-file", str(tmp_path / "nope"), "runs")

    assert said.returncode == 2
    assert str(tmp_path / "nope") in said.stderr


def test_a_token_that_would_travel_in_the_clear_gets_a_warning() -> None:
    exposed = Hakiri({"HAKIRI_TOKEN": "hak_x_y"})

    assert "unencrypted" in exposed("--url", "http://nobody.invalid", "runs").stderr
    assert "unencrypted" not in exposed("--url", f"http://127.0.0.1:{free_port()}", "runs").stderr
    assert "unencrypted" not in exposed("--url", "https://nobody.invalid", "runs").stderr


def test_a_page_of_something_else_is_no_control_plane(stranger: SourceServer) -> None:
    stranger.routes["/api/v1/runs"] = lambda _: Answer(b"<html>welcome</html>")

    assert "does not answer like a control plane" in hakiri("--url", stranger.url, "runs").stderr
    assert "is no control plane" in hakiri("--url", stranger.url, "pipelines").stderr


def test_an_answer_that_breaks_off_is_an_outage(stranger: SourceServer) -> None:
    stranger.routes["/api/v1/runs"] = lambda _: Answer(iter([b'{"items": ']), length=1000)

    assert hakiri("--url", stranger.url, "runs").returncode == 69


def test_what_a_source_said_cannot_steer_the_terminal(stranger: SourceServer) -> None:
    line = {"seq": 1, "at": "2026-01-01T00:00:00Z", "level": "info", "message": "\x1b]0;owned\x07\r\nfake line"}
    page = {"items": [line], "next": None, "state": "succeeded"}
    stranger.routes["/api/v1/runs/orders@20260101T000000Z/logs"] = lambda _: as_json(page)

    said = hakiri("--url", stranger.url, "logs", "orders@20260101T000000Z").stdout

    assert len(said.splitlines()) == 1
    assert "\x1b" not in said
    assert "\x07" not in said


def test_version_answers_without_a_server() -> None:
    said = hakiri("--json", "--url", f"http://127.0.0.1:{free_port()}", "version")

    document = json.loads(said.stdout)
    assert (said.returncode, document["client"], document["server"]) == (0, __version__, None)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_of_the_shell(shell: str) -> None:
    said = hakiri("completion", shell)

    assert said.returncode == 0
    assert "_HAKIRI_COMPLETE" in said.stdout


def test_completion_knows_the_commands() -> None:
    asking = Hakiri({"_HAKIRI_COMPLETE": "bash_complete", "COMP_WORDS": "hakiri ru", "COMP_CWORD": "1"})
    script = Path(sys.executable).parent / "hakiri"

    said = subprocess.run([script], env=asking.environment(), capture_output=True, text=True, check=True).stdout

    assert said.split() == ["plain,run", "plain,runs"]


def test_who_reads_us_may_stop_reading(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("".join(f'[[pipeline]]\nid = "p{n}"\nnope = 1\n' for n in range(40)))
    with hakiri.start("validate", str(bad)) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()
        said = command.stderr.read()

    assert command.returncode == 141
    assert said == ""


def test_debug_shows_where_it_happened() -> None:
    command = Hakiri.command("--debug", "--url", f"http://127.0.0.1:{free_port()}", "runs")

    said = subprocess.run(command, env=hakiri.environment(), capture_output=True, text=True, check=False)

    assert "Traceback" in said.stderr
    assert said.returncode == 69
