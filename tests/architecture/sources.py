"""The project's own files, as the architecture tests read them."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
PACKAGES = ("appliance", "connectors_runtime")


def project_files(*suffixes: str) -> list[Path]:
    """Every file that is or could be committed, relative to the root; all of them without suffixes."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = sorted({Path(name) for name in listed.stdout.split("\0") if name})
    return [path for path in paths if (ROOT / path).is_file() and (not suffixes or path.suffix in suffixes)]


def package_files(*suffixes: str) -> list[Path]:
    """The files of the shipped packages, tests beside a connector excluded."""
    return [p for p in project_files(*suffixes) if p.parts[0] in PACKAGES and not p.name.startswith("test_")]


def text_of(path: Path) -> str | None:
    """The text of a project file, or None if it is not text."""
    data = (ROOT / path).read_bytes()
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def tree_of(path: Path) -> ast.Module:
    """The parsed source of a Python file."""
    return ast.parse((ROOT / path).read_text(), filename=str(path))


@cache
def imports() -> grimp.ImportGraph:
    """Who imports whom, libraries and the standard library included."""
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)
