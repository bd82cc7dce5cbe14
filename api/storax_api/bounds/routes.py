"""``GET /limits``: every limit of this server, for programs; the reference shows the same table."""

from dataclasses import asdict

from fastapi import Request, Response

from storax_api.documents import INTEGER, TEXT, answers, problems
from storax_api.requests.parameters import Who, only, service_of
from storax_api.requests.plain_route import PlainRouter
from storax_api.service import json
from storax_core import limits

router = PlainRouter(prefix="/api/v1", tags=["limits"], responses=problems(401, 422, 503))
_FIELDS = {
    **dict.fromkeys(("name", "unit", "meaning", "way_out"), TEXT),
    "value": {"type": "number"},
    "status": INTEGER,
}
LIMITS = {"type": "array", "items": {"type": "object", "properties": _FIELDS}}


@router.get("/limits", operation_id="limits", **answers(limits=LIMITS))
async def read_limits(request: Request, who: Who) -> Response:  # noqa: ARG001  (a token is needed)
    """What this server accepts and answers at most; ``status`` is that of the refusal, 0 where nothing is refused."""
    only(request)
    return json({"limits": [asdict(limit) for limit in limits.table(service_of(request).settings)]})
