"""`hakiri` and who may do what: members, tokens, and the way back in when the owner's token is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hakiri import Hakiri
from tests.support.serving import Serving, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("server") / "data") as started:
        yield started


def with_token(server: Serving, token: str) -> Hakiri:
    return Hakiri({"HAKIRI_URL": f"http://127.0.0.1:{server.port}", "HAKIRI_TOKEN": token})


@pytest.fixture
def hakiri(server: Serving) -> Hakiri:
    return with_token(server, server.token)


def test_a_new_token_stands_alone_on_stdout_and_works(server: Serving, hakiri: Hakiri) -> None:
    made = hakiri("token", "create", "--name", "ci", "--lifetime", "90d")

    assert made.stdout.startswith("hak_")
    assert len(made.stdout.split()) == 1
    assert made.stdout.strip() not in made.stderr
    assert with_token(server, made.stdout.strip())("runs").returncode == 0


def test_a_token_from_a_file_works_and_its_end_of_line_is_no_part_of_it(server: Serving, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{server.token}\n")

    asked = Hakiri({"HAKIRI_URL": f"http://127.0.0.1:{server.port}"})("runs", "--token-file", str(file))

    assert asked.returncode == 0


def test_a_list_of_tokens_never_shows_one(hakiri: Hakiri) -> None:
    made = json.loads(hakiri("token", "create", "--name", "shown", "--json").stdout)

    listed = hakiri("token", "list")

    assert made["token"]["id"] in listed.stdout
    assert made["text"].rpartition("_")[2] not in listed.stdout


def test_a_revoked_token_is_not_allowed_any_more(server: Serving, hakiri: Hakiri) -> None:
    made = json.loads(hakiri("token", "create", "--json").stdout)

    revoked = hakiri("token", "revoke", made["token"]["id"])
    refused = with_token(server, made["text"])("runs")

    assert revoked.returncode == 0
    assert refused.returncode == 3
    assert "--local" in refused.stderr
    assert hakiri("token", "revoke", "000000000000").returncode == 4


def test_a_viewer_may_look_and_not_run(server: Serving, hakiri: Hakiri) -> None:
    viewer = with_token(server, hakiri("token", "create", "--role", "viewer").stdout.strip())

    assert viewer("runs").returncode == 0
    refused = viewer("run", "orders")
    assert refused.returncode == 3
    assert "takes operator" in refused.stderr


def test_without_a_token_nothing_is_allowed(server: Serving) -> None:
    assert with_token(server, "")("runs").returncode == 3


def test_members_come_change_and_go(server: Serving, hakiri: Hakiri) -> None:
    assert hakiri("member", "add", "ada", "--role", "viewer").stdout == "ada is viewer.\n"
    ada = with_token(server, hakiri("token", "create", "--member", "ada", "--role", "viewer").stdout.strip())
    assert hakiri("member", "add", "ada").returncode == 5
    assert hakiri("member", "role", "ada", "operator").returncode == 0
    assert "ada    operator" in hakiri("member", "list").stdout
    assert ada("runs").returncode == 0

    assert hakiri("member", "remove", "ada").returncode == 0

    assert ada("runs").returncode == 3
    assert hakiri("member", "remove", "ada").returncode == 4


def test_the_last_owner_stays(hakiri: Hakiri) -> None:
    assert hakiri("member", "remove", "owner").returncode == 5
    assert hakiri("member", "role", "owner", "viewer").returncode == 5


@pytest.mark.parametrize("lifetime", ["0d", "forever", "-1d", "9" * 30 + "d"])
def test_a_lifetime_that_is_none_is_a_usage_error(hakiri: Hakiri, lifetime: str) -> None:
    assert hakiri("token", "create", "--lifetime", lifetime).returncode == 2


def test_a_running_server_is_not_worked_around(server: Serving) -> None:
    done = Hakiri({"HAKIRI_DATA": str(server.data)})("token", "create", "--local")

    assert done.returncode == 5
    assert f"process {server.pid}" in done.stderr
    assert "stop the server" in done.stderr


def test_who_has_the_data_directory_gets_a_token(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as first:
        pass
    local = Hakiri({"HAKIRI_DATA": str(tmp_path / "data")})

    made = local("token", "create", "--local", "--name", "lost")
    unknown = local("token", "create", "--local", "--member", "nobody")

    first.start()
    try:
        audit = with_token(first, made.stdout.strip())("audit", "--limit", "1")
    finally:
        first.stop()
    assert "system  token.create" in audit.stdout
    assert unknown.returncode == 4


def test_a_folder_that_is_no_data_directory_stays_as_it_is(tmp_path: Path) -> None:
    done = Hakiri({"HAKIRI_DATA": str(tmp_path)})("token", "create", "--local")

    assert done.returncode == 4
    assert list(tmp_path.iterdir()) == []
