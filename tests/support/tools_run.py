"""What every module that provides a test's program shares: where programs are kept, and how one is run."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".tools"


class MissingToolError(Exception):
    """A test needs a program that is not on this machine; the message says how to get it."""


def run(*command: str, cwd: Path | None = None) -> str:
    """What the command wrote. Raises MissingToolError with its complaint."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    if done.returncode:
        raise MissingToolError(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout or done.stderr
