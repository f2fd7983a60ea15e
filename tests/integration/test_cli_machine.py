"""`hakiri serve` and `hakiri doctor`: what is wrong with a machine is said before it hurts."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.hakiri import Hakiri
from tests.support.serving import free_port, serving

NEEDS_SECRET = """
[[pipeline]]
id = "orders"
tables = ["orders"]
secrets = ["SHOP_TOKEN"]

[pipeline.source]
connector = "http"
config = { url = "https://shop.example.com", params = { key = "${secret:SHOP_TOKEN}" } }
"""


def on(data: Path, **variables: str) -> Hakiri:
    return Hakiri({"HAKIRI_DATA": str(data), "HAKIRI_BIND": f"127.0.0.1:{free_port()}", **variables})


def levels(done: object) -> dict[str, str]:
    """What was looked at, and the worst that was found there."""
    found: dict[str, str] = {}
    for finding in json.loads(str(done))["findings"]:
        worse = finding["level"] != "good" or finding["what"] not in found
        found[finding["what"]] = finding["level"] if worse else found[finding["what"]]
    return found


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_good_machine_is_healthy_and_stays_untouched(tmp_path: Path) -> None:
    done = on(tmp_path / "data")("doctor", "--json")

    assert done.returncode == 0
    assert levels(done.stdout).keys() >= {"settings", "data", "space", "disk", "clock", "port", "connector", "versions"}
    assert list(tmp_path.iterdir()) == []


def test_a_setting_that_is_none_is_broken(tmp_path: Path) -> None:
    done = on(tmp_path, HAKIRI_WORKERS="many")("doctor")

    assert done.returncode == 1
    assert "HAKIRI_WORKERS" in done.stdout
    assert "fix: " in done.stdout


def test_a_data_directory_that_cannot_be_is_broken(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    done = on(tmp_path / "file" / "data")("doctor", "--json")

    assert (done.returncode, levels(done.stdout)["data"]) == (1, "broken")


def test_a_taken_port_is_broken_for_the_doctor_and_ends_serve_with_78(tmp_path: Path) -> None:
    with taken_port() as port:
        hakiri = on(tmp_path / "data", HAKIRI_BIND=f"127.0.0.1:{port}")
        examined, served = hakiri("doctor", "--json"), hakiri("serve")

    assert (examined.returncode, levels(examined.stdout)["port"]) == (1, "broken")
    assert served.returncode == 78
    assert f"127.0.0.1:{port}" in served.stderr


def test_a_secret_that_a_pipeline_names_must_be_there(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        server.apply(NEEDS_SECRET)
    before = {path: path.read_bytes() for path in (tmp_path / "data").glob("catalog.db*")}

    missing = on(tmp_path / "data")("doctor", "--json")
    given = on(tmp_path / "data", HAKIRI_SECRET_SHOP_TOKEN="x")("doctor", "--json")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "SHOP_TOKEN").write_text("x\n")
    mounted = on(tmp_path / "data", HAKIRI_SECRETS_DIR=str(tmp_path / "secrets"))("doctor", "--json")

    assert (missing.returncode, levels(missing.stdout)["secret"]) == (1, "broken")
    assert "HAKIRI_SECRET_SHOP_TOKEN" in missing.stdout
    assert (given.returncode, mounted.returncode) == (0, 0)
    assert {path: path.read_bytes() for path in (tmp_path / "data").glob("catalog.db*")} == before


def test_the_doctor_comes_to_a_running_server(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        done = on(tmp_path / "data", HAKIRI_BIND=f"127.0.0.1:{server.port}")("doctor", "--json")

        assert done.returncode == 0
        assert f"process {server.pid}" in done.stdout


def test_a_catalog_that_is_garbage_is_broken(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "catalog.db").write_bytes(os.urandom(8192))

    done = on(tmp_path / "data")("doctor", "--json")

    assert (done.returncode, levels(done.stdout)["catalog"]) == (1, "broken")


def test_a_second_server_names_the_first_and_leaves(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        second = on(tmp_path / "data")("serve")

        assert second.returncode == 5
        assert f"process {server.pid}" in second.stderr


@pytest.mark.parametrize(
    ("option", "value", "variable"),
    [("--bind", "nowhere", "HAKIRI_BIND"), ("--workers", "0", "HAKIRI_WORKERS")],
)
def test_an_option_is_checked_like_its_variable(tmp_path: Path, option: str, value: str, variable: str) -> None:
    done = on(tmp_path / "data")("serve", option, value)

    assert done.returncode == 2
    assert variable in done.stderr
    assert not (tmp_path / "data").exists()


def test_an_option_wins_over_its_variable(tmp_path: Path) -> None:
    with taken_port() as port:
        done = on(tmp_path / "data")("serve", "--bind", f"127.0.0.1:{port}")

    assert done.returncode == 78
    assert f"127.0.0.1:{port}" in done.stderr
