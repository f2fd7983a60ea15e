"""The configuration: validate, plan, apply, and its revisions."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import Response, Router, get, post
from litestar.params import PathParameter, QueryParameter, RawBody

from appliance.core.errors import Invalid
from appliance.core.limits import PAGE_SIZE
from appliance.core.manifest import SourceText, render
from appliance.entrypoints.http.bodies import read_json
from appliance.entrypoints.http.errors import AnyRequest, ProblemOut
from appliance.entrypoints.http.parameters import LARGEST, Asked, Before, Limit
from appliance.entrypoints.http.team_answers import (
    AppliedOut,
    FileIn,
    FileList,
    FilesIn,
    PlannedOut,
    RevisionDetail,
    RevisionOut,
    RevisionPage,
    ValidOut,
)

TOML = "application/toml"

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
Number = Annotated[int, PathParameter(ge=1, le=LARGEST, description="A revision's number.")]


@post(
    "/config/validate",
    operation_id="ValidateConfig",
    summary="Check a configuration",
    description="Changes nothing. Every problem is told at once.",
    status_code=200,
    sync_to_thread=True,
)
def validate_config(ask: Asked, request: AnyRequest, body: RawBody, name: FileName = "hakiri.toml") -> ValidOut:
    manifest = ask.control.apply.plan(ask.actor, _read(request, body, name, None)[0]).manifest
    warnings = list(map(ProblemOut.of, manifest.warnings))
    return ValidOut([pipeline.id for pipeline in manifest.pipelines], render(manifest), warnings)


@post(
    "/config/plan",
    operation_id="PlanConfig",
    summary="What an apply would change",
    description="Changes nothing. Tells the differences and when each schedule would fire first.",
    status_code=200,
    sync_to_thread=True,
)
def plan_config(ask: Asked, request: AnyRequest, body: RawBody, name: FileName = "hakiri.toml") -> PlannedOut:
    return PlannedOut.of(ask.control.apply.plan(ask.actor, _read(request, body, name, None)[0]))


@post(
    "/config/apply",
    operation_id="ApplyConfig",
    summary="Make a configuration the next revision",
    description="201 with the new revision; 200 with `created` false if nothing differs from the head; 409 if the "
    "head is not `based_on`. Needs the role editor.",
    sync_to_thread=True,
)
def apply_config(
    ask: Asked, request: AnyRequest, body: RawBody, name: FileName = "hakiri.toml", based_on: BasedOn = None
) -> Response[AppliedOut]:
    files, base = _read(request, body, name, based_on)

    def act() -> tuple[int, AppliedOut]:
        applied = AppliedOut.of(ask.control.apply(ask.actor, files, based_on=base))
        return (201 if applied.created else 200), applied

    return ask.once(act)


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
    handlers = [validate_config, plan_config, apply_config, get_config, list_revisions, get_revision]
    return Router("/", route_handlers=[*handlers, get_manifest, get_files], tags=["config"])


def _read(request: AnyRequest, body: RawBody, name: str, based_on: int | None) -> tuple[list[SourceText], int | None]:
    """The files of a body that is JSON, or TOML by its content type. Raises Invalid."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == TOML:
        try:
            return [_source(FileIn(name, body.decode()))], based_on
        except UnicodeDecodeError as error:
            raise Invalid(f"{name}: byte {error.start} is not UTF-8") from None
    asked = read_json(body, FilesIn)
    names = [file.name for file in asked.files]
    if len(set(names)) < len(names):
        raise Invalid("files: two have the same name")
    return list(map(_source, asked.files)), based_on if asked.based_on is None else asked.based_on


def _source(file: FileIn) -> SourceText:
    if not file.name.isprintable():
        raise Invalid(f"files: the name {file.name!r} holds a character that cannot be seen")
    kind: Literal["toml", "json"] = "json" if file.name.lower().endswith(".json") else "toml"
    return SourceText(file.name, file.text, kind)
