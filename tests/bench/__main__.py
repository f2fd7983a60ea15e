"""`make bench`: every number that is promised, next to what this machine does without us."""

from __future__ import annotations

import json
import sys
import tempfile
import time
import traceback
from pathlib import Path

import click

from tests.bench import bulk, burst, durable_step, idle, machine, ready, sync, sync_draft, trigger
from tests.bench.bench import Bench, Measurement
from tests.bench.report import Line, table

MEASUREMENTS: dict[str, Measurement] = {
    "step": durable_step.measure,
    "trigger": trigger.measure,
    "burst": burst.measure,
    "bulk": bulk.measure,
    "idle": idle.measure,
    "ready": ready.measure,
    "sync": sync.measure,
    "draft": sync_draft.measure,
}
FOLDER = Path(__file__).parents[2] / ".tools"


@click.command()
@click.option("--only", "names", type=click.Choice(list(MEASUREMENTS)), multiple=True, help="Only these; repeatable.")
@click.option("--quick", is_flag=True, help="Few and small samples: shows that it works, says little.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--folder", type=click.Path(path_type=Path), default=FOLDER, help="Where to write: the disk to measure.")
@click.option("--idle-seconds", default=60.0, show_default=True, help="How long to be idle before looking.")
def main(names: tuple[str, ...], quick: bool, as_json: bool, folder: Path, idle_seconds: float) -> None:
    """Measure, and compare with targets and with this machine's own limits. Misses do not fail."""
    facts = machine.facts(folder)
    if not as_json:
        click.echo("\n".join(f"{name:14} {value}" for name, value in facts.items()))
    if machine.is_busy():
        click.echo("warning: this machine is busy with other work; the numbers below are noise", err=True)
    folder.mkdir(parents=True, exist_ok=True)
    lines: dict[str, list[Line]] = {}
    for name in names or MEASUREMENTS:
        lines[name] = _measured(name, folder, quick=quick, idle_seconds=idle_seconds)
    if as_json:
        plain = {name: [line.plain() for line in found] for name, found in lines.items()}
        click.echo(json.dumps({"machine": facts, "quick": quick, "measurements": plain}, indent=2))
    else:
        click.echo("\n" + table([line for found in lines.values() for line in found]))
    sys.exit(not all(lines.values()))


def _measured(name: str, folder: Path, *, quick: bool, idle_seconds: float) -> list[Line]:
    """Empty if it broke: the others are still worth having."""
    began = time.monotonic()
    click.echo(f"{name} ...", err=True)
    try:
        with tempfile.TemporaryDirectory(prefix=f"bench-{name}-", dir=folder) as own:
            return list(MEASUREMENTS[name](Bench(Path(own), quick, 5.0 if quick else idle_seconds)))
    except Exception:  # noqa: BLE001 - told, and the exit code says it too
        traceback.print_exc()
        return []
    finally:
        click.echo(f"{name}: {time.monotonic() - began:.0f} s", err=True)


if __name__ == "__main__":
    main()
