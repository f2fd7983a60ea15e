"""Commands about the manifest: validate, plan, apply."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import click

from appliance.entrypoints.cli import changes, words
from appliance.entrypoints.cli.client import Json
from appliance.entrypoints.cli.door import Door, answering, asking, pass_door
from appliance.entrypoints.cli.ends import Exit, Stop

STDIN = "-"

# More than the server takes; no need to read a disk image to know that it is no manifest.
READ_BYTES = 8 << 20

# The server's limit for the name of a file; the end of a long path says most.
NAME_CHARS = 255

_files = click.argument("files", nargs=-1, required=True, metavar="FILE...")


@click.command(
    epilog="""\b
Examples:
  hakiri validate hakiri.toml
  hakiri validate hakiri.toml pipelines/*.toml
  cat hakiri.toml | hakiri validate -"""
)
@_files
@answering
@pass_door
def validate(door: Door, files: tuple[str, ...]) -> None:
    """Check manifest files on this machine: no server, no token, no network.

    Prints every problem with file, line, key, what is wrong and what would be right. Exit code 2 if there is one.
    Several files are merged by pipeline id, as `apply` merges them.
    """
    from appliance.core.manifest import InvalidManifest, SourceText, load  # noqa: PLC0415 - `--help` must not wait

    sources = [SourceText(one["name"], one["text"], _format(one["name"])) for one in read_files(files)]
    try:
        manifest = load(sources)
    except InvalidManifest as error:
        problems = [problem_value(problem) for problem in error.problems]
        text = "\n".join(map(words.plain, error.problems))
        door.answer({"valid": False, "problems": problems}, lambda: text)
        raise Stop(Exit.USAGE, f"{words.some(len(problems), 'problem')} found") from None
    warnings = [problem_value(problem) for problem in manifest.warnings]
    for warning in manifest.warnings:
        click.echo(f"warning: {words.plain(warning)}", err=True)
    count = len(manifest.pipelines)
    value = {"valid": True, "pipelines": count, "problems": [], "warnings": warnings}
    door.answer(value, lambda: f"good: {words.some(count, 'pipeline')} in {words.some(len(files), 'file')}")


def problem_value(problem: object) -> Json:
    """A problem as the API writes it."""
    return {name: getattr(problem, name) for name in ("file", "path", "code", "message", "expected", "line")}


@click.command(
    epilog="""\b
Example:
  hakiri plan hakiri.toml"""
)
@_files
@asking
@pass_door
def plan(door: Door, files: tuple[str, ...]) -> None:
    """Show what `apply` would change, and when each pipeline would fire next. Changes nothing."""
    planned = _plan(door, read_files(files))
    door.answer(planned, lambda: changes.preview(planned))


@click.command(
    epilog="""\b
Examples:
  hakiri apply hakiri.toml
  hakiri apply hakiri.toml pipelines/*.toml
  hakiri apply --yes --based-on 7 hakiri.toml      fail if it is not revision 7 any more
  hakiri apply --again hakiri.toml                 although somebody reverted just this
  git show main:hakiri.toml | hakiri apply -"""
)
@_files
@click.option("--based-on", type=click.IntRange(0), metavar="N", help="Fail unless revision N is the newest.")
@changes.again_option
@changes.yes_option
@asking
@pass_door
def apply(door: Door, files: tuple[str, ...], based_on: int | None, *, again: bool, yes: bool) -> None:
    """Make the files the configuration: all of them together, whatever was applied before.

    Shows first what would change. On a terminal it asks; elsewhere it goes on. Nothing is changed if the files
    have a problem, or if somebody applied another revision since the plan was made. The same files again make no
    new revision. The main draft gets what the files change; edits of others in it are not applied with them.
    """
    sources = read_files(files)
    planned = _plan(door, sources)
    if not door.as_json:
        click.echo(changes.preview(planned))
    changes.confirm(door, "Apply?", yes=yes, asks=bool(planned["changes"]) and STDIN not in files)
    base = planned["based_on"] if based_on is None else based_on
    applied = door.api().post("config/apply", {"files": sources, "based_on": base, "again": again})
    door.answer(applied, lambda: changes.applied(applied))
    changes.tell_unapplied(door)


def read_files(names: tuple[str, ...]) -> list[Json]:
    """The files as the API takes them. Raises Stop for what cannot be read."""
    return [_file(name) for name in names]


def _file(name: str) -> Json:
    text = _text(name)
    if name == STDIN:
        name = "stdin.json" if text.lstrip().startswith("{") else "stdin.toml"
    return {"name": name[-NAME_CHARS:], "text": text}


def _text(name: str) -> str:
    try:
        data = sys.stdin.buffer.read(READ_BYTES + 1) if name == STDIN else _bytes(Path(name))
        text = data.decode()
    except OSError as error:
        raise Stop(Exit.USAGE, f"{name}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Stop(Exit.USAGE, f"{name}: byte {error.start + 1} is not UTF-8", "save the file as UTF-8 text") from None
    if len(data) > READ_BYTES:
        raise Stop(Exit.USAGE, f"{name}: more than {READ_BYTES >> 20} MiB is no manifest")
    return text


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(READ_BYTES + 1)


def _format(name: str) -> Literal["toml", "json"]:
    return "json" if name.endswith(".json") else "toml"


def _plan(door: Door, sources: list[Json]) -> Json:
    return door.api().post("config/plan", {"files": sources})
