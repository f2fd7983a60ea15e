"""What an appliance takes while nothing happens, after it has done everything once."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator

from tests.bench.api import api
from tests.bench.bench import Bench
from tests.bench.report import Line
from tests.bench.source import bench_source
from tests.bench.tree import MB, cpu_seconds, memory
from tests.support.s3 import ACCESS_KEY, SECRET_KEY, S3Server, seaweedfs
from tests.support.serving import Serving, serving

TARGET_MB = 80.0
BUCKET = "idle"


def measure(bench: Bench) -> Iterator[Line]:
    """One apply, one run into S3, one scrape, then rest; processor time is that of the second half of it."""
    with (
        bench_source(bench.folder) as source,
        seaweedfs(bench.folder / "s3") as store,
        serving(bench.folder / "data", **_bucket(store)) as server,
    ):
        with api(server) as client:
            server.apply(source.pipeline("orders"))
            client.succeeded(client.start("orders"))
        assert "hakiri_" in _scraped(server)
        time.sleep(bench.idle_seconds / 2)
        began, before = time.monotonic(), cpu_seconds(server.pid)
        time.sleep(bench.idle_seconds / 2)
        used, seconds = cpu_seconds(server.pid) - before, time.monotonic() - began
        found, idle = memory(server.pid), f"{bench.idle_seconds:.0f} s idle"
        yield Line(measurement=f"{idle}: PSS of the tree", value=found.pss / MB, unit="MB", most=TARGET_MB)
        yield Line(measurement=f"{idle}: RSS of the tree", value=found.rss / MB, unit="MB")
        yield Line(measurement=f"{idle}: one processor used", value=used / seconds * 100, unit="%")


def _bucket(store: S3Server) -> dict[str, str]:
    store.bucket(BUCKET)
    return {
        "HAKIRI_BUCKET": f"s3://{BUCKET}",
        "HAKIRI_BUCKET_ENDPOINT": store.endpoint,
        "HAKIRI_SYNC_KEY_ID": ACCESS_KEY,
        "HAKIRI_SYNC_KEY_SECRET": SECRET_KEY,
    }


def _scraped(server: Serving) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()
