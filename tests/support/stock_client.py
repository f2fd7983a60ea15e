"""Runs the checks of `tests/client/stock`: the unmodified npm clients against a real server, in Node or a browser."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from urllib.request import Request, urlopen

from tests.support.serving import Serving, serving
from tests.support.tools import chromium, node
from tests.support.tools_node import CLIENT, packages

# Every check there is. One that a script leaves out, or adds, is a failure.
CHECKS = (
    "a member joins with a token and the version it has",
    "edits of maps, text and movable lists converge",
    "a pipeline that two create at once is one",
    "an update over 256 KiB arrives whole, and in a join too",
    "an update that lacks what it builds on is answered with a rejoin",
    "who left hears nothing more, and may come back",
    "a ping is answered",
    "presence is seen by who is here and who comes later",
    "a viewer is seen too",
    "presence is gone when its connection closes",
    "presence is told again after a reconnect",
    "nobody speaks in another's name",
    "a viewer reads everything and writes nothing",
    "a bad token fails the join, and a good one is let in after it",
    "garbage is refused as invalid and changes nothing",
    "a snapshot is no update",
    "a room of another epoch says where the draft went on",
    "a draft that never was cannot be joined",
    "a member who becomes a viewer comes back as one",
    "a revoked token is shut out for good",
    "what was edited offline arrives, from both sides",
    "a server that restarts says so, and is found again",
    "a killed server is found again, and nothing is lost",
    "a draft that is rebuilt goes on in another room",
    "a draft that is discarded lets everybody go",
)

Report: TypeAlias = dict[str, str]


def checked_in_node(folder: Path) -> Report:
    """What went wrong in each check; nothing, if all is well."""
    return _checked(folder, [str(CLIENT / "stock" / "in_node.mjs")], [])


def checked_in_chromium(folder: Path) -> Report:
    """The same, with every client in one page."""
    page = folder / "page"
    page.mkdir()
    return _checked(folder, [str(CLIENT / "stock" / "in_chromium.mjs")], [str(chromium()), str(page)])


def _checked(folder: Path, script: Sequence[str], arguments: Sequence[str]) -> Report:
    assert packages().is_dir()
    with serving(folder / "data") as server:
        team = Team(server)
        tokens = {name: team.token(name, role)["token"] for name, role in CAST.items()}
        given = {"url": f"ws://127.0.0.1:{server.port}/api/v1/sync", "room": team.draft()["room"], "tokens": tokens}
        command = [str(node()), *script, json.dumps(given), *arguments]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder) as running:
            try:
                report = _converse(running, team)
            finally:
                running.kill()
        assert "Traceback" not in server.output, server.output
        return report


def _converse(running: subprocess.Popen[str], team: Team) -> Report:
    """Read what the script tells and do what it asks, until it ends."""
    assert running.stdin is not None
    assert running.stdout is not None
    report: Report = {}
    for line in running.stdout:
        said = json.loads(line)
        if "ask" in said:
            answer = team.answers[said.pop("ask")](**said)
            running.stdin.write(json.dumps(answer or {}) + "\n")
            running.stdin.flush()
        else:
            report[said["check"]] = said["error"]
    assert running.wait() == 0, report
    return report


CAST = {"editor": "editor", "second": "editor", "viewer": "viewer"}

Answer: TypeAlias = dict[str, Any] | None


@dataclass
class Team:
    """What a script cannot do itself: the server's process, and the owner's deeds."""

    server: Serving
    answers: dict[str, Callable[..., Answer]] = field(default_factory=dict)
    _made: int = 0

    def __post_init__(self) -> None:
        self.answers = {
            "kill": self.server.kill_everything,
            "stop": self.stop,
            "start": self.server.start,
            "token": self.somebody,
            "revoke": lambda token_id: self._call("DELETE", f"/tokens/{token_id}"),
            "demote": lambda member: self._call("PATCH", f"/members/{member}", {"role": "viewer"}),
            "draft": self.draft,
            "create": lambda name: self._call("POST", "/config/drafts", {"name": name}),
            "rebuild": lambda name: self._call("POST", f"/config/drafts/{name}/rebuild"),
            "discard": lambda name: self._call("DELETE", f"/config/drafts/{name}"),
        }

    def stop(self) -> None:
        assert self.server.stop() == 0

    def draft(self, name: str = "main") -> dict[str, Any]:
        """The draft as the API shows it: where it is edited, and its heads."""
        found = self.server.call("GET", f"/config/drafts/{name}")
        assert isinstance(found, dict)
        return found

    def somebody(self) -> Answer:
        """A new member, an editor, with a token."""
        self._made += 1
        return self.token(f"somebody-{self._made}", "editor")

    def token(self, member: str, role: str) -> dict[str, str]:
        self.server.call("POST", "/members", {"name": member, "role": role})
        made = self.server.call("POST", "/tokens", {"member": member, "name": "test", "role": role})
        return {"token": made["text"], "id": made["token"]["id"], "member": member}

    def _call(self, method: str, path: str, body: object = None) -> Answer:
        """Many of these calls are answered with nothing at all."""
        url = f"http://127.0.0.1:{self.server.port}/api/v1{path}"
        headers = {"Authorization": f"Bearer {self.server.token}"}
        asked = Request(url, json.dumps(body).encode(), headers, method=method)
        with urlopen(asked, timeout=20) as answer:
            text = answer.read()
        return dict(json.loads(text)) if text else None
