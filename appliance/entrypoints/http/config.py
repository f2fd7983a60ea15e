"""The configuration: validate, plan, apply, and its revisions."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from litestar import Response, Router, get, post
from litestar.params import PathParameter, QueryParameter, RawBody

from appliance.core.draft import Heads
from appliance.core.errors import Invalid
from appliance.core.limits import PAGE_SIZE
from appliance.core.manifest import SourceText, render
from appliance.entrypoints.http.bodies import read_json
from appliance.entrypoints.http.draft_answers import ApplyIn, RevertIn, ReviewedOut, ReviewIn, draft_of
from appliance.entrypoints.http.errors import AnyRequest, ProblemOut
from appliance.entrypoints.http.idempotency import Ask
from appliance.entrypoints.http.parameters import LARGEST, Asked, Before, Limit
from appliance.entrypoints.http.team_answers import (
    AppliedOut,
    FileIn,
    FileList,
    PlannedOut,
    RevisionDetail,
    RevisionOut,
    RevisionPage,
    ValidOut,
)
from appliance.services.live import Applied

TOML = "application/toml"

_log = logging.getLogger("hakiri.http")

# Each item carries its files while the page is made, so a page stays this short whatever is asked for.
REVISIONS_PAGE = 50

FileName = Annotated[
    str,
    QueryParameter(name="name", min_length=1, max_length=255, description="What messages call a body that is TOML."),
]
BasedOn = Annotated[
    int | None,
    QueryParameter(ge=0, le=LARGEST, description="With a body that is TOML: the revision the change was made from."),
]
Again = Annotated[bool, QueryParameter(description="With a body that is TOML: apply it although somebody reverted it.")]
Number = Annotated[int, PathParameter(ge=1, le=LARGEST, description="A revision's number.")]


@post(
    "/config/validate",
    operation_id="ValidateConfig",
    summary="Check a configuration",
    description="Changes nothing. Every problem is told at once: of files as an error, of a draft as an answer.",
    status_code=200,
    sync_to_thread=True,
)
def validate_config(
    ask: Asked, request: AnyRequest, body: RawBody, name: FileName = "hakiri.toml"
) -> ValidOut | ReviewedOut:
    asked = _review_of(request, body, name)
    if asked.files is None:
        return _reviewed(ask, asked)
    manifest = ask.control.review.files(ask.actor, _sources(asked.files)).manifest
    warnings = list(map(ProblemOut.of, manifest.warnings))
    return ValidOut([pipeline.id for pipeline in manifest.pipelines], render(manifest), warnings)


@post(
    "/config/plan",
    operation_id="PlanConfig",
    summary="What an apply would change",
    description="Changes nothing. Tells the differences and when each schedule would fire first; of a draft also its "
    "problems, and where people contradict each other.",
    status_code=200,
    sync_to_thread=True,
)
def plan_config(
    ask: Asked, request: AnyRequest, body: RawBody, name: FileName = "hakiri.toml"
) -> PlannedOut | ReviewedOut:
    asked = _review_of(request, body, name)
    if asked.files is None:
        return _reviewed(ask, asked)
    return PlannedOut.of(ask.control.review.files(ask.actor, _sources(asked.files)))


@post(
    "/config/apply",
    operation_id="ApplyConfig",
    summary="Make a configuration the next revision",
    description="201 with the new revision; 200 with `created` false if nothing differs from the head; 409 if the "
    "head is not `based_on`, if somebody reverted this, or if people contradict each other. Needs the role editor.",
    sync_to_thread=True,
)
def apply_config(
    ask: Asked,
    request: AnyRequest,
    body: RawBody,
    *,
    name: FileName = "hakiri.toml",
    based_on: BasedOn = None,
    again: Again = False,
) -> Response[AppliedOut]:
    asked = _apply_of(request, body, ApplyIn([FileIn(name, "")], based_on=based_on, again=again))

    return ask.once(lambda: _told(ask, _apply(ask, asked)))


@post(
    "/config/revert",
    operation_id="RevertConfig",
    summary="Go back to an earlier revision",
    description="As a new revision, 201. What was applied since counts as undone: applying it again takes saying so. "
    "In the main draft it is taken back, too; edits that nobody applied stay. Needs the role editor.",
    sync_to_thread=True,
)
def revert_config(ask: Asked, body: RawBody) -> Response[AppliedOut]:
    asked = read_json(body, RevertIn)

    return ask.once(lambda: _told(ask, ask.control.revert(ask.actor, to=asked.to, based_on=asked.based_on)))


@get("/config", operation_id="GetConfig", summary="The head revision", sync_to_thread=True)
def get_config(ask: Asked) -> RevisionDetail:
    return RevisionDetail.of(ask.look.head(ask.actor))


@get("/config/revisions", operation_id="ListRevisions", summary="Revisions, newest first", sync_to_thread=True)
def list_revisions(
    ask: Asked,
    before: Before = None,
    limit: Limit = PAGE_SIZE,
) -> RevisionPage:
    page = ask.look.revision_list(ask.actor, before=before, limit=min(limit, REVISIONS_PAGE))
    return RevisionPage(list(map(RevisionOut.of, page.items)), page.next)


@get("/config/revisions/{number:int}", operation_id="GetRevision", summary="One revision", sync_to_thread=True)
def get_revision(ask: Asked, number: Number) -> RevisionDetail:
    return RevisionDetail.of(ask.look.revision(ask.actor, number))


@get(
    "/config/revisions/{number:int}/manifest",
    operation_id="GetRevisionManifest",
    summary="A revision's canonical manifest, as TOML",
    media_type="text/plain",
    sync_to_thread=True,
)
def get_manifest(ask: Asked, number: Number) -> str:
    return ask.look.revision(ask.actor, number).manifest


@get(
    "/config/revisions/{number:int}/files",
    operation_id="GetRevisionFiles",
    summary="A revision's files, exactly as they were sent",
    sync_to_thread=True,
)
def get_files(ask: Asked, number: Number) -> FileList:
    uploads = ask.look.revision(ask.actor, number).uploads
    return FileList([FileIn(name, text) for name, text in sorted(uploads.items())])


def config_routes() -> Router:
    handlers = [validate_config, plan_config, apply_config, revert_config, get_config, list_revisions, get_revision]
    return Router("/", route_handlers=[*handlers, get_manifest, get_files], tags=["config"])


def _reviewed(ask: Ask, asked: ReviewIn) -> ReviewedOut:
    heads = None if asked.heads is None else Heads(asked.heads)
    return ReviewedOut.of(ask.control.review(ask.actor, draft_of(asked), heads))


def _apply(ask: Ask, asked: ApplyIn) -> Applied:
    if asked.files is not None:
        return ask.control.apply(ask.actor, _sources(asked.files), based_on=asked.based_on, again=asked.again)
    if asked.heads is None or asked.based_on is None:
        raise Invalid("based_on: is needed with heads: the revision that was live when they were seen")
    return ask.control.apply.heads(
        ask.actor, Heads(asked.heads), draft=draft_of(asked), based_on=asked.based_on, again=asked.again
    )


def _told(ask: Ask, applied: Applied) -> tuple[int, AppliedOut]:
    if not applied.mirrored:
        number, problem = applied.revision.number, ask.control.mirror.problem
        _log.warning("revision %d is live, and not in the object store yet: %s", number, problem)
    return (201 if applied.created else 200), AppliedOut.of(applied)


def _review_of(request: AnyRequest, body: RawBody, name: str) -> ReviewIn:
    """Raises Invalid."""
    if _is_toml(request):
        return ReviewIn([FileIn(name, _text(body, name))])
    asked = read_json(body, ReviewIn)
    if asked.files is not None and (asked.heads is not None or asked.draft is not None):
        raise Invalid("files: a body has either files, or a draft and its heads")
    if asked.files is None and asked.heads is None and asked.draft is None:
        raise Invalid("files: is missing; a body has either files, or a draft and its heads")
    return asked


def _apply_of(request: AnyRequest, body: RawBody, toml: ApplyIn) -> ApplyIn:
    """What a JSON body asks for; a TOML one is the text of the one file in `toml`. Raises Invalid."""
    if _is_toml(request):
        [file] = toml.files or []
        return msgspec.structs.replace(toml, files=[FileIn(file.name, _text(body, file.name))])
    asked = read_json(body, ApplyIn)
    if (asked.files is None) == (asked.heads is None):
        raise Invalid("files: a body has either files, or heads of a draft")
    if asked.files is not None and asked.draft is not None:
        raise Invalid("draft: goes with heads; files are applied on top of what is live")
    return asked if asked.based_on is not None else msgspec.structs.replace(asked, based_on=toml.based_on)


def _is_toml(request: AnyRequest) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == TOML


def _text(body: RawBody, name: str) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Invalid(f"{name}: byte {error.start} is not UTF-8") from None


def _sources(files: Sequence[FileIn]) -> list[SourceText]:
    """Raises Invalid."""
    if len({file.name for file in files}) < len(files):
        raise Invalid("files: two have the same name")
    return list(map(_source, files))


def _source(file: FileIn) -> SourceText:
    if not file.name.isprintable():
        raise Invalid(f"files: the name {file.name!r} holds a character that cannot be seen")
    kind: Literal["toml", "json"] = "json" if file.name.lower().endswith(".json") else "toml"
    return SourceText(file.name, file.text, kind)
