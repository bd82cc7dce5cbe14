"""What jobs would fill: one answer for a site that has to decide how many nodes to ask for."""

from fastapi import Request, Response

from storax_api.documents import document
from storax_api.identity import scope
from storax_api.requests.body import parse_as
from storax_api.requests.parameters import Who, only, query_connection, service_of
from storax_api.requests.plain_route import PlainRouter
from storax_api.schemas import Footprint
from storax_api.service import json
from storax_core.queries import select
from storax_core.resources import JOBS

router = PlainRouter(prefix="/api/v1/jobs", tags=["jobs"])


@router.post("/footprint", **document(JOBS, "footprint"))
async def footprint(request: Request, who: Who) -> Response:
    """Number of jobs, nodes (a job that shares one counts as its share), the widest and the longest of them."""
    only(request)
    raw = await service_of(request).body(request)
    ask = parse_as(Footprint, raw)
    query = scope.narrow(who, JOBS, select.Query(filter=ask.filter, exclude=ask.exclude))
    async with query_connection(request, who) as conn:
        return json(
            await select.footprint(
                conn, who.owner_id, query, node=ask.node, whole_nodes=ask.whole_nodes, fitting=ask.fitting
            )
        )
