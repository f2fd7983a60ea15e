"""Runs the checks of `tests/client/page`: the page itself, in real browsers, against a real server."""

from __future__ import annotations

import json
import subprocess
from http import HTTPStatus
from pathlib import Path
from typing import TypeAlias

from tests.support.serving import serving
from tests.support.stock_client import Team
from tests.support.tools import chromium, node
from tests.support.tools_node import CLIENT, packages
from tests.support.tools_run import ROOT

CONSOLE = ROOT / "console"
BUILT = ROOT / "appliance" / "entrypoints" / "console"

# Who edits. Each of them has a browser of their own.
CAST = {"ann": "editor", "bea": "editor", "olga": "operator", "vic": "viewer", "mallory": "editor"}

# Every check there is. One that the script leaves out, or adds, is a failure.
CHECKS = (
    "a wrong token is refused in plain words",
    "two people see each other, and in which pipeline and field",
    "edits of one pipeline in different fields reach both",
    "a field that both set at once shows both values and who set them",
    "notes that two type at once are merged, and no caret jumps",
    "tables are added, given options and put in order",
    "settings of a source are text or JSON, one by one",
    "a pipeline that one removes and another edits is a conflict for both",
    "what is applied is what was shown, although somebody went on typing",
    "an apply that comes too late says who was faster, and when",
    "what was edited offline is kept, and saved when the network is back",
    "a viewer sees everything and changes nothing",
    "who closes the page is gone from the others'",
    "names and notes with markup are shown as text",
    "history shows what was applied, and goes back to it",
    "what was reverted is applied again only if somebody insists",
    "what is lost because its place was taken away is told to both",
    "a draft beside the main one is opened, and discarded",
    "a draft that goes on in a new document is followed",
    "a token that is revoked ends the session",
    "a problem leads to its field",
    "every change is shown with who made it, and the edits are told",
    "what is applied at the command line arrives in the page",
    "a server that is killed is found again, and nothing is lost",
    "an editor who becomes a viewer goes on reading",
    "the page keeps to its origin and its policy",
)

Report: TypeAlias = dict[str, str]


def build(target: Path) -> None:
    """Build the page out of its source."""
    assert packages().is_dir()
    script = str(CONSOLE / "build.mjs")
    done = subprocess.run([str(node()), script, str(target)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def checked(folder: Path, *, only: str = "") -> Report:
    """What went wrong in each check; nothing, if all is well."""
    assert packages().is_dir()
    with serving(folder / "data") as server:
        team = Team(server)
        tokens = {name: team.token(name, role)["token"] for name, role in CAST.items()}
        given = {"origin": f"http://127.0.0.1:{server.port}", "tokens": tokens, "only": only}
        command = [str(node()), str(CLIENT / "page" / "main.mjs"), json.dumps(given), str(chromium())]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder) as running:
            try:
                return _converse(running, team)
            finally:
                running.kill()


def _converse(running: subprocess.Popen[str], team: Team) -> Report:
    """Read what the script tells and do what it asks, until it ends."""
    assert running.stdin is not None
    assert running.stdout is not None
    report: Report = {}
    for line in running.stdout:
        said = json.loads(line)
        if "ask" in said:
            answer = _answer(team, said.pop("ask"), said)
            running.stdin.write(json.dumps(answer or {}) + "\n")
            running.stdin.flush()
        else:
            report[said["check"]] = said["error"]
    assert running.wait() == 0, report
    return report


def _answer(team: Team, what: str, details: dict[str, str]) -> dict[str, object] | None:
    """What only the owner, or a script beside the page, can do; `fault` says that it did not work."""
    try:
        if what == "head":
            status, head = team.server.request("GET", "/api/v1/config")
            return dict(head) if status == HTTPStatus.OK else {"number": 0, "manifest": ""}
        if what == "apply":
            files = [{"name": "hakiri.toml", "text": details["text"]}]
            return dict(team.server.call("POST", "/config/apply", {"files": files}))
        return team.answers[what](**details)
    except OSError as error:
        return {"fault": f"{what}: {error}"}
