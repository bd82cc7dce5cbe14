"""Which allocations of a site would take a job, and why the others would not, for ``storax job explain``."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from storax._runtime.footprint import cores, devices
from storax.cli.terminal.output import text_of

if TYPE_CHECKING:
    from storax.models.batch_job import BatchJob, BatchJobState
    from storax.models.job import Job
    from storax.models.site import Site

FEW = 5
OPEN: "list[BatchJobState]" = ["pending_submission", "queued", "running"]
UNITS = (("cores", "cores"), ("gpus", "GPUs"), ("memory_mb", "MiB of memory"))


def too_large(job: "Job", node: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield what a job needs of a node that this one lacks, and how much it has; an unknown limit does not count."""
    demand: dict[str, int] = {
        "cores": cores(job.ranks_per_node, job.threads_per_rank, job.threads_per_core),
        "gpus": devices(job.gpus_per_rank, job.ranks_per_node),
        "memory_mb": job.mem_per_node_mb,
    }
    for name, unit in UNITS:
        available = node.get(name)
        if available is not None and demand[name] > available and (available or name != "memory_mb"):
            yield f"{demand[name]:g} {unit} on a node", available


def allocations(job: "Job", site: "Site", now: datetime) -> Iterator[str]:
    """Describe the site's open BatchJobs, or the last refused one, and the allocations its agent would submit."""
    from storax.models.batch_job import BatchJob

    of_site = BatchJob.objects.filter(site_id=job.site_id)
    rows = list(of_site.filter(state=OPEN).order_by("id")[: FEW + 1])
    takers = 0
    for batch in rows[:FEW]:
        why = "" if batch.partitions else _why_not(job, _offer_of(batch, site, now))
        takers += not why
        yield f"{_open(batch)} {f'It does not accept this job: {why}.' if why else ''}".rstrip()
    last = None if rows else of_site.order_by("-id").first()
    if last is not None and last.state == "submit_failed":
        error = _status_text(last, "error") or "no reason is given"
        yield f"The last requested allocation, {last.id}, was refused: {error}."
    for queue in site.elastic_queues or []:
        why = _why_not(job, queue)
        takers += not why
        if why:
            yield f"The site's elastic queue{_named(queue.get('queue'))} requests none for it: {why}."
    if not takers and not site.node_size and site.last_refresh:
        yield "No allocation accepts it, and the site runs jobs only in allocations. Request one that does:"
        minutes = max(60, job.wall_time_min + 5)
        yield f"storax queue submit --site {site.name} -n {job.num_nodes} -t {minutes}{_mode(job)}"


def _open(batch: "BatchJob") -> str:
    size = f"{batch.num_nodes} {'node' if batch.num_nodes == 1 else 'nodes'}, {batch.wall_time_min} min"
    keys = () if batch.state == "running" else ("waits", "error", "reason")
    reason = next((text for key in keys if (text := _status_text(batch, key))), "")
    return f"Allocation {batch.id} ({size}) is {batch.state}{f': {reason}' if reason else ''}."


def _status_text(batch: "BatchJob", name: str) -> str:
    text = (batch.status_info or {}).get(name)
    return text_of(text).rstrip(".") if text else ""


def _offer_of(batch: "BatchJob", site: "Site", now: datetime) -> dict[str, Any]:
    """Return what a BatchJob offers, under the keys of an elastic queue."""
    elapsed_min = (now - batch.start_time).total_seconds() / 60 if batch.start_time else 0.0
    return {
        "job_mode": batch.job_mode, "max_nodes": batch.num_nodes, "filter_tags": batch.filter_tags,
        "wall_time_min": max(0, int(batch.wall_time_min - elapsed_min)),
        "node": (site.allowed_queues or {}).get(batch.queue, {}),
    }  # fmt: skip


def _why_not(job: "Job", offer: Mapping[str, Any]) -> str:
    """Return why such an allocation would not take the job; empty where it would."""
    tags = offer.get("filter_tags") or {}
    if any((job.tags or {}).get(name) != value for name, value in tags.items()):
        return f"it accepts only jobs with the tags {text_of(tags)}"
    if offer.get("job_mode") == "serial" and (job.num_nodes > 1 or job.ranks_per_node > 1):
        return "its mode is serial, for jobs of one node and one rank"
    if job.num_nodes > offer["max_nodes"]:
        return f"the job requests {job.num_nodes} nodes; it has {offer['max_nodes']}"
    if job.wall_time_min >= offer["wall_time_min"]:
        return f"the job requests {job.wall_time_min} minutes; it has {offer['wall_time_min']}, less its start-up time"
    return "; ".join(
        f"the job requests {demand}; it has {available:g}"
        for demand, available in too_large(job, offer.get("node") or {})
    )


def _named(queue: Any) -> str:
    return f" (queue {text_of(queue)})" if queue else ""


def _mode(job: "Job") -> str:
    return " --job-mode mpi" if job.num_nodes > 1 or job.ranks_per_node > 1 else ""
