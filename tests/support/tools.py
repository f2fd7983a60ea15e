"""Finds the programs that tests use but do not import, and unpacks the one that no lock can carry.

`make tools` runs this module: it makes sure that promtool is there and prints what was found.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

TOOLS = Path(__file__).parents[2] / ".tools"

# promtool is a Go program that no Python package carries; Debian's package has it.
PACKAGE = "prometheus"

_VERSIONS = {
    "promtool": "--version",
    "wasm-tools": "--version",
    "weed": "version",
}


class MissingToolError(Exception):
    """A test needs a program that is not on this machine; the message says how to get it."""


def find(name: str) -> Path:
    """Where the program is: in the environment of this Python, in .tools or in PATH. Raises MissingToolError."""
    for folder in (Path(sys.executable).parent, TOOLS):
        if (folder / name).is_file():
            return folder / name
    if found := shutil.which(name):
        return Path(found)
    raise MissingToolError(f"{name} is not on this machine: run `make tools`, or put {name} in PATH")


def zig() -> list[str]:
    """The command that starts the Zig toolchain; `zig cc` is the C compiler of the connectors."""
    return [sys.executable, "-m", "ziglang"]


def unpack_promtool(into: Path) -> None:
    """Take promtool out of Debian's package without installing it, so nothing starts and no root is needed.

    Raises MissingToolError.
    """
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise MissingToolError(
            "promtool is missing and this is not Debian or Ubuntu: put the promtool of any Prometheus release in PATH"
        )
    with TemporaryDirectory() as name:
        scratch = Path(name)
        # A machine that has never run `apt-get update` has no lists; lists of our own need no root.
        package = _download(scratch) or _download(scratch, lists=scratch / "lists")
        if package is None:
            raise MissingToolError(f"promtool is missing and `apt-get download {PACKAGE}` failed: put promtool in PATH")
        _run("dpkg-deb", "--extract", str(package), str(scratch / "root"))
        into.mkdir(parents=True, exist_ok=True)
        shutil.copy2(scratch / "root" / "usr" / "bin" / "promtool", into / "promtool")


def _download(into: Path, lists: Path | None = None) -> Path | None:
    options = ["-qq", "-o", "APT::Sandbox::User="]
    if lists:
        (lists / "partial").mkdir(parents=True)
        options += ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={into / 'cache'}"]
        _apt(into, "update", *options)
    _apt(into, "download", *options, PACKAGE)
    return next(into.glob("*.deb"), None)


def _apt(folder: Path, *arguments: str) -> None:
    subprocess.run(["apt-get", *arguments], cwd=folder, capture_output=True, check=False)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingToolError(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout or done.stderr


def main() -> int:
    """Make every tool available and print its version."""
    try:
        try:
            find("promtool")
        except MissingToolError:
            unpack_promtool(TOOLS)
        for name, flag in _VERSIONS.items():
            version = _run(str(find(name)), flag).splitlines()[0]
            sys.stdout.write(f"tools: {name}: {version}\n")
    except MissingToolError as error:
        sys.stderr.write(f"tools: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
