"""What jobs would fill: one answer for a site that has to decide how many nodes to ask for."""

from fastapi import APIRouter, Request, Response
from pydantic import Field, TypeAdapter

from storax_api.body import parse, validate
from storax_api.documents import document
from storax_api.routes import Selection, Who, only, service_of
from storax_api.service import json
from storax_core.queries import select
from storax_core.queries.capacity import NodeSize
from storax_core.resources import JOBS

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])


class Footprint(Selection):
    """Which jobs, and on what kind of nodes."""

    node: NodeSize | None = Field(default=None, description="Size of a node; unset: node_packing_count alone counts.")
    whole_nodes: bool = Field(
        default=False, strict=True, description="Whether a packing count of 1 means a whole node."
    )
    fitting: bool = Field(default=False, strict=True, description="Count only jobs that such nodes can hold.")


FOOTPRINT: TypeAdapter[Footprint] = TypeAdapter(Footprint)


@router.post("/footprint", **document(JOBS, "footprint"))
async def footprint(request: Request, who: Who) -> Response:
    """Number of jobs, nodes (a job that shares one counts as its share), the widest and the longest of them."""
    only(request)
    raw = await service_of(request).body(request)
    ask = validate(FOOTPRINT, parse(raw), Footprint.model_fields)
    query = select.Query(filter=ask.filter, exclude=ask.exclude)
    async with service_of(request).db.owner(who.owner_id) as conn:
        return json(
            await select.footprint(
                conn, who.owner_id, query, node=ask.node, whole_nodes=ask.whole_nodes, fitting=ask.fitting
            )
        )
