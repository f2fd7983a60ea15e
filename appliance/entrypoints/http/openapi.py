"""The API's own description, made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import cast

import msgspec
from litestar import Litestar, Response, Router, get
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from appliance import __version__
from appliance.entrypoints.http.draft_answers import ApplyIn, DraftIn, RevertIn, ReviewIn
from appliance.entrypoints.http.errors import ErrorOut
from appliance.entrypoints.http.team_answers import MemberIn, RoleIn, TokenIn

PATH = "/api/v1/openapi.json"

_ABOUT = (
    "The control plane of a team's data pipelines. Send a token as `Authorization: Bearer hak_...`. "
    "Lists are pages by key: pass `next` as `before`. Whatever is not a success is an `ErrorOut`."
)
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same request gets the same answer, for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128},
}
_ERROR = {
    "description": "Not done; `code` says why.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorOut"}}},
}
_TOML = {"schema": {"type": "string", "description": "A hakiri.toml; its name is the query parameter `name`."}}
# Handlers read their bodies themselves, so that what is wrong with one is said in our words.
_BODIES: Mapping[str, type[msgspec.Struct]] = {
    "ValidateConfig": ReviewIn,
    "PlanConfig": ReviewIn,
    "ApplyConfig": ApplyIn,
    "RevertConfig": RevertIn,
    "CreateDraft": DraftIn,
    "AddMember": MemberIn,
    "ChangeRole": RoleIn,
    "CreateToken": TokenIn,
}
_WRITES = frozenset({"post", "patch", "delete"})
_CHANGES_NOTHING = frozenset({"ValidateConfig", "PlanConfig"})

_Json = dict[str, object]


def openapi_route(routes: Callable[[], Sequence[Router]]) -> Router:
    """Serves the description of these routes."""

    @lru_cache(maxsize=1)
    def text() -> bytes:
        return msgspec.json.encode(describe(routes()))

    @get(PATH, include_in_schema=False, media_type="application/json", sync_to_thread=True)
    def openapi_json() -> Response[bytes]:
        return Response(text())

    return Router("/", route_handlers=[openapi_json])


def describe(routes: Sequence[Router]) -> _Json:
    """As OpenAPI 3.1. The framework knows the handlers; what all of them share is added here."""
    dependencies = {
        "ask": Provide(lambda: None, sync_to_thread=False),
        "streams": Provide(lambda: None, sync_to_thread=False),
    }
    # Only to be described. It must not set up logging, which belongs to the process.
    app = Litestar([*routes], dependencies=dependencies, openapi_config=_config(), logging_config=None)
    tree: _Json = app.openapi_schema.to_schema()
    _schemas(tree)
    for method, operation in _operations(tree):
        operation["responses"] = {**_successes(operation), "default": _ERROR}
        if method in _WRITES and operation["operationId"] not in _CHANGES_NOTHING:
            parameters = cast("list[_Json]", operation.setdefault("parameters", []))
            parameters.append(_KEY)
        operation.pop("requestBody", None)
        if operation["operationId"] in _BODIES:
            operation["requestBody"] = _body(_BODIES[str(operation["operationId"])])
    return tree


def _config() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="hakiri-control",
        version=__version__,
        description=_ABOUT,
        security=[{"token": []}],
        components=Components(security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}),
    )


def _body(kind: type[msgspec.Struct]) -> _Json:
    content: _Json = {"application/json": {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}}}
    return {
        "required": True,
        "content": {**content, **({"application/toml": _TOML} if kind in (ApplyIn, ReviewIn) else {})},
    }


def _schemas(tree: _Json) -> None:
    """Add the shapes that no handler's signature names."""
    _, extra = msgspec.json.schema_components((ErrorOut, *_BODIES.values()), ref_template="#/components/schemas/{name}")
    components = cast("_Json", tree["components"])
    schemas = cast("_Json", components["schemas"])
    components["schemas"] = {**extra, **schemas}


def _operations(tree: _Json) -> Iterator[tuple[str, _Json]]:
    for item in cast("dict[str, _Json]", tree["paths"]).values():
        for method, operation in item.items():
            if isinstance(operation, dict) and "operationId" in operation:
                yield method, operation


def _successes(operation: _Json) -> _Json:
    responses = cast("_Json", operation["responses"])
    return {status: response for status, response in responses.items() if status.startswith("2")}
