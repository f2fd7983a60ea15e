"""`hakiri draft` and a real server: what two people edit is shown, asked about, and applied as it was shown."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.integration.test_cli_terminal import on_terminal
from tests.support.cli_editing import Team, team
from tests.support.hakiri import Hakiri
from tests.support.harness import pipeline
from tests.support.sync_serving import syncing


@pytest.fixture
def us(tmp_path: Path) -> Iterator[Team]:
    with team(tmp_path) as us:
        yield us


@pytest.fixture
def hakiri(us: Team) -> Hakiri:
    return us.hakiri()


@pytest.fixture
def bob(us: Team) -> Hakiri:
    return us.hakiri("bob")


def files(**keys: object) -> str:
    """What is applied, and what `keys` say of it."""
    return '[project]\nname = "test"\n' + pipeline("orders", **{"schedule": "every 5m", **keys})


def test_what_two_people_edit_is_shown_and_applied_as_it_was_shown(us: Team, hakiri: Hakiri, bob: Hakiri) -> None:
    alice, other = us.editor(), us.editor("bob")
    alice.saved(alice.set("schedule", "every 15m"))
    other.saved(other.set("schedule", "every 1h"))

    compared, applied = hakiri("draft", "compare"), bob("draft", "apply")

    assert compared.stdout.startswith('From live:\n  ~ pipeline.orders.schedule: "every 5m" -> "every 1')
    assert applied.returncode == 0
    lines = applied.stdout.splitlines()
    assert lines[:2] == ["Draft main", "On top of revision 1:"]
    assert "Set by several who did not see each other; the first one counts:" in lines
    [rivals] = [line for line in lines if line.startswith("  pipeline.orders.schedule: ")]
    assert {'"every 15m" (alice)', '"every 1h" (bob)'} == set(rivals.partition(": ")[2].split(", "))
    assert any(line.startswith("orders    ") for line in lines)
    assert lines[-1] == "Revision 2 is in force."
    assert hakiri("draft", "compare").stdout == "Draft main says what live says.\n"


def test_no_means_no_and_yes_means_yes(us: Team, hakiri: Hakiri) -> None:
    alice = us.editor()
    alice.saved(alice.set("schedule", "every 15m"))

    refused = on_terminal(hakiri, "draft", "apply", typed="n\n")
    untouched = us.harness.on.revisions.head_number()
    agreed = on_terminal(hakiri, "draft", "apply", typed="y\n")

    assert (refused[0], "Apply? [y/N]" in refused[1], untouched) == (1, True, 1)
    assert (agreed[0], "Revision 2 is in force." in agreed[1]) == (0, True)


def test_what_is_edited_while_somebody_reads_the_plan_waits_for_the_next_apply(us: Team, hakiri: Hakiri) -> None:
    alice = us.editor()
    alice.saved(alice.set("schedule", "every 15m"))

    ended, shown = while_it_asks(hakiri, lambda: alice.saved(alice.set("timeout", "2h")))

    assert (ended, "timeout" in shown) == (0, False)
    assert "timeout" not in hakiri("config", "show").stdout
    assert "timeout" in hakiri("draft", "compare").stdout


def test_somebody_who_was_faster_is_named_and_nothing_is_applied(us: Team, hakiri: Hakiri, bob: Hakiri) -> None:
    alice = us.editor()
    alice.saved(alice.set("timeout", "2h"))

    ended, shown = while_it_asks(hakiri, lambda: bob("apply", "-", stdin=files(schedule="every 7m")))

    assert ended == 5
    assert "the head is revision 2, by bob at 2026-06-01 00:00:02 UTC" in shown
    assert us.harness.on.revisions.head_number() == 2


def while_it_asks(hakiri: Hakiri, act: Callable[[], object]) -> tuple[int, str]:
    """Do something once `hakiri draft apply` asks, then say yes; its exit code, and what the terminal showed."""
    ours, theirs = pty.openpty()
    command = subprocess.Popen(
        hakiri.command("draft", "apply"), env=hakiri.environment(), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    while b"Apply?" not in shown:
        shown += os.read(ours, 65536)
    act()
    os.write(ours, b"y\n")
    with suppress(OSError):  # Linux answers so once the other side is closed.
        while data := os.read(ours, 65536):
            shown += data
    os.close(ours)
    return command.wait(30), shown.decode()


def test_a_removal_that_meets_an_edit_cannot_be_applied(us: Team, hakiri: Hakiri, bob: Hakiri) -> None:
    alice, other = us.editor(), us.editor("bob")
    alice.saved(alice.set("removed", us.harness.control.rooms.named("main").heads()))
    other.saved(other.set("schedule", "every 1h"))

    said, document = hakiri("draft", "apply"), hakiri("draft", "apply", "--json")

    assert (said.returncode, document.returncode) == (5, 5)
    assert "  pipeline orders: removed by alice, edited by bob" in said.stdout.splitlines()
    assert "keep the pipeline, or remove it again having seen the edits" in said.stderr
    assert json.loads(document.stdout)["removals"][0]["edited_by"] == ["bob"]


def test_a_pipeline_that_is_deleted_under_somebodys_hands_is_told_as_lost(
    us: Team, hakiri: Hakiri, bob: Hakiri
) -> None:
    alice, other = us.editor(), us.editor("bob")
    alice.saved(alice.edit(lambda doc: doc.get_map("pipelines").delete("orders")))
    other.saved(other.set("schedule", "every 1h"))

    said = on_terminal(hakiri, "draft", "apply", typed="n\n")[1].splitlines()

    assert "Lost, because somebody removed what was being edited:" in said
    assert "  pipeline.orders: removed by alice, edited by bob" in said


def test_a_draft_with_problems_tells_them_and_is_not_applied(us: Team, hakiri: Hakiri) -> None:
    alice = us.editor()
    alice.saved(alice.set("schedule", "now and then"))

    said = hakiri("draft", "apply")

    assert said.returncode == 2
    assert "  draft: pipeline.orders.schedule: " in said.stdout
    assert said.stderr.startswith("hakiri: draft main has 1 problem\n")


def test_files_leave_what_others_edit_alone_and_say_so(us: Team, hakiri: Hakiri, bob: Hakiri) -> None:
    other = us.editor("bob")
    other.saved(other.set("timeout", "2h"))
    other.saved(other.set("retries", 3))

    said = hakiri("apply", "-", stdin=files(schedule="every 7m"))

    assert said.stdout.endswith("Revision 2 is in force.\n")
    assert said.stderr == "2 edits in the draft are not applied: `hakiri draft compare`\n"
    assert "timeout" not in hakiri("config", "show").stdout
    assert 'timeout = "2h"' in hakiri("config", "show", "draft").stdout


def test_a_draft_of_its_own_is_opened_compared_refreshed_applied_and_discarded(
    us: Team, hakiri: Hakiri, bob: Hakiri
) -> None:
    assert bob("draft", "create", "try").stdout == "Draft try is open, on top of revision 1.\n"
    other = us.editor("bob", "try")
    other.saved(other.set("schedule", "every 1h"))
    hakiri("apply", "-", stdin=files(retries=3))

    listed = hakiri("draft", "list")
    compared = hakiri("draft", "compare", "try", "--with", "main")
    behind = on_terminal(hakiri, "draft", "apply", "try", typed="n\n")[1]
    fresh = bob("draft", "refresh", "try")
    applied = bob("draft", "apply", "try")

    assert [line.split()[:2] for line in listed.stdout.splitlines()] == [
        ["DRAFT", "REVISION"],
        ["main", "2"],
        ["try", "1"],
    ]
    assert '  ~ pipeline.orders.schedule: "every 5m" -> "every 1h"' in compared.stdout.splitlines()
    assert "draft try knows revision 1, revision 2 is live; `hakiri draft refresh try` brings it in" in behind
    assert fresh.stdout == "Draft try is on top of revision 2.\n"
    assert "retries" not in applied.stdout
    assert applied.stdout.endswith("Revision 3 is in force.\n")
    assert bob("draft", "discard", "try").returncode == 0
    assert bob("draft", "compare", "try").returncode == 4


def test_a_draft_begins_with_the_main_one_if_asked(us: Team, hakiri: Hakiri) -> None:
    alice = us.editor()
    alice.saved(alice.set("schedule", "every 15m"))

    hakiri("draft", "create", "try", "--from-main")

    assert hakiri("draft", "compare", "try", "--with", "main").stdout == "Draft try says what main says.\n"
    assert '"every 15m"' in hakiri("draft", "compare", "try").stdout


def test_what_cannot_be_done_with_a_draft_says_why(hakiri: Hakiri, bob: Hakiri) -> None:
    hakiri("draft", "create", "mine")
    ends = {
        ("draft", "create", "mine"): (5, "is open already"),
        ("draft", "create", "Mine"): (2, "write at most 32 of a-z"),
        ("draft", "create", "live"): (2, "choose another"),
        ("draft", "discard", "main"): (3, "operator"),
        ("draft", "discard", "mine"): (3, "operator"),
        ("draft", "rebuild", "main"): (3, "operator"),
        ("draft", "apply", "nope"): (4, "nope"),
        ("draft", "refresh", "../x"): (2, "write at most 32 of a-z"),
    }

    said = {command: bob(*command) for command in ends}

    assert {command: done.returncode for command, done in said.items()} == {one: end[0] for one, end in ends.items()}
    assert [command for command, (_, text) in ends.items() if text not in said[command].stderr] == []


def test_nothing_is_applied_of_a_draft_that_is_empty(tmp_path: Path) -> None:
    with syncing(tmp_path) as server:
        said = Team(server, tmp_path).hakiri()("draft", "apply")

        assert (said.returncode, said.stdout.splitlines()[-1]) == (0, "There is nothing to apply yet.")
        assert server.api.harness.on.revisions.head() is None


def test_names_of_drafts_complete(us: Team, hakiri: Hakiri) -> None:
    hakiri("draft", "create", "mine")
    words = {"_HAKIRI_COMPLETE": "bash_complete", "COMP_WORDS": "hakiri draft compare m", "COMP_CWORD": "3"}
    script = Path(sys.executable).parent / "hakiri"

    said = subprocess.run(
        [script], env=us.hakiri(**words).environment(), capture_output=True, text=True, check=True
    ).stdout

    assert said.split() == ["plain,main", "plain,mine"]
