"""The client that docs/sync-protocol.md shows does what the page says, with the packages it names."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.support.serving import serving
from tests.support.stock_client import Team
from tests.support.tools import node
from tests.support.tools_node import packages
from tests.support.tools_run import ROOT

PAGE = (ROOT / "docs" / "sync-protocol.md").read_text(encoding="utf-8")
ORDERS = '[[pipeline]]\nid = "orders"\ntables = ["rows"]\nsource = { connector = "http" }\n'


def test_the_documented_client_edits_and_applies(tmp_path: Path) -> None:
    [code] = re.findall(r"^```js\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "node_modules").symlink_to(packages())
    script = tmp_path / "edit.mjs"
    script.write_text(code, encoding="utf-8")
    with serving(tmp_path / "data") as server:
        server.call("POST", "/config/apply", {"files": [{"name": "hakiri.toml", "text": ORDERS}]})
        token = Team(server).token("ann", "editor")["token"]
        command = [str(node()), str(script), f"http://127.0.0.1:{server.port}", token]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout.splitlines()[-1:] == ["revision 2 is live"], done.stderr
        assert 'timeout = "2h"' in dict(server.call("GET", "/config"))["manifest"]
