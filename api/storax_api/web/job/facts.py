"""What the page of a job reads: the job and what belongs to it, each bounded."""

from dataclasses import dataclass
from typing import Any

from storax_api.web.frame.reads import Reads, Row, Rows
from storax_core.lifecycle.states import JOB_DONE, JobState
from storax_core.queries.select import Query
from storax_core.resources import APPS, EVENTS, JOBS, SITES, TRANSFERS

NEIGHBOURS, FILES, HISTORY = 20, 50, 500
WAITING = (JobState.CREATED, JobState.AWAITING_PARENTS)
FINISHED = str(JobState.JOB_FINISHED)
MOST_AWAITED = 6  # parents that have not finished
BRIEF = ["id", "state", "app_id", "workdir", "last_update"]


@dataclass(frozen=True)
class Facts:
    """A job with its App, site, history (oldest first), files and neighbours; ``awaited`` parents have not finished."""

    job: Row
    app: Row
    site: Row
    events: list[Row]
    has_older_events: bool
    transfers: Rows
    parents: Rows
    awaited: list[Row]
    children: Rows
    apps: dict[int, str]

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens to the job by itself."""
        return self.job["state"] in JOB_DONE

    def last(self, *states: str) -> dict[str, Any]:
        """Return the data of the last event by which the job entered one of these states."""
        return next((event["data"] for event in reversed(self.events) if event["to_state"] in states), {})


async def facts_of(reads: Reads, job_id: int) -> Facts:
    """Read them. Raises NotFound."""
    job = await reads.one(JOBS, job_id)
    newest = await reads.page(EVENTS, Query(filter={"job_id": job_id}, ordering=["-position"], limit=HISTORY))
    parents = Rows([], None, 0)
    if job["parent_ids"]:
        some = job["parent_ids"][: 10 * NEIGHBOURS]
        parents = await reads.page(JOBS, Query(filter={"id": some}, fields=BRIEF, limit=NEIGHBOURS))
    awaited: list[Row] = []
    if job["state"] in WAITING:
        query = Query(filter={"id": job["parent_ids"], "state__ne": FINISHED}, fields=BRIEF, limit=MOST_AWAITED)
        awaited = (await reads.page(JOBS, query)).rows
    children = await reads.page(JOBS, Query(filter={"parent_id": job_id}, fields=BRIEF, limit=NEIGHBOURS, count=True))
    transfers = await reads.page(TRANSFERS, Query(filter={"job_id": job_id}, limit=FILES))
    return Facts(
        job,
        await reads.one(APPS, job["app_id"]),
        await reads.one(SITES, job["site_id"]),
        newest.rows[::-1],
        newest.next is not None,
        transfers,
        parents,
        awaited,
        children,
        await reads.names(APPS, {row["app_id"] for row in (*parents.rows, *children.rows)}),
    )
