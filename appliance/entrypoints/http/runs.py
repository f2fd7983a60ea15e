"""Runs: look, start, cancel, try again."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, Router, get, post
from litestar.params import FromPath, QueryParameter

from appliance.core.limits import PAGE_SIZE
from appliance.core.run import RunId, RunState
from appliance.entrypoints.http.answers import RunOut, RunPage, StepList, StepOut
from appliance.entrypoints.http.logs import run_logs
from appliance.entrypoints.http.parameters import Asked, Before, Limit

PipelineFilter = Annotated[
    str | None, QueryParameter(name="pipeline", max_length=256, description="Only of this pipeline.")
]


@get("/runs", operation_id="ListRuns", summary="Runs, newest first", sync_to_thread=True)
def list_runs(
    ask: Asked,
    pipeline: PipelineFilter = None,
    run_state: Annotated[RunState | None, QueryParameter(name="state", description="Only in this state.")] = None,
    before: Before = None,
    limit: Limit = PAGE_SIZE,
) -> RunPage:
    page = ask.look.run_list(ask.actor, pipeline_id=pipeline, state=run_state, before=before, limit=limit)
    return RunPage(list(map(RunOut.of, page.items)), page.next)


@get("/runs/{run_id:str}", operation_id="GetRun", summary="One run", sync_to_thread=True)
def get_run(ask: Asked, run_id: FromPath[str]) -> RunOut:
    return RunOut.of(ask.look.run(ask.actor, RunId(run_id)))


@get("/runs/{run_id:str}/steps", operation_id="ListSteps", summary="A run's completed steps", sync_to_thread=True)
def list_steps(ask: Asked, run_id: FromPath[str]) -> StepList:
    return StepList(list(map(StepOut.of, ask.look.steps(ask.actor, RunId(run_id)))))


@post(
    "/pipelines/{pipeline_id:str}/runs",
    operation_id="StartRun",
    summary="Run a pipeline now",
    description="The run uses the configuration that is applied now. Needs the role operator.",
    sync_to_thread=True,
)
def start_run(ask: Asked, pipeline_id: FromPath[str]) -> Response[RunOut]:
    return ask.once(lambda: (201, RunOut.of(ask.control.request.start(ask.actor, pipeline_id))))


@post(
    "/runs/{run_id:str}/cancel",
    operation_id="CancelRun",
    summary="Cancel a run",
    description="A pending run ends at once, a running one within ten seconds. Needs the role operator.",
    status_code=202,
    sync_to_thread=True,
)
def cancel_run(ask: Asked, run_id: FromPath[str]) -> Response[RunOut]:
    return ask.once(lambda: (202, RunOut.of(ask.control.request.cancel(ask.actor, RunId(run_id)))))


@post(
    "/runs/{run_id:str}/retry",
    operation_id="RetryRun",
    summary="Try a run again",
    description="A new run for the moment of one that failed or was cancelled, with today's configuration. "
    "Needs the role operator.",
    sync_to_thread=True,
)
def retry_run(ask: Asked, run_id: FromPath[str]) -> Response[RunOut]:
    return ask.once(lambda: (201, RunOut.of(ask.control.request.retry(ask.actor, RunId(run_id)))))


def run_routes() -> Router:
    handlers = [list_runs, get_run, list_steps, run_logs, start_run, cancel_run, retry_run]
    return Router("/", route_handlers=handlers, tags=["runs"])
