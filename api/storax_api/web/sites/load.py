"""What each site has to do, by four set-based counts that do not grow with the number of sites."""

from dataclasses import dataclass

from storax_api.web.frame.reads import Reads
from storax_core.lifecycle.states import JOB_DONE, JOB_RUNNABLE, BatchJobState, JobState
from storax_core.queries.select import Query
from storax_core.resources import BATCH_JOBS, JOBS

RUNNABLE = tuple(map(str, JOB_RUNNABLE))
UNDER_WAY = tuple(str(state) for state in JobState if state not in JOB_DONE)


@dataclass(frozen=True)
class Load:
    """Numbers by the site's id as text: jobs that can start, that run, that have not ended; allocations."""

    runnable: dict[str, int]
    running: dict[str, int]
    under_way: dict[str, int]
    queued: dict[str, int]
    allocated: dict[str, int]


async def load_of(reads: Reads) -> Load:
    """Count them."""
    return Load(
        await reads.counts(JOBS, "site_id", Query(filter={"state": list(RUNNABLE)})),
        await reads.counts(JOBS, "site_id", Query(filter={"state": str(JobState.RUNNING)})),
        await reads.counts(JOBS, "site_id", Query(filter={"state": list(UNDER_WAY)})),
        await reads.counts(BATCH_JOBS, "site_id", Query(filter={"state": str(BatchJobState.QUEUED)})),
        await reads.counts(BATCH_JOBS, "site_id", Query(filter={"state": str(BatchJobState.RUNNING)})),
    )
