"""A control plane on one substrate whose time, rings and source a test holds in its hands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from appliance.bootstrap import Control, Substrate, assemble
from appliance.core.manifest import SourceText
from appliance.core.run import Run, RunId, RunState
from appliance.core.run_manifest import RunManifest
from appliance.core.team import Actor, Role
from appliance.services.live import Applied
from tests.conformance.roster import Storage
from tests.support.clock import SetClock
from tests.support.rings import HeldRings
from tests.support.scripted import ScriptedSource

ALICE = Actor("alice", Role.OWNER, "alice-token")
BOB = Actor("bob", Role.EDITOR, "bob-token")
CHARLIE = Actor("charlie", Role.VIEWER, "charlie-token")

Wrap = Callable[[Substrate], Substrate]


def pipeline(pipeline_id: str = "orders", **keys: object) -> str:
    """The TOML of one pipeline on the scripted source."""
    given = {"tables": ["orders"], **keys}
    lines = [f"{key} = {_toml(value)}" for key, value in given.items()]
    return "\n".join([f'[[pipeline]]\nid = "{pipeline_id}"\nsource = {{ connector = "scripted" }}', *lines, ""])


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


class Harness:
    """Started at once; `restart` is a kill and a new start on the same storage."""

    def __init__(self, storage: Storage, staging: Path) -> None:
        self.clock = SetClock()
        self.source = ScriptedSource(staging, {"orders": [[1, 2], [3], [4, 5]]})
        self._storage = storage
        self.start()

    def start(self, wrap: Wrap = lambda substrate: substrate) -> None:
        self.rings = HeldRings()
        self.stopping = False
        self.on = wrap(self._storage.open(self.clock, self.rings, self.source))
        self.control: Control = assemble(self.on, stopping=lambda: self.stopping)

    def restart(self) -> None:
        """What an earlier process held in memory is gone, its leases are freed as at a boot."""
        self.start()
        self.control.recover.at_boot(node_id=self.control.node_id, boot=self.control.boot)

    def apply(self, *pipelines: str) -> Applied:
        text = "\n".join(['[project]\nname = "test"\n', *pipelines])
        return self.control.apply(ALICE, [SourceText("hakiri.toml", text, "toml")], based_on=None)

    def run(self, pipeline_id: str = "orders") -> Run:
        """Ask for a run and let the rings be answered."""
        run = self.control.request.start(ALICE, pipeline_id)
        self.answer()
        return self.get(run.id)

    def answer(self) -> None:
        """Answer rings until there are none."""
        while rings := self.rings.take():
            for run_id in rings:
                self.control.execute(run_id)

    def settle(self, *, passes: int = 20, step: timedelta = timedelta(seconds=40)) -> None:
        """Only the sweeper finds work: pass after pass, until no run is unfinished."""
        for _ in range(passes):
            self.control.recover()
            self.answer()
            if all(run.state.is_final for run in self.runs()):
                return
            self.clock.forward(step)

    def get(self, run_id: RunId) -> Run:
        return self.on.runs.get(run_id)

    def runs(self) -> Sequence[Run]:
        return self.on.runs.list(pipeline_id=None, state=None, before=None, limit=500).items

    def states(self) -> list[RunState]:
        return [run.state for run in self.runs()]

    def rows(self, landed_name: str = "orders_orders") -> list[int]:
        """The ids in the committed view, as a reader of the store alone would find them."""
        found: list[int] = []
        manifests = [key for key in self.object_keys(f"tables/{landed_name}/") if key.endswith("/_manifest.json")]
        for key in manifests:
            manifest = RunManifest.from_bytes(self.on.objects.get(key))
            for part in manifest.parts:
                data = self.on.objects.get(key.replace("_manifest.json", part.name))
                found += [int(text) for text in data.decode().split(",")]
        return sorted(found)

    def object_keys(self, prefix: str = "") -> list[str]:
        return [info.key for info in self.on.objects.list(prefix)]

    def reasons(self) -> list[tuple[str, int]]:
        """Reason and count of every ledger row, oldest first."""
        page = self.on.schedules.fires(pipeline_id=None, before=None, limit=500)
        return [(row.reason, row.count) for row in reversed(page.items)]
