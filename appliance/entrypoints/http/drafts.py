"""Drafts: the configuration while people edit it, beside the one that is live."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, Router, delete, get, post
from litestar.params import FromPath, QueryParameter, RawBody

from appliance.core.draft import MAIN, Heads, draft_name
from appliance.entrypoints.http.bodies import read_json
from appliance.entrypoints.http.draft_answers import ComparedOut, DraftIn, DraftList, DraftOut
from appliance.entrypoints.http.parameters import Asked
from appliance.services.drafts import LIVE

With = Annotated[
    str,
    QueryParameter(name="with", description=f"`{LIVE}` (what is applied), or the name of a draft, such as `{MAIN}`."),
]


@get("/config/drafts", operation_id="ListDrafts", summary="All open drafts", sync_to_thread=True)
def list_drafts(ask: Asked) -> DraftList:
    return DraftList(list(map(DraftOut.of, ask.control.drafts.list(ask.actor))))


@post(
    "/config/drafts",
    operation_id="CreateDraft",
    summary="Open a draft beside the main one",
    description="It begins with what is live, or with what the main draft said at the heads `at`. Needs the role "
    "editor.",
    sync_to_thread=True,
)
def create_draft(ask: Asked, body: RawBody) -> Response[DraftOut]:
    data = read_json(body, DraftIn)
    at = None if data.at is None else Heads(data.at)
    return ask.once(lambda: (201, DraftOut.of(ask.control.drafts.create(ask.actor, data.name, at))))


@get("/config/drafts/{draft:str}", operation_id="GetDraft", summary="One draft", sync_to_thread=True)
def get_draft(ask: Asked, draft: FromPath[str]) -> DraftOut:
    return DraftOut.of(ask.control.drafts.get(ask.actor, draft_name(draft)))


@delete(
    "/config/drafts/{draft:str}",
    operation_id="DiscardDraft",
    summary="Close a draft",
    description="One's own takes the role editor, somebody else's operator. The main one stays.",
    sync_to_thread=True,
)
def discard_draft(ask: Asked, draft: FromPath[str]) -> Response[None]:
    return ask.once_done(lambda: ask.control.drafts.discard(ask.actor, draft_name(draft)))


@post(
    "/config/drafts/{draft:str}/refresh",
    operation_id="RefreshDraft",
    summary="Bring into a draft what was applied without it",
    description="What people edit in it stays. Needs the role editor.",
    status_code=200,
    sync_to_thread=True,
)
def refresh_draft(ask: Asked, draft: FromPath[str]) -> Response[DraftOut]:
    return ask.once(lambda: (200, DraftOut.of(ask.control.drafts.refresh(ask.actor, draft_name(draft)))))


@post(
    "/config/drafts/{draft:str}/rebuild",
    operation_id="RebuildDraft",
    summary="Go on in a new document that says the same",
    description="Its history is left behind, and clients join the new room by themselves. Needs the role operator.",
    status_code=200,
    sync_to_thread=True,
)
def rebuild_draft(ask: Asked, draft: FromPath[str]) -> Response[DraftOut]:
    return ask.once(lambda: (200, DraftOut.of(ask.control.drafts.rebuild(ask.actor, draft_name(draft)))))


@get(
    "/config/drafts/{draft:str}/compare",
    operation_id="CompareDraft",
    summary="How a draft differs from what is live, or from another draft",
    sync_to_thread=True,
)
def compare_draft(ask: Asked, draft: FromPath[str], other: With = LIVE) -> ComparedOut:
    compared = ask.control.drafts.compare(ask.actor, draft_name(draft), draft_name(other))
    return ComparedOut.of(draft, compared)


def draft_routes() -> Router:
    handlers = [list_drafts, create_draft, get_draft, discard_draft, refresh_draft, rebuild_draft, compare_draft]
    return Router("/", route_handlers=handlers, tags=["drafts"])
