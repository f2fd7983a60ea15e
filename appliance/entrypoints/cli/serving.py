"""`hakiri serve`: start the control plane, its settings from options or the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import click

from appliance.entrypoints.cli.ends import Exit, Stop

_FOLDER = click.Path(path_type=Path, file_okay=False)
_LEVELS = ("debug", "info", "warning", "error")

# Option, variable, what it takes, what it is for. The variable is set, so that every process sees the same.
_OPTIONS = (
    ("--data", "HAKIRI_DATA", _FOLDER, "Where everything is kept; made if missing.  [default: ./data]"),
    ("--bind", "HAKIRI_BIND", str, "Address to listen on.  [default: 127.0.0.1:8080]"),
    ("--workers", "HAKIRI_WORKERS", str, "Runs at the same time.  [default: 16]"),
    ("--bucket", "HAKIRI_BUCKET", str, "Land in s3://bucket/prefix instead of the data directory."),
    ("--bucket-endpoint", "HAKIRI_BUCKET_ENDPOINT", str, "The S3 server, https://host; AWS otherwise."),
    ("--bucket-region", "HAKIRI_BUCKET_REGION", str, "The bucket's region.  [default: us-east-1]"),
    (
        "--bucket-single-writer",
        "HAKIRI_BUCKET_SINGLE_WRITER",
        click.Choice(("yes", "no")),
        "Nothing else writes under the prefix; for S3 servers without conditional writes.",
    ),
    ("--files-root", "HAKIRI_FILES_ROOT", _FOLDER, "The directory that the `file` connector may read."),
    ("--secrets-dir", "HAKIRI_SECRETS_DIR", _FOLDER, "A directory with one file for each secret."),
    ("--connectors-dir", "HAKIRI_CONNECTORS_DIR", _FOLDER, "A directory with connectors of your own."),
    ("--keep-days", "HAKIRI_KEEP_DAYS", str, "How long runs and their logs are kept.  [default: 90]"),
    ("--log-format", "HAKIRI_LOG_FORMAT", click.Choice(("console", "json")), "How log lines look."),
    ("--log-level", "HAKIRI_LOG_LEVEL", click.Choice(_LEVELS), "The least important lines to show."),
)

_EPILOG = """Every option is also a variable, which suits containers; docs/settings.md has all of them. Credentials
are variables only: HAKIRI_SYNC_KEY_ID and HAKIRI_SYNC_KEY_SECRET for the bucket, HAKIRI_SECRET_<NAME> for the
secrets that pipelines name.

\b
Examples:
  hakiri serve
  hakiri serve --data /var/lib/hakiri --bind 0.0.0.0:8080
  hakiri serve --bucket s3://team-context --bucket-endpoint https://s3.example.com"""


@click.command(epilog=_EPILOG)
def serve(**given: object) -> None:
    """Start the control plane: API, scheduler and workers.

    The first start prints the owner's token, once. Ctrl-C or SIGTERM stops in order; runs under way resume at
    the next start. A second server on the same data directory refuses to start.
    """
    for _, variable, _, _ in _OPTIONS:
        value = given[variable.lower()]
        if value is not None:
            os.environ[variable] = str(value)
    _serve()


for _option, _variable, _kind, _text in _OPTIONS:
    serve = click.option(
        _option, _variable.lower(), envvar=_variable, show_envvar=True, type=_kind, default=None, help=_text
    )(serve)


def _serve() -> NoReturn:
    from appliance.core.errors import ControlError  # noqa: PLC0415 - `--help` must not wait for the server's code
    from appliance.entrypoints.serve import InUse, serve  # noqa: PLC0415
    from appliance.settings import Settings  # noqa: PLC0415

    try:
        settings = Settings.read(os.environ)
        serve(settings.data)
    except InUse as error:
        raise Stop(Exit.CONFLICT, str(error)) from None
    except ControlError as error:
        raise Stop(Exit.USAGE, str(error), "docs/settings.md explains every variable") from None
    except OSError as error:
        raise Stop(Exit.NO_START, f"{error.filename or 'the data directory'}: {error.strerror}") from None
