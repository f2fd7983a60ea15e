"""The object store follows the catalog by itself, after a kill that came between the two."""

from __future__ import annotations

import time
from pathlib import Path

from tests.support.serving import serving

SECONDS = 15.0


def test_what_a_kill_kept_from_the_object_store_is_there_after_the_restart(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        manifests = tmp_path / "data" / "context" / "manifests"
        server.apply()
        server.apply("[context]\npath = 'elsewhere'")
        second = (manifests / "manifest@v2.toml").read_text()
        server.kill_everything()
        # Such is the store if the kill came right after the catalog had the revision.
        (manifests / "manifest@v2.toml").unlink()
        (manifests / "manifest@current").write_text("1")

        server.start()

        until = time.monotonic() + SECONDS
        while (manifests / "manifest@current").read_text() != "2":
            assert time.monotonic() < until, "nobody brought the store up to date"
            time.sleep(0.05)
        assert (manifests / "manifest@v2.toml").read_text() == second
        assert "hakiri_manifests_behind 0.0" in server.request("GET", "/metrics")[1]
