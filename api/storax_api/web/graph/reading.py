"""The jobs of a graph: those that match filters, or those around one job."""

from dataclasses import dataclass, field

from storax_api.web.frame.filters import UrlQuery
from storax_api.web.frame.reads import Reads, Row
from storax_core.queries.select import Query
from storax_core.resources import APPS, JOBS

MOST_JOBS = 2_000
MOST_PARENTS = 1_000  # of one step away from a job
MOST_STEPS = 10
FIELDS = ["id", "state", "app_id", "workdir", "parent_ids"]


@dataclass(frozen=True)
class Jobs:
    """Jobs by id, the names of their Apps, how many match, and whether some of these are missing."""

    rows: dict[int, Row] = field(default_factory=dict)
    apps: dict[int, str] = field(default_factory=dict)
    count: int = 0
    cut: bool = False


async def matching(reads: Reads, view: UrlQuery) -> Jobs:
    """Read the newest jobs that match the URL. Raises Invalid."""
    query = view.selection().model_copy(update={"fields": FIELDS, "ordering": ["-id"], "limit": MOST_JOBS})
    page = await reads.page(JOBS, query.model_copy(update={"count": True}))
    rows = {row["id"]: row for row in reversed(page.rows)}
    return Jobs(rows, await _apps(reads, rows), page.count or 0, page.next is not None)


async def around(reads: Reads, job_id: int, steps: int) -> Jobs:
    """Read a job and all that are at most so many steps away, up or down. Raises NotFound."""
    first = await reads.one(JOBS, job_id)
    rows, edge, cut = {job_id: first}, {job_id: first}, False
    for _ in range(steps):
        nearer, cut = await _next_to(reads, edge, rows)
        edge = {row["id"]: row for row in nearer if row["id"] not in rows}
        cut = cut or len(rows) + len(edge) > MOST_JOBS
        rows |= dict(list(edge.items())[: MOST_JOBS - len(rows)])
        if not edge or cut:
            break
    return Jobs(dict(sorted(rows.items())), await _apps(reads, rows), len(rows), cut)


async def _next_to(reads: Reads, edge: dict[int, Row], known: dict[int, Row]) -> tuple[list[Row], bool]:
    """Read the children and unknown parents of some jobs; also whether there are more of them than are read."""
    parents = sorted({parent for row in edge.values() for parent in row["parent_ids"]} - known.keys())
    options = {"fields": FIELDS, "limit": MOST_JOBS}
    below = await reads.page(JOBS, Query(filter={"parent_id": sorted(edge)}, **options))
    if not parents:
        return below.rows, below.next is not None
    above = await reads.page(JOBS, Query(filter={"id": parents[:MOST_PARENTS]}, **options))
    more = below.next or above.next or len(parents) > MOST_PARENTS
    return below.rows + above.rows, bool(more)


async def _apps(reads: Reads, rows: dict[int, Row]) -> dict[int, str]:
    return await reads.names(APPS, {row["app_id"] for row in rows.values()})
