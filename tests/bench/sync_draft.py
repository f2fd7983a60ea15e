"""What a large draft costs whoever joins it, and what editors cost who do nothing."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from appliance.core.sync.decode import decode
from appliance.core.sync.encode import encode
from appliance.core.sync.fragments import Fragments
from appliance.core.sync.frames import DocUpdate, Fragment, FragmentHeader, Join, Kind, Room
from tests.bench import sync_edits, sync_servers
from tests.bench.bench import Bench, percentile
from tests.bench.report import Line
from tests.bench.sync_load import BENCH, Target
from tests.bench.tree import memory
from tests.support.serving import Serving, serving
from tests.support.sync_serving import main_room
from tests.support.sync_socket import SyncSocket
from tests.support.tools_node import node

PIPELINES = 1_000
JOIN_MS = 200.0

IDLE = 300
IDLE_KB = 150.0
KB = 1e3

# After the last one joined: caches settle.
SETTLE = 3.0


def measure(bench: Bench) -> Iterator[Line]:
    """1,000 pipelines that were applied, and 300 sockets in a draft of 20."""
    sync_servers.provide_packages()
    yield from _joins(bench)
    yield from _idle(bench)


def _joins(bench: Bench) -> Iterator[Line]:
    names = [f"pipeline-{number:04}" for number in range(PIPELINES)]
    times = bench.count(20, quick=3)
    with serving(bench.folder / "large") as server:
        _apply(server, names)
        room = main_room(server)
        alone = [_joined(server, room) for _ in range(times)]
        stock = _by_the_stock_client(server, times, names)
    what = f"{PIPELINES:,} pipelines, join by the stock client"
    for name, key, most in (("one is read", "there", JOIN_MS), ("all as JSON", "read", None)):
        for percent in (50, 99):
            yield Line(
                measurement=f"{what}: {name}, p{percent}",
                value=percentile([each[key] for each in stock], percent),
                unit="ms",
                reference=percentile(alone, percent) * 1e3,
                reference_is="until a bare socket has all of it",
                most=most if percent == 99 else None,
            )


def _joined(server: Serving, room: str) -> float:
    """Seconds from asking to the last message of the document, which is not read any further."""
    with closing(SyncSocket(server.port)) as socket:
        place, fragments = Room(Kind.DOC, room), Fragments()
        whole: object = None
        began = time.perf_counter()
        socket.send(encode(Join(place, server.token.encode(), b"")))
        while whole is None:
            message = socket.receive(10.0)
            assert isinstance(message, bytes), message
            match decode(message):
                case DocUpdate(_, _, [whole]):
                    pass
                case FragmentHeader() as header:
                    fragments.begin(header, 0.0)
                case Fragment() as fragment:
                    whole = fragments.add(fragment)
        return time.perf_counter() - began


def _by_the_stock_client(server: Serving, times: int, pipelines: Sequence[str]) -> list[dict[str, float]]:
    asked = {
        "url": f"ws://127.0.0.1:{server.port}/api/v1/sync",
        "room": main_room(server),
        "token": server.token,
        "times": times,
        "pipelines": len(pipelines),
        "first": pipelines[0],
    }
    command = [str(node()), "join.mjs", json.dumps(asked)]
    told = subprocess.run(command, cwd=BENCH, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: list[dict[str, float]] = json.loads(told)
    return found


def _idle(bench: Bench) -> Iterator[Line]:
    """A new server each time: memory that was given back would be taken again."""
    bare = _each(bench.folder / "bare", lambda server, _target, _place: SyncSocket(server.port))
    joined = _each(bench.folder / "joined", _sitting)
    yield Line(
        measurement=f"{IDLE} editors who do nothing: PSS for each",
        value=joined / KB,
        unit="kB",
        reference=bare / KB,
        reference_is="a socket that never said a word",
        most=IDLE_KB,
    )


def _each(folder: Path, sit: Callable[[Serving, Target, int], SyncSocket]) -> float:
    """Bytes of the control process for one more of them."""
    folder.mkdir()
    with sync_servers.ours(folder, editors=IDLE) as (server, target), ExitStack() as open_sockets:
        _apply(server, sync_edits.PIPELINES)
        # One is there before: what the first one brings along is not what one more costs.
        open_sockets.enter_context(closing(_sitting(server, target, 0)))
        time.sleep(SETTLE)
        before = _control(server)
        for place in range(IDLE):
            open_sockets.enter_context(closing(sit(server, target, place)))
        time.sleep(SETTLE)
        return (_control(server) - before) / IDLE


def _apply(server: Serving, pipelines: Sequence[str]) -> None:
    files = [{"name": "hakiri.toml", "text": sync_edits.manifest(pipelines)}]
    server.call("POST", "/config/apply", {"files": files})


def _sitting(server: Serving, target: Target, place: int) -> SyncSocket:
    """In the room, and its document read from the wire."""
    socket = SyncSocket(server.port)
    token = target.tokens[place % len(target.tokens)].encode()
    for kind in (Kind.DOC, Kind.PRESENCE):
        socket.send(encode(Join(Room(kind, target.room), token, b"")))
        assert socket.receive(10.0) is not None
    return socket


def _control(server: Serving) -> int:
    """Memory of the control process, in bytes."""
    return memory(server.control_pid).pss
