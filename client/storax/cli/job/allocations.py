"""Which allocations of a site would take a job, and why the others would not, in words for ``storax job explain``."""

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
    """What it asks of a node that this one lacks, in words, and how much there is. What is not known bounds nothing."""
    asked: dict[str, int] = {
        "cores": cores(job.ranks_per_node, job.threads_per_rank, job.threads_per_core),
        "gpus": devices(job.gpus_per_rank, job.ranks_per_node),
        "memory_mb": job.mem_per_node_mb,
    }
    for name, unit in UNITS:
        most = node.get(name)
        if most is not None and asked[name] > most and (most or name != "memory_mb"):
            yield f"{asked[name]:g} {unit} on a node", most


def allocations(job: "Job", site: "Site", now: datetime) -> Iterator[str]:
    """The open BatchJobs of the site, or the last one that was refused; and what its agent would ask for by itself."""
    from storax.models.batch_job import BatchJob

    of_site = BatchJob.objects.filter(site_id=job.site_id)
    rows = list(of_site.filter(state=OPEN).order_by("id")[: FEW + 1])
    takers = 0
    for batch in rows[:FEW]:
        why = "" if batch.partitions else _why_not(job, _of_batch(batch, site, now))
        takers += not why
        yield f"{_open(batch)} {f'It does not accept this job: {why}.' if why else ''}".rstrip()
    last = None if rows else of_site.order_by("-id").first()
    if last is not None and last.state == "submit_failed":
        yield f"The last requested allocation, {last.id}, was refused: {_told(last, 'error') or 'no reason is given'}."
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
    reason = (
        "" if batch.state == "running" else _told(batch, "waits") or _told(batch, "error") or _told(batch, "reason")
    )
    return f"Allocation {batch.id} ({size}) is {batch.state}{f': {reason}' if reason else ''}."


def _told(batch: "BatchJob", name: str) -> str:
    told = (batch.status_info or {}).get(name)
    return text_of(told).rstrip(".") if told else ""


def _of_batch(batch: "BatchJob", site: "Site", now: datetime) -> dict[str, Any]:
    """A BatchJob in the words of an elastic queue."""
    gone = (now - batch.start_time).total_seconds() / 60 if batch.start_time else 0.0
    return {
        "job_mode": batch.job_mode, "max_nodes": batch.num_nodes, "filter_tags": batch.filter_tags,
        "wall_time_min": max(0, int(batch.wall_time_min - gone)),
        "node": (site.allowed_queues or {}).get(batch.queue, {}),
    }  # fmt: skip


def _why_not(job: "Job", asked: Mapping[str, Any]) -> str:
    """Why such an allocation would not take the job; empty where it would."""
    tags = asked.get("filter_tags") or {}
    if any((job.tags or {}).get(name) != value for name, value in tags.items()):
        return f"it accepts only jobs with the tags {text_of(tags)}"
    if asked.get("job_mode") == "serial" and (job.num_nodes > 1 or job.ranks_per_node > 1):
        return "its mode is serial, for jobs of one node and one rank"
    if job.num_nodes > asked["max_nodes"]:
        return f"the job requests {job.num_nodes} nodes; it has {asked['max_nodes']}"
    if job.wall_time_min >= asked["wall_time_min"]:
        return f"the job requests {job.wall_time_min} minutes; it has {asked['wall_time_min']}, less its start-up time"
    return "; ".join(
        f"the job requests {words}; it has {most:g}" for words, most in too_large(job, asked.get("node") or {})
    )


def _named(queue: Any) -> str:
    return f" (queue {text_of(queue)})" if queue else ""


def _mode(job: "Job") -> str:
    return " --job-mode mpi" if job.num_nodes > 1 or job.ranks_per_node > 1 else ""
