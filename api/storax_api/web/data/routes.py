"""The pages of the catalogue: projects, what one has, a data frame, a pipeline."""

from typing import Any

from fastapi import APIRouter, Request, Response

from storax_api.requests.parameters import only, row_id
from storax_api.web.data.scores import measures_of, scores_of
from storax_api.web.frame.filters import UrlQuery
from storax_api.web.frame.live import published
from storax_api.web.frame.reads import Reads, Row, reads_of
from storax_api.web.frame.respond import Live, live_page
from storax_api.web.frame.viewer import Reader
from storax_core.queries.select import Query
from storax_core.resources import DATA_FRAMES, EVENTS, PIPELINES, PROJECTS

router = APIRouter()
SHOWN, HISTORY, EDITIONS = 100, 50, 100
FRAME_FIELDS = ["id", "name", "nrows", "nbytes", "edition", "saved_edition", "in_memory", "last_update"]
FIT_FIELDS = ["id", "name", "edition", "targets", "frames", "job_id", "tags", "scores", "creation_date"]


@router.get("/data")
async def projects(request: Request, viewer: Reader) -> Response:
    """Show the projects."""
    view, after = UrlQuery.of(request, PROJECTS), await published(request)
    async with reads_of(request, viewer) as reads:
        rows = await reads.page(PROJECTS, view.query(ordering="name"))
    context = {"view": view, "rows": rows}
    return live_page(request, "data/projects.html", context, changes=Live(after, ("project",)))


@router.get("/data/{id}")
async def project(request: Request, viewer: Reader, id: str) -> Response:  # noqa: A002
    """Show what a project has."""
    only(request)
    wanted, after = row_id(id, PROJECTS), await published(request)
    own: dict[str, Any] = {"filter": {"project_id": wanted}, "limit": SHOWN}
    async with reads_of(request, viewer) as reads:
        context: dict[str, Any] = {
            "project": await reads.one(PROJECTS, wanted),
            "frames": await reads.page(DATA_FRAMES, Query(**own, fields=FRAME_FIELDS, ordering=["name"], count=True)),
            "fits": await reads.page(PIPELINES, Query(**own, fields=FIT_FIELDS, ordering=["-id"], count=True)),
            "frame_ids": {},
        }
    context["frame_ids"] = {row["name"]: row["id"] for row in context["frames"].rows}
    return live_page(request, "data/project.html", context, changes=Live(after, ("data_frame", "pipeline", "project")))


@router.get("/data/frames/{id}")
async def frame(request: Request, viewer: Reader, id: str) -> Response:  # noqa: A002
    """Show a data frame: its columns, its editions and who made them, what was fitted on it."""
    only(request)
    wanted, after = row_id(id, DATA_FRAMES), await published(request)
    async with reads_of(request, viewer) as reads:
        row = await reads.one(DATA_FRAMES, wanted)
        fits = await _fits(reads, row["project_id"])
        context = {
            "frame": row, "project": await reads.one(PROJECTS, row["project_id"]),
            "events": await _history(reads, "data_frame", wanted),
            "fits": [fit for fit in fits if row["name"] in fit["frames"]],
        }  # fmt: skip
    changes = Live(after, ("data_frame",), [wanted])
    return live_page(request, "data/frame.html", context, changes=changes)


@router.get("/data/pipelines/{id}")
async def pipeline(request: Request, viewer: Reader, id: str) -> Response:  # noqa: A002
    """Show a fit of a pipeline: on what, by whom, its scores, and those of its other editions."""
    only(request)
    wanted, after = row_id(id, PIPELINES), await published(request)
    async with reads_of(request, viewer) as reads:
        row = await reads.one(PIPELINES, wanted)
        editions = await _fits(reads, row["project_id"], name=row["name"])
        names = {"filter": {"project_id": row["project_id"], "name": list(row["frames"])[:SHOWN]}, "limit": SHOWN}
        frames = (await reads.page(DATA_FRAMES, Query(**names, fields=["id", "name", "edition"]))).rows
        context: dict[str, Any] = {
            "fit": row, "project": await reads.one(PROJECTS, row["project_id"]), "editions": editions,
            "events": await _history(reads, "pipeline", wanted), "frames": {each["name"]: each for each in frames},
        }  # fmt: skip
    scores = scores_of(editions)
    context |= {"scores": scores, "measures": measures_of(scores)}
    return live_page(request, "data/pipeline.html", context, changes=Live(after, ("pipeline",)))


async def _fits(reads: Reads, project_id: int, **filters: str) -> list[Row]:
    query = Query(filter={"project_id": project_id, **filters}, fields=FIT_FIELDS, ordering=["-id"], limit=EDITIONS)
    return (await reads.page(PIPELINES, query)).rows


async def _history(reads: Reads, entity: str, wanted: int) -> list[Row]:
    only_this = {"entity": entity, "entity_id": wanted}
    return (await reads.page(EVENTS, Query(filter=only_this, ordering=["-position"], limit=HISTORY))).rows
