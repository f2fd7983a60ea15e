"""Takes programs out of Debian's packages without installing them: nothing starts, and no root is needed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.support.tools_run import MissingToolError, run


def unpack_package(name: str, scratch: Path) -> Path:
    """The folder that holds the package's files, without those of its dependencies. Raises MissingToolError."""
    return _unpack(name, scratch, "download", name)


def unpack_with_libraries(name: str, scratch: Path) -> Path:
    """The folder that holds the package's files and those of every package it needs and this machine lacks.

    Raises MissingToolError.
    """
    return _unpack(name, scratch, "install", "--yes", "--download-only", "--no-install-recommends", name)


def _unpack(name: str, scratch: Path, *command: str) -> Path:
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise MissingToolError(f"{name} is missing and this is not Debian or Ubuntu")
    # A machine that has never run `apt-get update` has no lists, or old ones; lists of our own need no root.
    complaint = _apt(scratch, *command)
    if complaint:
        complaint = _apt(scratch, "update", own_lists=True) or _apt(scratch, *command, own_lists=True)
    packages = sorted(scratch.glob("*.deb"))
    if complaint or not packages:
        raise MissingToolError(f"{name} is missing and `apt-get {' '.join(command)}` failed: {complaint}")
    for package in packages:
        run("dpkg-deb", "--extract", str(package), str(scratch / "root"))
    return scratch / "root"


def _apt(folder: Path, *command: str, own_lists: bool = False) -> str:
    """Run apt-get so that every file lands in the folder; what it complained about, if it failed."""
    options = ["APT::Sandbox::User=", "Debug::NoLocking=1", f"Dir::Cache::archives={folder}"]
    (folder / "partial").mkdir(exist_ok=True)
    if own_lists:
        (folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        options += [f"Dir::State::Lists={folder / 'lists'}", f"Dir::Cache={folder}"]
    spelled = [word for option in options for word in ("-o", option)]
    done = subprocess.run(
        ["apt-get", "-qq", *spelled, *command], cwd=folder, capture_output=True, text=True, check=False
    )
    return (done.stderr.strip() or "no reason given") if done.returncode else ""
