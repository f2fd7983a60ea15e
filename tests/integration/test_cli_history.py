"""`hakiri config` and a real server: who changed what, what was said then, how it differs, and the way back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.test_cli_terminal import on_terminal
from tests.support.cli_editing import Team, team
from tests.support.hakiri import Hakiri
from tests.support.harness import pipeline
from tests.support.histories import OSCAR


@pytest.fixture
def us(tmp_path: Path) -> Iterator[Team]:
    with team(tmp_path) as us:
        yield us


@pytest.fixture
def hakiri(us: Team) -> Hakiri:
    return us.hakiri()


def edited(us: Team) -> None:
    """Alice changes the schedule and Bob the timeout, each after a while; Bob applies both."""
    for name, field, value in (("alice", "schedule", "every 15m"), ("bob", "timeout", "2h")):
        editor = us.editor(name)
        editor.saved(editor.set(field, value))
        us.wait(90)
    assert us.hakiri("bob")("draft", "apply").returncode == 0
    us.wait()


def without_times(text: str) -> list[str]:
    """Lines, without the moment that some begin with."""
    return [line.partition(")  ")[2] or line for line in text.splitlines()]


def test_the_log_tells_who_changed_which_field_and_who_applied_it(us: Team, hakiri: Hakiri) -> None:
    edited(us)

    said = hakiri("config", "log", "--limit", "3")

    assert without_times(said.stdout) == [
        "bob  applied revision 2",
        "bob",
        '  pipeline.orders.timeout: nothing -> "2h"',
        "alice",
        '  pipeline.orders.schedule: "every 5m" -> "every 15m"',
    ]
    assert said.stdout.startswith("2026-06-01 00:03:02Z (")


def test_the_log_is_of_one_pipeline_one_member_or_one_draft(us: Team, hakiri: Hakiri) -> None:
    edited(us)
    hakiri("draft", "create", "try")
    us.wait()

    by_bob = json.loads(hakiri("config", "log", "--member", "bob", "--json").stdout)["items"]
    of_nothing = hakiri("config", "log", "--pipeline", "nope")
    of_try = hakiri("config", "log", "--draft", "try")

    assert [entry["event"] for entry in by_bob] == ["applied", "edited"]
    assert of_nothing.stdout == "Nothing was edited yet.\n"
    assert without_times(of_try.stdout) == ["alice  opened the draft"]


def test_the_log_goes_on_past_a_rebuilt_document(us: Team, hakiri: Hakiri) -> None:
    edited(us)
    us.harness.control.rooms.rebuild(OSCAR, "main", "asked")
    us.wait()

    said = without_times(hakiri("config", "log").stdout)

    assert said[:2] == ["oscar  rebuilt the document", "bob  applied revision 2"]
    assert said[-1] == "system  began the draft"


def test_a_name_cannot_steer_the_terminal(us: Team, hakiri: Hakiri) -> None:
    editor = us.editor()
    editor.saved(editor.set("\x1b]0;owned\x07", "\x1b[31m\r\nfake line"))

    said = hakiri("config", "log", "--limit", "1").stdout

    assert len(said.splitlines()) == 2
    assert "\x1b" not in said
    assert "\x07" not in said


def test_a_long_value_is_cut_to_the_terminal_and_nowhere_else(us: Team, hakiri: Hakiri) -> None:
    editor = us.editor()
    editor.saved(editor.set("timeout", "x" * 300))

    shown = on_terminal(us.hakiri(COLUMNS="60", NO_COLOR="1"), "config", "log", "--limit", "1")[1]

    assert {len(line) <= 60 for line in shown.splitlines()} == {True}
    assert "x" * 300 in hakiri("config", "log", "--limit", "1").stdout


def test_what_was_said_is_printed_ready_for_a_file(us: Team, hakiri: Hakiri) -> None:
    edited(us)

    live, first, then, draft = (
        hakiri("config", "show", *point).stdout for point in ((), ("1",), ("2026-06-01T00:01:00Z",), ("draft",))
    )

    assert live == draft
    assert ('schedule = "every 5m"' in first, 'schedule = "every 15m"' in then, "timeout" in then) == (
        True,
        True,
        False,
    )
    assert hakiri("validate", "-", stdin=live.replace('connector = "scripted"', 'connector = "http"')).returncode == 0
    assert json.loads(hakiri("config", "show", "--json").stdout)["revision"] == 2


def test_a_draft_with_problems_is_not_printed_but_told(us: Team, hakiri: Hakiri) -> None:
    editor = us.editor()
    editor.saved(editor.set("schedule", "now and then"))

    said, document = hakiri("config", "show", "draft"), hakiri("config", "show", "draft", "--json")

    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("draft: pipeline.orders.schedule: ")
    assert said.stderr.endswith("hakiri: 1 problem found\n")
    assert (document.returncode, json.loads(document.stdout)["toml"]) == (2, None)


def test_any_two_points_are_compared(us: Team, hakiri: Hakiri) -> None:
    edited(us)

    assert hakiri("config", "diff").stdout == "From live to draft nothing changes.\n"
    assert hakiri("config", "diff", "1").stdout.splitlines() == [
        '  ~ pipeline.orders.schedule: "every 5m" -> "every 15m"',
        '  ~ pipeline.orders.timeout: "6h" -> "2h"',
    ]
    assert hakiri("config", "diff", "2", "2026-06-01T00:01:00+00:00").stdout.splitlines() == [
        '  ~ pipeline.orders.timeout: "2h" -> "6h"'
    ]


def test_a_revert_shows_what_changes_back_and_asks(us: Team, hakiri: Hakiri) -> None:
    edited(us)

    refused = on_terminal(hakiri, "config", "revert", "1", typed="n\n")
    done = hakiri("config", "revert", "1")
    us.wait()
    again = hakiri("draft", "apply")

    assert (refused[0], "Revert? [y/N]" in refused[1]) == (1, True)
    assert done.stdout.splitlines() == [
        "Back from revision 2 to what revision 1 said:",
        '  ~ pipeline.orders.schedule: "every 15m" -> "every 5m"',
        '  ~ pipeline.orders.timeout: "2h" -> "6h"',
        "Revision 3 is in force.",
    ]
    assert again.stdout.splitlines()[-1] == "Revision 3 stays in force."
    assert without_times(hakiri("config", "log", "--limit", "1").stdout) == [
        "alice  applied revision 3, back to revision 1"
    ]


def test_what_was_reverted_is_applied_again_only_if_somebody_insists(us: Team, hakiri: Hakiri) -> None:
    file = us.folder / "next.toml"
    file.write_text('[project]\nname = "test"\n' + pipeline(schedule="every 7m"))
    hakiri("apply", str(file))
    us.wait()
    hakiri("config", "revert", "1")
    us.wait()

    refused, done = hakiri("apply", str(file)), hakiri("apply", "--again", str(file))

    assert refused.returncode == 5
    assert "was reverted with revision 3, by alice" in refused.stderr
    assert done.stdout.endswith("Revision 4 is in force.\n")


def test_what_cannot_be_looked_back_at_says_why(us: Team, hakiri: Hakiri) -> None:
    ends = {
        ("show", "99"): (4, "no revision 99"),
        ("show", "yesterday"): (2, "write a revision's number"),
        ("show", "2020-01-01"): (4, "no draft main was open"),
        ("show", "draft:nope"): (4, "nope"),
        ("diff", "0"): (2, "write a revision's number"),
        ("diff", "99", "live"): (4, "no revision 99"),
        ("log", "--draft", "nope"): (4, "nope"),
        ("revert", "1"): (2, "is the head"),
        ("revert", "99"): (4, "no revision 99"),
        ("revert", "x"): (2, "x"),
    }

    said = {command: hakiri("config", *command) for command in ends}

    assert {command: done.returncode for command, done in said.items()} == {one: end[0] for one, end in ends.items()}
    assert [command for command, (_, text) in ends.items() if text not in said[command].stderr] == []
    assert us.hakiri("charlie")("config", "revert", "1").returncode in (2, 3)
