"""`hakiri doctor`: look at everything a control plane needs on this machine, and say what to fix."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from appliance.entrypoints.cli import words
from appliance.entrypoints.cli.door import Door, answering, pass_door
from appliance.entrypoints.cli.ends import Exit
from appliance.entrypoints.cli.findings import Finding, Level, broken, good

if TYPE_CHECKING:
    from appliance.settings import Settings


@click.command(
    epilog="""\b
Examples:
  hakiri doctor
  HAKIRI_DATA=/var/lib/hakiri hakiri doctor
  docker exec NAME hakiri doctor --json"""
)
@answering
@pass_door
def doctor(door: Door) -> None:
    """Check this machine: settings, data directory, disk, clock, port, bucket, secrets, connectors.

    Reads the same variables as `hakiri serve`. It writes only a few small files, and removes them. May run beside
    a server. Exit code 1 if something is broken; what is merely doubtful does not count.
    """
    findings = []
    for finding in _examine():
        findings.append(finding)
        if not door.as_json:
            click.echo(str(finding))
    bad = sum(finding.level is Level.BROKEN for finding in findings)
    verdict = f"\n{words.some(bad, 'thing')} broken." if bad else "\nNothing is broken."
    value = {"healthy": not bad, "findings": [finding.to_value() for finding in findings]}
    door.answer(value, lambda: verdict)
    if bad:
        raise click.exceptions.Exit(Exit.FAILED)


def _examine() -> Iterator[Finding]:
    from appliance.core.errors import ControlError  # noqa: PLC0415 - `--help` must not wait for it
    from appliance.settings import Settings  # noqa: PLC0415

    try:
        settings = Settings.read(os.environ)
    except ControlError as error:
        yield broken("settings", str(error), "correct the variable; docs/settings.md explains each")
        return
    yield good("settings", f"profile {settings.profile}, data in {settings.data}")
    yield from _with(settings)


def _with(settings: Settings) -> Iterator[Finding]:
    from appliance.entrypoints.cli import doctor_catalog, doctor_machine, doctor_reach  # noqa: PLC0415

    yield from doctor_machine.examine(settings)
    holder = doctor_machine.holder(settings)
    yield from doctor_reach.port(settings, holder)
    yield from doctor_catalog.examine(settings, holder)
    yield doctor_machine.versions()
