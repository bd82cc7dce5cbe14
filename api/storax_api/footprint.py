"""What jobs would fill: one answer for a site that has to decide how many nodes to ask for."""

from fastapi import APIRouter, Request, Response

from storax_api.body import parse, validate
from storax_api.documents import document
from storax_api.routes import SELECTION, Selection, Who, only, service_of
from storax_api.service import json
from storax_core import queries
from storax_core.resources import JOBS

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])


@router.post("/footprint", **document(JOBS, "footprint"))
async def footprint(request: Request, who: Who) -> Response:
    """Number of jobs, nodes (a packed job counts as its share of one), the widest and the longest of them."""
    only(request)
    raw = await service_of(request).body(request)
    ask: Selection = validate(SELECTION, parse(raw), Selection.model_fields)
    query = queries.Query(filter=ask.filter, exclude=ask.exclude)
    async with service_of(request).db.owner(who.owner_id) as conn:
        return json(await queries.footprint(conn, who.owner_id, query))
