"""The loops that ask the scheduler for allocations and look after them, by name."""

from collections.abc import Callable, Sequence

from storax_agent.allocations.placement import Placement
from storax_agent.files.set_aside import SetAside
from storax_agent.loops.allocations.batch_jobs import BatchJobs
from storax_agent.loops.allocations.elastic_queue import ElasticQueue
from storax_agent.loops.allocations.queue_maintainer import QueueMaintainer
from storax_agent.loops.allocations.runners import runner_reports
from storax_agent.loops.allocations.scheduler_snapshot import OutlookLoop
from storax_agent.loops.allocations.unschedulable_jobs import UnschedulableJobs
from storax_agent.loops.pull import Taker
from storax_agent.mainloop.lease_table import SessionKeeper
from storax_agent.schedulers.base import Scheduler
from storax_agent.server.site_api import SiteApi
from storax_agent.settings.site import SiteFolder, SiteSettings


def allocation_steps(
    api: SiteApi, keeper: SessionKeeper, taker: Taker, scheduler: Scheduler, folder: SiteFolder, settings: SiteSettings,
    *, places: Sequence[Placement] | None, objection: str = "",
) -> dict[str, Callable[[], float]]:  # fmt: skip
    """The step of each. ``places`` are all where the site's jobs can run, None where that is not known, or where the
    agent itself sees what fits none. ``objection`` is why the site's policy allows no allocation, if it does."""
    site_id, every = settings.site_id, settings.scheduler.outlook_poll_sec
    batch_jobs = BatchJobs(
        api, keeper, site_id, scheduler, every_sec=settings.batch_poll_sec, settings=settings.scheduler,
        objection=objection, runners=lambda numbers: runner_reports(folder, numbers),
        set_aside=SetAside(folder.set_aside),
    )  # fmt: skip
    steps: dict[str, Callable[[], float]] = {
        "batch-jobs": batch_jobs.submit_step,
        "allocations": batch_jobs.watch_step,
    }
    if settings.scheduler.kind != "local":
        steps["outlook"] = OutlookLoop(api, scheduler, settings, every_sec=every).step
    for number, queue in enumerate(settings.elastic_queues, 1):
        name = "elastic-queue" if number == 1 else f"elastic-queue-{number}"
        steps[name] = ElasticQueue(api, settings, scheduler, queue).step
    if settings.queue_maintainer.enabled:
        steps["queue-maintainer"] = QueueMaintainer(api, site_id, settings.queue_maintainer).step
    if places:
        steps["unschedulable-jobs"] = UnschedulableJobs(api, keeper, taker, places, every_sec=every).step
    return steps
