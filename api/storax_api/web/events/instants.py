"""Instants of the log: a position or a time of a URL, and the last event until then."""

from dataclasses import dataclass

from storax_api.requests.body import validate
from storax_api.requests.parameters import AS_OF
from storax_api.web.frame.reads import Reads
from storax_core.queries import past
from storax_core.queries.select import Query
from storax_core.resources import EVENTS


@dataclass(frozen=True)
class Instant:
    """A position, and the time of the viewer's last event until then; None before the first."""

    position: int
    time: str | None


async def instant_of(reads: Reads, text: str, end: int) -> Instant:
    """Read a position or a time; empty means the end of the log. Raises Invalid."""
    as_of = validate(AS_OF, text) if text else end
    position = await past.position_of(reads.conn, reads.caller.owner_id, as_of)
    newest = Query(
        filter={"position__lte": position}, ordering=["-position"], limit=1, fields=["position", "timestamp"]
    )
    rows = (await reads.page(EVENTS, newest)).rows
    return Instant(position, rows[0]["timestamp"] if rows else None)
