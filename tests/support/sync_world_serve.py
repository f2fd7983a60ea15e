"""`hakiri serve` that looks after drafts all the time: the real supervisor and control process, with other numbers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from appliance.core import limits
from appliance.entrypoints import serve
from tests.support.serving import Serving

MODULE = "tests.support.sync_world_serve"
LOG_UPDATES = 3
TIDY_SECONDS = 0.1
RESTART_SECONDS = 0.05


class Busy(Serving):
    """Such a server, with all else as `hakiri serve` has it."""

    command = (sys.executable, "-m", MODULE)


def supervise(data: Path) -> int:
    """The supervisor starts its control process with what it takes for the interpreter: this module."""
    interpreter = data.parent / f"{data.name}-control"
    interpreter.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m {MODULE} control\n')
    interpreter.chmod(0o700)
    sys.executable = str(interpreter)
    serve.FIRST_DELAY = serve.LONGEST_DELAY = RESTART_SECONDS
    sys.argv = [sys.argv[0], str(serve.hold(data))]
    return serve.main()


def control() -> int:
    """The numbers are read when the modules that use them are."""
    limits.DRAFT_LOG_UPDATES = LOG_UPDATES
    from appliance.entrypoints import control as process  # noqa: PLC0415

    process.TIDY = TIDY_SECONDS
    return process.main()


if __name__ == "__main__":
    sys.exit(control() if sys.argv[1:] == ["control"] else supervise(Path(os.environ["HAKIRI_DATA"])))
