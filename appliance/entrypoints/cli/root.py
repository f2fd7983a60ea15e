"""The command group: its help, its global options, and one place where every error becomes an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping

import click

from appliance.core.errors import Conflict, ControlError, Invalid, NotFound
from appliance.entrypoints.cli import configuring, doctor, drafting, history, looking, running, serving, shell, teams
from appliance.entrypoints.cli.door import Door, global_options
from appliance.entrypoints.cli.ends import Exit, Stop

SECTIONS: Mapping[str, tuple[click.Command, ...]] = {
    "Operate": (serving.serve, doctor.doctor, looking.version),
    "Configure": (
        configuring.validate,
        configuring.plan,
        configuring.apply,
        drafting.draft,
        history.config,
        looking.revisions,
    ),
    "Run": (running.run, running.runs, running.logs, running.cancel, running.retry),
    "Look": (looking.pipelines, looking.schedules, looking.fires, looking.audit),
    "Team": (teams.token, teams.member),
    "Shell": (shell.completion,),
}

EPILOG = """\b
First steps:
  hakiri serve                        start; prints the owner's token once
  export HAKIRI_TOKEN=hak_...         in another shell
  hakiri validate hakiri.toml         find mistakes, no server needed
  hakiri apply hakiri.toml            see what changes, make it so
  hakiri run orders --wait            run one pipeline now and watch
  hakiri runs --follow                watch everything

\b
Exit codes: 0 done, 1 it failed, 2 bad input, 3 not allowed, 4 not found, 5 conflict,
69 no answer from the server, 78 cannot start, 124 timeout, 130 Ctrl-C."""


class Hakiri(click.Group):
    """A group that lists its commands by what they are for, and never shows a traceback unasked."""

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(one.name or "", one.get_short_help_str(100)) for one in commands])

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Who read us has enough. Python would complain once more when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(Exit.BROKEN_PIPE)
        except KeyboardInterrupt:
            ctx.exit(Exit.INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001 - the last place that can say it in a line
            if ctx.ensure_object(Door).debug:
                traceback.print_exc()
            stop = _stop(error)
            stop.show()
            ctx.exit(stop.code)


def _stop(error: Exception) -> Stop:
    match error:
        case Stop():
            return error
        case Invalid():
            return Stop(Exit.USAGE, str(error))
        case NotFound():
            return Stop(Exit.NOT_FOUND, str(error))
        case Conflict():
            return Stop(Exit.CONFLICT, str(error))
        case ControlError():
            return Stop(Exit.FAILED, str(error))
        case _:
            return Stop(Exit.FAILED, f"{type(error).__name__}: {error}", "--debug shows where it happened")


@click.group(cls=Hakiri, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@global_options
@click.pass_context
def main(ctx: click.Context) -> None:
    """Move data on schedules: the control plane of a team's pipelines.

    A pipeline reads a source through a sandboxed connector and lands Parquet that DuckDB reads.
    `hakiri serve` runs it; every other command asks the server named by --url.
    """
    ctx.ensure_object(Door)
    if os.environ.get("NO_COLOR"):
        ctx.color = False


for _commands in SECTIONS.values():
    for _command in _commands:
        main.add_command(_command)
