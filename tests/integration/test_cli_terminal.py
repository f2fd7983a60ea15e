"""`hakiri` on a terminal: it asks before it changes anything, and colours only there."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hakiri import Hakiri
from tests.support.serving import Serving, serving

MANIFEST = '[[pipeline]]\nid = "orders"\ntables = ["orders"]\nsource = { connector = "http" }\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("server") / "data") as started:
        yield started


def on_terminal(hakiri: Hakiri, *arguments: str, typed: str = "") -> tuple[int, str]:
    """Exit code, and what the terminal showed."""
    ours, theirs = pty.openpty()
    command = subprocess.Popen(
        hakiri.command(*arguments), env=hakiri.environment(), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    shown = b""
    try:
        while data := os.read(ours, 65536):
            shown += data
    except OSError:
        # Linux answers so once the other side is closed.
        pass
    os.close(ours)
    return command.wait(30), shown.decode()


def asking(server: Serving, **variables: str) -> Hakiri:
    url = f"http://127.0.0.1:{server.port}"
    return Hakiri({"HAKIRI_URL": url, "HAKIRI_TOKEN": server.token, "TERM": "xterm", **variables})


def test_no_means_no_and_yes_means_yes(server: Serving, tmp_path: Path) -> None:
    file = tmp_path / "hakiri.toml"
    file.write_text(MANIFEST)
    hakiri = asking(server)

    refused = on_terminal(hakiri, "apply", str(file), typed="n\n")
    untouched = hakiri("revisions").stdout
    agreed = on_terminal(hakiri, "apply", str(file), typed="y\n")

    assert refused[0] == 1
    assert "Apply? [y/N]" in refused[1]
    assert untouched == "Nothing is applied yet.\n"
    assert agreed[0] == 0
    assert "Revision 1 is in force." in agreed[1]


def test_a_table_is_coloured_on_a_terminal_unless_somebody_minds(server: Serving) -> None:
    assert "\x1b[" in on_terminal(asking(server), "member", "list")[1]
    assert "\x1b[" not in on_terminal(asking(server, NO_COLOR="1"), "member", "list")[1]


def test_a_long_line_is_cut_to_the_terminal_and_not_wrapped(server: Serving) -> None:
    shown = on_terminal(asking(server, COLUMNS="30", NO_COLOR="1"), "member", "list")[1]

    assert {len(line) <= 30 for line in shown.splitlines()} == {True}
