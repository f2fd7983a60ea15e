"""Compiles the built-in connectors from their C source with a pinned compiler; the same bytes on every machine.

`python connectors_runtime/builtin/build.py` rebuilds every module and notes its digest in connector.toml,
`--check` only compares.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from importlib import metadata
from pathlib import Path

ZIGLANG = "0.17.1"
HOME = Path(__file__).resolve().parent
# A stack below the data: overflowing it traps instead of overwriting. No debug text: it would hold paths.
FLAGS = (
    *("-target", "wasm32-freestanding", "-std=c11", "-O2", "-g0", "-s"),
    *("-nostdlib", "-mbulk-memory", "-Wl,--no-entry", "-Wl,-z,stack-size=65536"),
    *("-Wall", "-Wextra", "-Werror", "-Wno-unused-function"),
)
_DIGEST = re.compile(r'^sha256 = ".*"$', re.MULTILINE)


class BuildFailed(Exception):
    """The compiler is missing, of another version, or refused the source."""


def names() -> list[str]:
    """The built-in connectors, sorted."""
    return sorted(path.parent.name for path in HOME.glob("*/connector.c"))


def compile_connector(name: str, *, home: Path = HOME) -> bytes:
    """The module of one connector whose folder is in `home`. Raises BuildFailed."""
    _check_compiler()
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch, "made.wasm")
        caches = {"ZIG_GLOBAL_CACHE_DIR": scratch, "ZIG_LOCAL_CACHE_DIR": scratch}
        source = home / name / "connector.c"
        done = subprocess.run(  # noqa: S603 - our own interpreter, module and source
            [sys.executable, "-m", "ziglang", "cc", *FLAGS, str(source), "-o", str(made)],
            env={**os.environ, **caches},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not made.exists():
            raise BuildFailed(f"{name}: {done.stderr.strip()[:4000]}")
        return made.read_bytes()


def digest(module: bytes) -> str:
    """SHA-256 in hexadecimal, as connector.toml notes it."""
    return hashlib.sha256(module).hexdigest()


def noted_digest(name: str) -> str:
    """What connector.toml says about the module."""
    return str(tomllib.loads((HOME / name / "connector.toml").read_text())["sha256"])


def write(name: str, module: bytes) -> None:
    """Put the module in its place and its digest into connector.toml."""
    (HOME / name / f"{name}.wasm").write_bytes(module)
    about = HOME / name / "connector.toml"
    about.write_text(_DIGEST.sub(f'sha256 = "{digest(module)}"', about.read_text(), count=1))


def differs(name: str, module: bytes) -> str | None:
    """Why the committed files are not those of this source; None if they are."""
    committed = HOME / name / f"{name}.wasm"
    if not committed.exists():
        return f"{name}: {committed.name} is missing"
    if digest(committed.read_bytes()) != noted_digest(name):
        return f"{name}: {committed.name} has not the digest that connector.toml notes"
    if committed.read_bytes() != module:
        return f"{name}: {committed.name} is not what the source compiles to ({digest(module)})"
    return None


def main() -> int:
    """Exit code 0 if everything was built, or is as committed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="compare with the committed modules, change nothing")
    check = parser.parse_args().check
    wrong = 0
    for name in names():
        try:
            module = compile_connector(name)
        except BuildFailed as error:
            sys.stderr.write(f"{error}\n")
            return 2
        if not check:
            write(name, module)
        trouble = differs(name, module)
        wrong += trouble is not None
        sys.stdout.write(f"{trouble or f'{name}: {len(module):,} bytes, sha256 {digest(module)}'}\n")
    return 1 if wrong else 0


def _check_compiler() -> None:
    try:
        found = metadata.version("ziglang")
    except metadata.PackageNotFoundError:
        raise BuildFailed(f"ziglang=={ZIGLANG} is not installed; pip install ziglang=={ZIGLANG}") from None
    if found != ZIGLANG:
        raise BuildFailed(f"ziglang {found} is installed; the modules are built with {ZIGLANG}")


if __name__ == "__main__":
    sys.exit(main())
