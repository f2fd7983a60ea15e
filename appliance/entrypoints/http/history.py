"""The history of the configuration: who changed what when, what was said then, and how it differs."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, get
from litestar.params import QueryParameter

from appliance.core.draft import MAIN, Heads, draft_name
from appliance.core.errors import Invalid
from appliance.core.limits import PAGE_SIZE
from appliance.entrypoints.http.history_answers import DiffersOut, EntryOut, LogPage, PointOut
from appliance.entrypoints.http.parameters import LARGEST, Asked, Before, Limit
from appliance.services.history_points import At, AtHeads, AtMoment, AtRevision, moment_of, point_of

DraftName = Annotated[str, QueryParameter(name="draft", max_length=32, description="Of which draft.")]
Pipeline = Annotated[str | None, QueryParameter(max_length=128, description="Only edits of this pipeline.")]
Member = Annotated[str | None, QueryParameter(max_length=128, description="Only what this member did.")]
Revision = Annotated[int | None, QueryParameter(ge=1, le=LARGEST, description="What this revision says.")]
Moment = Annotated[
    str | None,
    QueryParameter(max_length=64, description="What the draft said then: ISO 8601, in UTC unless it says otherwise."),
]
At_ = Annotated[
    str | None, QueryParameter(name="heads", max_length=64 << 10, description="What the draft said at these heads.")
]
_POINT = (
    "A revision's number, `live`, `draft` or `draft:NAME`; of the draft in `draft` also a moment in ISO 8601 or "
    "`heads:HEADS`."
)
From = Annotated[str, QueryParameter(name="from", min_length=1, max_length=65 << 10, description=_POINT)]
To = Annotated[str, QueryParameter(name="to", min_length=1, max_length=65 << 10, description=_POINT)]


@get(
    "/config/log",
    operation_id="ListEdits",
    summary="Who changed which field when, newest first",
    description="From what the server recorded: an edit's author is the member whose token delivered it. Goes on into "
    "the documents that the draft had before.",
    sync_to_thread=True,
)
def list_edits(
    ask: Asked,
    *,
    draft: DraftName = MAIN,
    before: Before = None,
    limit: Limit = PAGE_SIZE,
    pipeline: Pipeline = None,
    member: Member = None,
) -> LogPage:
    page = ask.control.history.log(
        ask.actor, draft_name(draft), before=before, limit=limit, pipeline=pipeline, member=member
    )
    return LogPage(list(map(EntryOut.of, page.items)), page.next)


@get(
    "/config/at",
    operation_id="GetConfigAt",
    summary="What the configuration said at a revision, a moment or heads",
    description="One of `revision`, `moment` and `heads`; with none of them, the draft as it is now. What is wrong "
    "with it is told, not refused.",
    sync_to_thread=True,
)
def get_config_at(
    ask: Asked, *, draft: DraftName = MAIN, revision: Revision = None, moment: Moment = None, heads: At_ = None
) -> PointOut:
    at = _at(draft_name(draft), revision, moment, heads)
    return PointOut.of(ask.control.look_back.show(ask.actor, at))


@get(
    "/config/diff",
    operation_id="DiffConfig",
    summary="How the configuration differs between two points",
    sync_to_thread=True,
)
def diff_config(ask: Asked, *, before: From = "live", after: To = "draft", draft: DraftName = MAIN) -> DiffersOut:
    name = draft_name(draft)
    one, other = point_of(before, draft=name), point_of(after, draft=name)
    return DiffersOut.of(ask.control.look_back.differ(ask.actor, one, other))


def history_routes() -> Router:
    return Router("/", route_handlers=[list_edits, get_config_at, diff_config], tags=["history"])


def _at(draft: str, revision: int | None, moment: str | None, heads: str | None) -> At:
    """Raises Invalid."""
    if sum(given is not None for given in (revision, moment, heads)) > 1:
        raise Invalid("revision: give one of revision, moment and heads")
    if revision is not None:
        return AtRevision(revision)
    return (
        AtHeads(draft, None if heads is None else Heads(heads))
        if moment is None
        else AtMoment(draft, moment_of(moment))
    )
