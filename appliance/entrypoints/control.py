"""The control process: the HTTP API, the scheduler, the sweeper and the workers, in one."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from granian.constants import Interfaces
from granian.server.embed import Server

from appliance import __version__
from appliance.bootstrap import Control, assemble, selfhosted
from appliance.core.errors import ControlError, Unavailable
from appliance.core.run import RunId
from appliance.entrypoints.http.app import create_app
from appliance.entrypoints.logs import set_up_logging
from appliance.entrypoints.serve import EXIT_GIVE_UP
from appliance.entrypoints.ws.hub import Hub, Limits
from appliance.settings import Settings

_log = logging.getLogger("hakiri.control")

# The scheduler looks at least this often, in seconds; it wakes earlier for the next due moment.
TICK = 0.5

# How often the sweeper looks for work that nobody does, in seconds.
SWEEP = 5.0

# How often old history is deleted, in seconds.
FORGET = 3600.0

# How often the drafts' logs are looked at: whether one is to be folded, or a document rebuilt. In seconds.
TIDY = 60.0

# How often the object store is brought up to the newest revision, should it have missed one. In seconds.
MIRROR = 5.0

# This long before a fire, what its connector needs is made ready.
WARM_UP = timedelta(seconds=2)

# How long answers that are under way may take when stopping, in seconds. Runs resume; nothing is lost by hurry.
DRAIN = 5.0


@dataclass(slots=True)
class ControlProcess:
    """The loops around one Control."""

    control: Control
    stopping: threading.Event
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        control = self.control
        freed = control.recover.at_boot(node_id=control.node_id, boot=control.boot)
        if freed:
            _log.info("%d runs of an earlier process resume", freed)
        control.on.doorbell.start(self._answer)
        self._loop("recover", self._recover)
        self._loop("tick", self._tick)
        self._loop("forget", self._forget)
        self._loop("tidy", self._tidy)
        self._loop("mirror", self._mirror)

    def stop(self) -> None:
        """Runs under way are given back, to resume at the next start."""
        self.stopping.set()
        self.control.on.doorbell.stop(DRAIN)
        for thread in self._threads:
            thread.join(1.0)
        self.control.on.close()

    def _loop(self, name: str, once: Callable[[], float]) -> None:
        def run() -> None:
            while not self.stopping.is_set():
                wait = TICK
                try:
                    wait = once()
                except Unavailable as error:
                    _log.error("%s: %s", name, error)
                except Exception:  # noqa: BLE001 - one bad pass must not end the loop that everything waits for
                    _log.exception("%s", name)
                else:
                    self.control.pulse.beat(name)
                self.stopping.wait(wait)

        self._threads.append(threading.Thread(target=run, name=name, daemon=True))
        self._threads[-1].start()

    def _tick(self) -> float:
        next_due, now = self.control.tick(), self.control.on.clock.now()
        if next_due is not None and next_due - now < WARM_UP:
            self.control.on.connectors.warm()
        return _until(next_due, now)

    def _recover(self) -> float:
        self.control.recover()
        self.control.on.connectors.relax()
        return SWEEP

    def _forget(self) -> float:
        forgotten = self.control.forget()
        if forgotten:
            _log.info("history older than HAKIRI_KEEP_DAYS is forgotten: %d runs or ledger rows", forgotten)
        return FORGET

    def _tidy(self) -> float:
        self.control.rooms.tidy()
        return TIDY

    def _mirror(self) -> float:
        mirror = self.control.mirror
        told = mirror.problem
        # What does not change is not told again and again: a store may be away for hours.
        if not mirror.attempt() and mirror.problem != told:
            _log.error("mirror: %s", mirror.problem)
        return MIRROR

    def _answer(self, run_id: RunId) -> None:
        try:
            self.control.execute(run_id)
        except Unavailable as error:
            # The catalog does not answer: the lease runs out, and the sweeper rings again.
            _log.error("run %s: %s", run_id, error)
        except Exception:  # noqa: BLE001 - the lease runs out, and the sweeper rings again
            _log.exception("run %s", run_id)


def _until(next_due: datetime | None, now: datetime) -> float:
    if next_due is None:
        return TICK
    return min(max((next_due - now).total_seconds(), 0.0), TICK)


def main() -> int:
    """Run until SIGTERM. Exit code 78: starting again cannot help."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's; it says stop in order
    try:
        settings = Settings.read(os.environ)
        set_up_logging(settings)
        _claim_port(settings)
        stopping = threading.Event()
        control = assemble(selfhosted(settings), stopping=stopping.is_set, keep_days=settings.keep_days)
    except ControlError as error:
        print(f"hakiri: {error.code}: {error}", file=sys.stderr, flush=True)
        return EXIT_GIVE_UP
    token = control.teams.first_token()
    if token is not None:
        print(f"owner token (shown once): {token}", flush=True)
    process = ControlProcess(control, stopping)
    process.start()
    try:
        asyncio.run(_serve(process, settings))
    finally:
        process.stop()
    return 0


async def _serve(process: ControlProcess, settings: Settings) -> None:
    _spare_the_collector()
    hub = Hub(process.control, Limits(messages_per_second=settings.sync_rate))
    server = _server(process, settings, hub)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    serving = loop.create_task(server.serve())
    print(
        f"hakiri-control {__version__} on http://{settings.host}:{settings.port}, data in {settings.data}", flush=True
    )
    stopped = loop.create_task(stop.wait())
    await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
    process.stopping.set()  # ends the streams, which the server would wait for
    await hub.drain()
    if not serving.done():
        server.stop()  # type: ignore[no-untyped-call]  # granian types its server only in part
    try:
        await asyncio.wait_for(serving, DRAIN)
    except TimeoutError:
        _log.warning("requests were still open after %.0f s", DRAIN)


def _server(process: ControlProcess, settings: Settings, hub: Hub) -> Server:
    app = create_app(process.control, settings=settings, stopping=process.stopping.is_set, hub=hub)
    return Server(
        app,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        log_enabled=False,
        backlog=1024,
    )


def _spare_the_collector() -> None:
    """What was made at the start stays for good, and looking through it again and again holds everybody up.

    With the collector's usual thresholds the slowest of a hundred edits reached the others after 60 ms, not 20.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def _claim_port(settings: Settings) -> None:
    """granian shares a port silently with whoever has it; a plain bind tells. Raises Unavailable."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise Unavailable(
                f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; set HAKIRI_BIND"
            ) from None


if __name__ == "__main__":
    sys.exit(main())
