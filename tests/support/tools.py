"""Finds the programs that tests use but do not import, and provides those that no Python lock can carry.

`make tools` runs this module: it makes sure that every program is there and prints its version.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.tools_chromium import chromium, provide_chromium
from tests.support.tools_debian import unpack_package
from tests.support.tools_node import esbuild, node, package_version, provide_packages
from tests.support.tools_run import TOOLS, MissingToolError, run

__all__ = ["TOOLS", "MissingToolError", "chromium", "esbuild", "find", "node", "zig"]

_CLIENT_PACKAGES = ("loro-protocol", "loro-websocket", "loro-adaptors", "loro-crdt", "playwright-core", "ws")


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


def provide_promtool() -> None:
    """Take promtool, a Go program that no Python package carries, out of Debian's. Raises MissingToolError."""
    try:
        find("promtool")
    except MissingToolError:
        with TemporaryDirectory() as scratch:
            try:
                root = unpack_package("prometheus", Path(scratch))
            except MissingToolError as error:
                raise MissingToolError(f"{error}. The promtool of any Prometheus release in PATH will do") from None
            TOOLS.mkdir(exist_ok=True)
            shutil.copy2(root / "usr" / "bin" / "promtool", TOOLS / "promtool")


def versions() -> dict[str, str]:
    """What each program says it is. Raises MissingToolError if one does not start."""
    commands = {
        "promtool": (find("promtool"), "--version"),
        "wasm-tools": (find("wasm-tools"), "--version"),
        "weed": (find("weed"), "version"),
        "node": (node(), "--version"),
        "esbuild": (esbuild(), "--version"),
        "chromium": (chromium(), "--version"),
    }
    said = {name: run(str(program), flag).splitlines()[0] for name, (program, flag) in commands.items()}
    return said | {f"npm {name}": package_version(name) for name in _CLIENT_PACKAGES}


def main() -> int:
    """Make every tool available and print its version."""
    try:
        provide_promtool()
        provide_packages()
        provide_chromium()
        for name, version in versions().items():
            sys.stdout.write(f"tools: {name}: {version}\n")
    except MissingToolError as error:
        sys.stderr.write(f"tools: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
