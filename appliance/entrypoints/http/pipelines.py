"""Pipelines, their schedules, and what became of each expected fire."""

from __future__ import annotations

from litestar import Router, get
from litestar.params import FromPath

from appliance.core.limits import PAGE_SIZE
from appliance.entrypoints.http.answers import (
    FireOut,
    FirePage,
    PipelineList,
    PipelineOut,
    ScheduleList,
    ScheduleOut,
)
from appliance.entrypoints.http.parameters import Asked, Before, Limit
from appliance.entrypoints.http.runs import PipelineFilter


@get("/pipelines", operation_id="ListPipelines", summary="All pipelines", sync_to_thread=True)
def list_pipelines(ask: Asked) -> PipelineList:
    return PipelineList(list(map(PipelineOut.of, ask.look.pipelines(ask.actor))))


@get("/pipelines/{pipeline_id:str}", operation_id="GetPipeline", summary="One pipeline", sync_to_thread=True)
def get_pipeline(ask: Asked, pipeline_id: FromPath[str]) -> PipelineOut:
    return PipelineOut.of(ask.look.pipeline(ask.actor, pipeline_id))


@get(
    "/schedules",
    operation_id="ListSchedules",
    summary="Armed schedules, each with its next five fires",
    sync_to_thread=True,
)
def list_schedules(ask: Asked) -> ScheduleList:
    return ScheduleList(list(map(ScheduleOut.of, ask.look.upcoming(ask.actor))))


@get(
    "/fires",
    operation_id="ListFires",
    summary="The fire ledger, newest first",
    description="Every expected fire has exactly one row with its reason; a gap of more than 100 is one range row.",
    sync_to_thread=True,
)
def list_fires(
    ask: Asked, pipeline: PipelineFilter = None, before: Before = None, limit: Limit = PAGE_SIZE
) -> FirePage:
    page = ask.look.fires(ask.actor, pipeline_id=pipeline, before=before, limit=limit)
    return FirePage(list(map(FireOut.of, page.items)), page.next)


def pipeline_routes() -> Router:
    return Router("/", route_handlers=[list_pipelines, get_pipeline, list_schedules, list_fires], tags=["pipelines"])
