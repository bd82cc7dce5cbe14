"""The routes of these answers. What they say is what the pages Job and Graph show."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query, Request, Response

from storax_api.documents import INTEGER, NUMBERS, TEXT, answers, problems
from storax_api.requests.parameters import Who, only, query_connection, row_id
from storax_api.requests.plain_route import PlainRouter
from storax_api.service import json
from storax_api.web.frame.reads import Reads
from storax_api.web.graph.reading import FIELDS, MOST_STEPS, around
from storax_api.web.job.explain import explain
from storax_api.web.job.facts import facts_of
from storax_core.resources import JOBS

router = PlainRouter(prefix="/api/v1/jobs", tags=["jobs"], responses=problems(401, 403, 404, 422, 429, 503))
Steps = Annotated[int, Query(ge=1, le=MOST_STEPS, description="Most edges between the job and another one.")]
TEXTS = {"type": "array", "items": TEXT}
NODE = {"id": INTEGER, "state": TEXT, "app_id": INTEGER, "workdir": TEXT, "parent_ids": NUMBERS}
NODES = {"type": "array", "items": {"type": "object", "properties": NODE}}


@router.get("/{id}/graph", operation_id="job_graph", **answers(jobs=NODES, cut={"type": "boolean"}))
async def job_graph(request: Request, who: Who, id: str, steps: Steps = 2) -> Response:  # noqa: A002
    """The job and those that are at most so many steps above or below it, by id. ``cut``: there are more."""
    only(request, "steps")
    wanted = row_id(id, JOBS)
    async with query_connection(request, who) as conn:
        near = await around(Reads(request, who, conn), wanted, steps)
    return json({"jobs": [{name: row[name] for name in FIELDS} for row in near.rows.values()], "cut": near.cut})


@router.get("/{id}/explain", operation_id="job_explain", **answers(id=INTEGER, state=TEXT, reasons=TEXTS))
async def job_explain(request: Request, who: Who, id: str) -> Response:  # noqa: A002
    """Why the job is in its state, and the way out, as sentences; a line that begins with ``|`` is of its output."""
    only(request)
    wanted = row_id(id, JOBS)
    async with query_connection(request, who) as conn:
        facts = await facts_of(Reads(request, who, conn), wanted)
    reasons = list(explain(facts, datetime.now(UTC)))
    return json({"id": wanted, "state": facts.job["state"], "reasons": reasons})
