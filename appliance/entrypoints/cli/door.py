"""What every command knows: which server, which token, and how to answer."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from appliance.entrypoints.cli.client import Api
from appliance.entrypoints.cli.ends import Exit, Stop

URL = "http://127.0.0.1:8080"

# Short enough that nobody waits for a completion.
COMPLETION_SECONDS = 1.0

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(slots=True)
class Door:
    """Made by the group, changed by options that stand behind the command's name."""

    url: str = URL
    token: str | None = None
    token_file: Path | None = None
    as_json: bool = False
    debug: bool = False
    _warned: bool = False

    def api(self, *, timeout: float | None = None) -> Api:
        """Raises Stop for a token file that cannot be read, an address or a token that is none."""
        token = self._token()
        api = Api(self.url, token) if timeout is None else Api(self.url, token, timeout)
        if api.is_exposed and not self._warned:
            self._warned = True
            click.echo(f"hakiri: warning: the token travels unencrypted to {self.url}; use https", err=True)
        return api

    def answer(self, value: object, text: Callable[[], str]) -> None:
        """One JSON document with --json, words otherwise."""
        click.echo(json.dumps(value, indent=2, ensure_ascii=False) if self.as_json else text())

    def line(self, value: object, text: Callable[[], str]) -> None:
        """One line of many: JSON lines with --json. Seen at once by whoever reads along."""
        click.echo(json.dumps(value, ensure_ascii=False) if self.as_json else text())
        sys.stdout.flush()

    def _token(self) -> str | None:
        if self.token_file is None:
            return self.token or None
        try:
            return self.token_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "is not text"
            raise Stop(
                Exit.USAGE, f"{self.token_file}: {why}", "--token-file names a file that holds a token"
            ) from None


pass_door = click.make_pass_decorator(Door)


def _store(name: str) -> Callable[[click.Context, click.Parameter, object], None]:
    def store(ctx: click.Context, _: click.Parameter, value: object) -> None:
        if value:
            setattr(ctx.ensure_object(Door), name, value)

    return store


def _option(*names: str, field: str, **attributes: Any) -> Callable[[Command], Command]:
    return click.option(*names, expose_value=False, callback=_store(field), **attributes)


def answering(command: Command) -> Command:
    """Adds --json."""
    return _option("--json", field="as_json", is_flag=True, help="Answer in JSON.")(command)


def asking(command: Command) -> Command:
    """Adds --json, and the global options again, so that they may stand on either side of the command's name."""
    for option in (
        _option("--url", field="url", hidden=True),
        _option("--token", field="token", hidden=True),
        _option("--token-file", field="token_file", hidden=True, type=click.Path(path_type=Path)),
        answering,
    ):
        command = option(command)
    return command


def global_options(command: Command) -> Command:
    """The options in front of the command's name, with their environment variables."""
    for option in (
        _option("--debug", field="debug", is_flag=True, help="Show the traceback of what goes wrong."),
        answering,
        _option("--token-file", field="token_file", type=click.Path(path_type=Path), help="A file with the token."),
        _option("--token", field="token", envvar="HAKIRI_TOKEN", show_envvar=True, help="Who is asking."),
        _option("--url", field="url", envvar="HAKIRI_URL", show_envvar=True, help=f"Which server; {URL} otherwise."),
    ):
        command = option(command)
    return command


def complete_pipeline(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """The ids of applied pipelines; nothing if the server does not answer at once."""
    return _completed("pipelines", "id", incomplete)


def complete_draft(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """The names of open drafts; nothing if the server does not answer at once."""
    return _completed("config/drafts", "name", incomplete)


def _completed(path: str, key: str, incomplete: str) -> list[str]:
    door = Door(os.environ.get("HAKIRI_URL") or URL, os.environ.get("HAKIRI_TOKEN"))
    try:
        found = door.api(timeout=COMPLETION_SECONDS).items(path, limit=500)
    except (Stop, KeyError):
        return []
    return [one[key] for one in found if one[key].startswith(incomplete)]
