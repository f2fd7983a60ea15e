"""The headless Chromium that browser tests drive: the machine's, or Debian's unpacked into .tools."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.tools_debian import unpack_with_libraries
from tests.support.tools_run import TOOLS, MissingToolError

PACKAGE = "chromium-headless-shell"

# The same engine under the names that distributions give it.
NAMES = (PACKAGE, "chromium", "chromium-browser", "google-chrome")

# A bare machine may have neither fonts nor their configuration; both come with the libraries.
_FONTS = """<?xml version="1.0"?>
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir prefix="relative">usr/share/fonts</dir>
  <cachedir prefix="relative">font-cache</cachedir>
</fontconfig>
"""

_LAUNCHER = """#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/chromium
export LD_LIBRARY_PATH="{libraries}" FONTCONFIG_FILE="$root/fonts.conf"
exec "$root/usr/lib/chromium/{package}" "$@"
"""


def chromium() -> Path:
    """The browser's program. Raises MissingToolError."""
    if (TOOLS / PACKAGE).is_file():
        return TOOLS / PACKAGE
    for name in NAMES:
        if found := shutil.which(name):
            return Path(found)
    raise MissingToolError("Chromium is not on this machine: run `make tools`, or put chromium in PATH")


def provide_chromium() -> None:
    """Unpack Debian's browser into .tools if this machine has none. Raises MissingToolError."""
    try:
        chromium()
    except MissingToolError:
        TOOLS.mkdir(exist_ok=True)
        with TemporaryDirectory(dir=TOOLS) as scratch:
            root = _unpacked(Path(scratch))
            shutil.rmtree(TOOLS / "chromium", ignore_errors=True)
            root.rename(TOOLS / "chromium")
        _write_launcher()


def _unpacked(scratch: Path) -> Path:
    try:
        return unpack_with_libraries(PACKAGE, scratch)
    except MissingToolError as error:
        raise MissingToolError(f"{error}. Any Chromium or Chrome in PATH will do") from None


def _write_launcher() -> None:
    root = TOOLS / "chromium"
    (root / "fonts.conf").write_text(_FONTS)
    libraries = ":".join(f"$root/{folder}" for folder in _library_folders(root))
    launcher = TOOLS / f"{PACKAGE}.new"
    launcher.write_text(_LAUNCHER.format(libraries=libraries, package=PACKAGE))
    launcher.chmod(0o755)
    launcher.rename(TOOLS / PACKAGE)


def _library_folders(root: Path) -> Iterator[Path]:
    found = {path.parent for path in root.glob("**/lib*.so*")}
    yield from sorted(folder.relative_to(root) for folder in found if folder.name != "chromium")
