"""Members of a team at their command lines and in their editors, on one server that a test holds in its hands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from appliance.core.draft import MAIN
from tests.support.hakiri import Hakiri
from tests.support.harness import pipeline
from tests.support.sync_client import Editor
from tests.support.sync_serving import Syncing, syncing


class Team:
    """Alice is the owner, Oscar an operator, Bob an editor, Charlie a viewer."""

    def __init__(self, server: Syncing, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.harness = server.api.harness

    def hakiri(self, name: str = "alice", **variables: str) -> Hakiri:
        url, token = f"http://127.0.0.1:{self.server.wire.port}", self.server.api.tokens[name]
        return Hakiri({"HAKIRI_URL": url, "HAKIRI_TOKEN": token, "TERM": "xterm", **variables}, self.folder)

    def editor(self, name: str = "alice", draft: str = MAIN) -> Editor:
        """With all that the draft says."""
        editor = self.server.editor(name, room=str(self.harness.control.rooms.named(draft).id))
        editor.join()
        editor.read_all()
        return editor

    def wait(self, seconds: float = 2) -> None:
        self.harness.clock.forward(timedelta(seconds=seconds))


@contextmanager
def team(folder: Path) -> Iterator[Team]:
    """Until the block ends. One pipeline is applied, by Alice."""
    with syncing(folder) as server:
        team = Team(server, folder)
        team.harness.apply(pipeline(schedule="every 5m"))
        team.wait()
        yield team
