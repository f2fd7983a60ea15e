"""Rebuild the test connectors: `python tests/support/guests/build.py [TARGET_DIRECTORY]`.

The core module needs ziglang; the component is the same module wrapped by wasm-tools, and is committed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
FLAGS = (
    "-target wasm32-freestanding -Os -s -nostdlib -fno-builtin"
    " -Wl,--no-entry -Wl,--export-memory -Wl,-z,stack-size=65536"
)


def build_module(target: Path) -> Path:
    """Compile guest.c."""
    made = target / "guest.wasm"
    command = [sys.executable, "-m", "ziglang", "cc", *FLAGS.split(), str(HERE / "guest.c"), "-o", str(made)]
    subprocess.run(command, check=True)
    return made


def wrap(module: Path, wit: Path, tool: str) -> Path:
    """Make a component of the module."""
    embedded, made = module.with_suffix(".embedded"), module.with_name("guest.component.wasm")
    subprocess.run(
        [tool, "component", "embed", str(wit), "--world", "connector", str(module), "-o", str(embedded)], check=True
    )
    subprocess.run([tool, "component", "new", str(embedded), "-o", str(made)], check=True)
    embedded.unlink()
    return made


if __name__ == "__main__":
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    wrap(
        build_module(directory),
        HERE.parents[2] / "connectors_runtime" / "wit",
        str(Path(sys.executable).with_name("wasm-tools")),
    )
