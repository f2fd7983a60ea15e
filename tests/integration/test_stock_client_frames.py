"""The golden frames mean the same to the stock JavaScript library."""

from __future__ import annotations

import json
import subprocess

from tests.support.tools import node
from tests.support.tools_node import CLIENT, packages

VECTORS = CLIENT.parent / "vectors" / "frames.json"


def test_the_stock_library_reads_and_writes_every_golden_frame() -> None:
    assert packages().is_dir()
    vectors = json.loads(VECTORS.read_text())
    expected = 2 * len(vectors["frames"]) + sum(len(vectors[part]) for part in ("read", "bad", "unsupported"))
    done = subprocess.run(
        [node(), "--test", "--test-reporter=tap", "frames.test.mjs"],
        cwd=CLIENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said = done.stdout.splitlines()
    assert done.returncode == 0, "\n".join([*said, done.stderr])
    assert f"# pass {expected}" in said
