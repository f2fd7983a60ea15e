"""The HTTP door of a control plane, put together.

There are no cookies and no browser sessions, so there is no cross-site request to forge: a page of another
origin cannot make a browser send a bearer token. For the same reason there is no CORS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.types import ControllerRouterHandler

from appliance.bootstrap import SERVED, Control
from appliance.core.errors import ControlError
from appliance.core.limits import REQUEST_BYTES
from appliance.entrypoints.http.auth import signed_in
from appliance.entrypoints.http.config import config_routes
from appliance.entrypoints.http.drafts import draft_routes
from appliance.entrypoints.http.errors import on_bug, on_control_error, on_http_error
from appliance.entrypoints.http.health import Readiness, health_routes
from appliance.entrypoints.http.history import history_routes
from appliance.entrypoints.http.idempotency import ask_of
from appliance.entrypoints.http.logs import Streams
from appliance.entrypoints.http.openapi import openapi_route
from appliance.entrypoints.http.page import page_routes
from appliance.entrypoints.http.pipelines import pipeline_routes
from appliance.entrypoints.http.runs import run_routes
from appliance.entrypoints.http.scrape import scrape_routes
from appliance.entrypoints.http.teams import team_routes
from appliance.entrypoints.http.watch import Traffic, Watch
from appliance.entrypoints.metrics import Scrape
from appliance.entrypoints.ws.door import sync_route, with_own_send
from appliance.entrypoints.ws.hub import Hub
from appliance.services.look import Look
from appliance.settings import Settings

API = "/api/v1"


def create_app(
    control: Control, *, settings: Settings, stopping: Callable[[], bool], hub: Hub | None = None
) -> Litestar:
    """Serve `control`. `stopping` turns true when streams have to end; `hub` has the sockets of the editors."""
    traffic = Traffic()
    hub = hub or Hub(control)
    app = Litestar(
        _routes(control, settings, traffic, hub),
        dependencies={
            "ask": Provide(ask_of(control, _look(control))),
            "hub": Provide(lambda: hub, sync_to_thread=False),
            "streams": Provide(lambda: Streams(traffic, stopping), sync_to_thread=False),
        },
        exception_handlers={ControlError: on_control_error, HTTPException: on_http_error, Exception: on_bug},
        request_max_body_size=REQUEST_BYTES,
        openapi_config=None,
        logging_config=None,
    )
    # Around everything, so that the answers of no route have a request id, too.
    app.asgi_handler = Watch(with_own_send(app.asgi_handler), traffic)
    return app


def _routes(control: Control, settings: Settings, traffic: Traffic, hub: Hub) -> Sequence[ControllerRouterHandler]:
    readiness = Readiness(control)
    return [
        Router(API, route_handlers=_with_token(), guards=[signed_in(control.teams)]),
        page_routes(),
        sync_route(hub, f"{API}/sync"),
        health_routes(readiness, settings),
        scrape_routes(Scrape(control, settings, traffic, hub), readiness),
        openapi_route(lambda: [Router(API, route_handlers=_with_token()), health_routes(readiness, settings)]),
    ]


def _with_token() -> Sequence[Router]:
    return [config_routes(), draft_routes(), history_routes(), pipeline_routes(), run_routes(), team_routes()]


def _look(control: Control) -> Look:
    on = control.on
    return Look(on.revisions, control.manifests, on.schedules, on.runs, on.records, on.clock, SERVED)
