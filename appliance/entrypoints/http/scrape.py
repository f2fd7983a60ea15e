"""What Prometheus reads. No token: it holds counts and ages, and no name of a pipeline, a member or a host."""

from __future__ import annotations

from litestar import Response, Router, get
from litestar.concurrency import sync_to_thread

from appliance.entrypoints.http.health import Readiness
from appliance.entrypoints.metrics import CONTENT_TYPE, Scrape


def scrape_routes(scrape: Scrape, readiness: Readiness) -> Router:
    @get("/metrics", include_in_schema=False)
    async def metrics() -> Response[bytes]:
        text = await sync_to_thread(scrape.text, await readiness.reasons())
        return Response(text, headers={"Content-Type": CONTENT_TYPE})

    return Router("/", route_handlers=[metrics])
