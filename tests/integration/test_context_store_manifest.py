"""The run manifest as it lies in the store, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.adapters.selfhosted.files import DirectoryObjects
from appliance.core.landing import Column
from appliance.core.run_manifest import RunManifest
from tests.support.landing import Orders

COLUMNS = (Column("id", "int64", nullable=False), Column("name", "text"))


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    return Orders(DirectoryObjects(tmp_path / "store"))


def test_equal_runs_give_equal_manifests_that_say_what_landed(orders: Orders, tmp_path: Path) -> None:
    other = Orders(DirectoryObjects(tmp_path / "other"))
    landed = orders.land(1, COLUMNS, [{"id": 1, "name": "a"}])
    other.land(1, COLUMNS, [{"id": 1, "name": "a"}])

    data = orders.objects.get(landed.manifest_key)
    assert other.objects.get(landed.manifest_key) == data
    assert RunManifest.from_bytes(data) == landed.manifest
    assert landed.schema is not None
    assert json.loads(data) | {"parts": []} == {
        "format": 1,
        "run_id": "shop@20260101T120100Z",
        "pipeline_id": "shop",
        "table": "Orders",
        "landed_name": "shop_orders",
        "node_id": "node-1",
        "revision": 1,
        "sequence": 1,
        "fence": 1,
        "committed_at": "2026-01-01T12:01:00.000000Z",
        "cursor": "after 1",
        "rows": 1,
        "bytes": landed.manifest.total_bytes,
        "parts": [],
        "schema_version": 1,
        "schema_fingerprint": landed.schema.fingerprint,
    }
