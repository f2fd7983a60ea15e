"""Every error as an HTTP answer: one table of codes, and nothing of a bug but its request id."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

import msgspec
from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, MethodNotAllowedException, ValidationException

from appliance.core.errors import Conflict, ControlError, Invalid, NotFound, TooLarge
from appliance.core.manifest import InvalidManifest
from appliance.core.pipeline import Problem
from appliance.entrypoints.http.watch import request_id

# What a parameter is called where the framework keeps the name for itself.
_NAMES = {"run_state": "state"}

# How the framework says it; by its status it would be a bug of ours.
_GONE = "client disconnected prematurely"

AnyRequest = Request[object, object, State]

_log = logging.getLogger("hakiri.http")

STATUS = {
    "internal": 500,
    "invalid": 400,
    "bad_fragment": 400,
    "bad_frame": 400,
    "unsupported_crdt": 400,
    "invalid_manifest": 422,
    "invalid_setting": 400,
    "secret_missing": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "room_moved": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "lease_lost": 409,
    "foreign_manifest": 409,
    "newer_catalog": 409,
    "schema_incompatible": 409,
    "undone": 409,
    "unknown_heads": 409,
    "unresolved": 409,
    "too_large": 413,
    "too_many_streams": 429,
    "unavailable": 503,
    "doc_broken": 503,
    "not_atomic": 503,
}
# How soon to come back, in seconds, where waiting helps.
RETRY_AFTER = {"too_many_streams": "5", "unavailable": "1", "not_atomic": "1", "doc_broken": "1"}


class MethodNotAllowed(ControlError):
    """The path is there, not for this method."""

    code = "method_not_allowed"


class TooManyStreams(ControlError):
    """As many logs are being followed as one control plane serves at a time."""

    code = "too_many_streams"


class ProblemOut(msgspec.Struct, frozen=True):
    """One thing wrong in a manifest: where, what, and what would be right."""

    file: str
    path: str
    code: str
    message: str
    expected: str
    line: int | None

    @classmethod
    def of(cls, problem: Problem) -> ProblemOut:
        return cls(problem.file, problem.path, problem.code, problem.message, problem.expected, problem.line)


class ErrorDetail(msgspec.Struct, frozen=True, omit_defaults=True):
    """`code` is stable, `message` is for people. `problems` stands with `invalid_manifest` only.

    `head`, `by` and `at` stand where another revision is in the way: its number, who applied it, and when.
    """

    code: str
    message: str
    problems: list[ProblemOut] | None = None
    head: int | None = None
    by: str | None = None
    at: datetime | None = None
    request_id: str | None = None


class ErrorOut(msgspec.Struct, frozen=True):
    """Every answer that is not a success."""

    error: ErrorDetail


def error_body(error: ControlError) -> ErrorOut:
    problems = [ProblemOut.of(each) for each in error.problems] if isinstance(error, InvalidManifest) else None
    moved = error.moved if isinstance(error, Conflict) else None
    told = (moved.head, moved.by, moved.at) if moved else (None, None, None)
    return ErrorOut(ErrorDetail(error.code, str(error), problems, *told))


def on_control_error(_: AnyRequest, error: ControlError) -> Response[ErrorOut]:
    """Translate our own errors."""
    if error.code not in STATUS or STATUS[error.code] == STATUS["internal"]:
        return on_bug(_, error)
    headers = {"Retry-After": RETRY_AFTER[error.code]} if error.code in RETRY_AFTER else {}
    if error.code == "unauthorized":
        headers["WWW-Authenticate"] = "Bearer"
    return Response(error_body(error), status_code=STATUS[error.code], headers=headers, media_type="application/json")


def on_http_error(request: AnyRequest, error: HTTPException) -> Response[ErrorOut]:
    """Translate what the framework refuses, in our words: its own would repeat the query string."""
    match error:
        case ValidationException():
            ours: ControlError = Invalid(_fields(error.extra) or "the request cannot be read")
        case MethodNotAllowedException():
            ours = MethodNotAllowed(f"{request.method} is not for this path")
        case HTTPException(status_code=404):
            ours = NotFound("there is nothing at this path; /api/v1/openapi.json lists all paths")
        case HTTPException(status_code=413):
            ours = TooLarge("the body is larger than 4 MiB")
        case HTTPException(detail=detail) if detail == _GONE:
            ours = Invalid("the body ended before its end")
        case HTTPException(status_code=code) if code < STATUS["internal"]:
            ours = Invalid(f"the body is not JSON as expected: {error.detail}"[:500])
        case _:
            return on_bug(request, error)
    return on_control_error(request, ours)


def on_bug(request: AnyRequest, error: Exception) -> Response[ErrorOut]:
    """Log it here, once, with its traceback; tell the client only which request to ask about."""
    name = request_id(request.scope)
    _log.error("request %s failed", name, exc_info=error)
    detail = ErrorDetail("internal", "something broke on the server; its log has the request id", request_id=name)
    return Response(ErrorOut(detail), status_code=STATUS["internal"], media_type="application/json")


def _fields(extra: object) -> str:
    """What is wrong with which field, as `limit: Expected int <= 500`."""
    told = extra if isinstance(extra, Sequence) else ()
    return "; ".join(_field(each) for each in told if isinstance(each, dict))


def _field(told: dict[str, object]) -> str:
    key, message = told.get("key"), str(told.get("message")).replace("`", "")
    return f"{_NAMES.get(str(key), key)}: {message}"
