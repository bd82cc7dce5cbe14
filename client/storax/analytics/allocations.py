"""The nodes that BatchJobs had, over time."""

import warnings
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from storax._orm.kinds import Rejected, kind_of, read_time
from storax.analytics.report import Change, Report
from storax.analytics.rows import rows_of
from storax.errors import InvalidInput, StoraxWarning
from storax.models.batch_job import BatchJob

_ALLOCATED = ("running", "pending_deletion")  # states of a BatchJob that has its nodes, once it has started


def available_nodes(batch_jobs: Iterable[BatchJob], *, now: datetime | None = None) -> Report:
    """Count the nodes that BatchJobs had at each instant, from ``start_time`` to ``end_time``.

    BatchJobs that have not started have none; those that have not ended keep theirs. If some do, the last row is
    ``now``.

    Args:
        batch_jobs: BatchJobs, in any order, or a query of them.
        now: End of the report; what happened later is left out. By default the present. A time without a zone is local
            time.

    Returns:
        ``times, counts``; empty if none has started.

    Raises:
        InvalidInput: ``batch_jobs`` holds something else than BatchJobs, or ``now`` is no time.

    Warns:
        StoraxWarning: BatchJobs that ended at an unknown time are not counted.
    """
    until = datetime.now(UTC) if now is None else _time(now)
    changes: list[Change] = []
    unknown = []
    for batch_job in rows_of(BatchJob, batch_jobs, "available_nodes", start_time_before=until):
        if batch_job.start_time and not batch_job.end_time and batch_job.state not in _ALLOCATED:
            unknown.append(batch_job.id)
        else:
            changes += _span(batch_job, until)
    if unknown:
        text = f"BatchJobs that ended at an unknown time are not counted: {len(unknown):,}, such as {unknown[0]}."
        warnings.warn(text, StoraxWarning, stacklevel=2)
    return Report.of(changes, unit="nodes", title="Nodes of BatchJobs")


def _span(batch_job: BatchJob, until: datetime) -> Iterator[Change]:
    """Yield when it got its nodes, and when it lost them; ``until`` without a change where it still has them."""
    start, end = batch_job.start_time, batch_job.end_time
    if start is None or start >= until:
        return
    yield start, batch_job.num_nodes
    if end is None or end > until:
        yield until, 0
    else:
        yield max(start, end), -batch_job.num_nodes


def _time(value: datetime) -> datetime:
    try:
        return read_time(str(kind_of(datetime).accept(value)))
    except Rejected as error:
        raise InvalidInput(f"available_nodes(): now: {error.message}.", hint=error.hint) from None
