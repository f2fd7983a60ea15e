"""Editors of one draft at once: how many edits a second are durable, and how soon the others have them.

The load is the worst there is: all editors type at once, nobody waits for anybody, everybody gets everything. What
was acknowledged is looked for afterwards, by one more client, and again after all processes were killed. The two
others acknowledge from memory, and are not asked what is left after a crash.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench import sync_edits, sync_load, sync_servers
from tests.bench.bench import Bench
from tests.bench.disk import raw_commits
from tests.bench.report import Line
from tests.bench.sync_edits import Edits
from tests.bench.sync_load import Load, Result

EDITORS = (1, 10, 50, 100)
LEAST = {50: 15_000.0, 100: 10_000.0}
LEAST_RATIO = {"SimpleServer": 20.0, "Hocuspocus": 5.0}
COMPARED_AT = 50

# Edits a second by all editors together: more than a team types.
TYPED = 200
SOCKETS = (50, 300)
FANOUT_MS = 20.0

PEERS = {"SimpleServer": "simple", "Hocuspocus": "hocuspocus"}
OURS = "hakiri"


@dataclass(frozen=True, slots=True)
class _Found:
    """The best round of each server. What disturbs a round only makes it worse."""

    best: Mapping[str, Result]
    commits: float


def measure(bench: Bench) -> Iterator[Line]:
    """As many as they can, by 1, 10, 50 and 100 editors; then 200 a second in all, by 50 and by 300."""
    sync_servers.provide_packages()
    seconds = float(bench.count(4, quick=1))
    edits = sync_edits.make(bench.folder, _counts(seconds))
    for editors in EDITORS:
        found = _rounds(bench, Load(editors=editors, seconds=seconds), edits, better=lambda result: result.operations)
        yield from _throughput(editors, found)
    for editors in SOCKETS:
        load = Load(editors=editors, seconds=2 * seconds, rate=TYPED)
        found = _rounds(bench, load, edits, better=lambda result: -(result.fanout or result.ack).p99)
        yield from _latency(editors, found)


def _counts(seconds: float) -> list[int]:
    """Edits by editor: the fewer are at it, the more each of them has to send."""
    most = {1: 6_000, 10: 2_200, 50: 500, 100: 250, 300: 30}
    ahead = seconds + sync_load.WARM_SECONDS + 1
    return [int(ahead * next(count for few, count in most.items() if place < few)) for place in range(max(SOCKETS))]


def _rounds(bench: Bench, load: Load, edits: Edits, *, better: Callable[[Result], float]) -> _Found:
    """All servers in turn, so that they share the minute."""
    found: dict[str, list[Result]] = {}
    commits: list[float] = []
    for _ in range(bench.count(2, quick=1)):
        commits.append(_commits(bench.folder))
        found.setdefault(OURS, []).append(_ours(bench.folder, load, edits))
        for name, peer in PEERS.items():
            with sync_servers.peer(peer) as target:
                found.setdefault(name, []).append(sync_load.run(target, load, edits))
    return _Found({name: max(results, key=better) for name, results in found.items()}, max(commits))


def _ours(folder: Path, load: Load, edits: Edits) -> Result:
    with (
        tempfile.TemporaryDirectory(dir=folder) as own,
        sync_servers.ours(Path(own), editors=load.editors) as (server, target),
    ):
        result = sync_load.run(target, load, edits)
        expected = edits.expected(result.acknowledged)
        sync_servers.check(server, target.room, expected)
        sync_servers.check_after_a_crash(server, target.room, expected)
    return result


def _commits(folder: Path) -> float:
    """A second, one after the other, by SQLite alone."""
    with tempfile.TemporaryDirectory(dir=folder) as own, raw_commits(Path(own)) as commit:
        began, count = time.monotonic(), 0
        while time.monotonic() < began + 1.0:
            commit()
            count += 1
        return count


def _throughput(editors: int, found: _Found) -> Iterator[Line]:
    ours, who = found.best[OURS], _who(editors)
    yield Line(
        measurement=f"{who}: durable edits",
        value=ours.operations,
        unit="/s",
        reference=found.commits,
        reference_is="SQLite commits of one row",
        least=LEAST.get(editors),
    )
    for name in PEERS:
        yield Line(
            measurement=f"{who}: durable edits",
            value=ours.operations,
            unit="/s",
            reference=found.best[name].operations,
            reference_is=f"{name} in memory",
            least_ratio=LEAST_RATIO[name] if editors == COMPARED_AT else None,
        )
    yield from _times(who, found)
    yield from _processor(who, ours)


def _latency(editors: int, found: _Found) -> Iterator[Line]:
    who = f"{TYPED}/s by {_who(editors)}"
    yield from _times(who, found, most=FANOUT_MS)
    yield from _processor(who, found.best[OURS])


def _times(who: str, found: _Found, *, most: float | None = None) -> Iterator[Line]:
    """Against the faster one of the others."""
    ours = found.best[OURS]
    name, theirs = min(((name, found.best[name]) for name in PEERS), key=lambda each: each[1].ack.p50)
    for what, own, other in (
        ("acknowledged", ours.ack, theirs.ack),
        ("seen by others", ours.fanout, theirs.fanout),
    ):
        for percent in (50, 99) if own else ():
            yield Line(
                measurement=f"{who}: {what}, p{percent}",
                value=getattr(own, f"p{percent}"),
                unit="ms",
                reference=getattr(other, f"p{percent}", None),
                reference_is=f"{name} in memory",
                most=most if percent == 99 and own is ours.fanout else None,
            )


def _processor(who: str, ours: Result) -> Iterator[Line]:
    for what, cores in (("server", ours.server_cores), ("load", ours.load_cores), ("others", ours.other_cores)):
        yield Line(measurement=f"{who}: a core, {what}", value=100 * cores, unit="%")


def _who(editors: int) -> str:
    return "1 editor" if editors == 1 else f"{editors} editors"
