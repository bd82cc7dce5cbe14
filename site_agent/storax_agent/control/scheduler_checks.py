"""What `storax site check` says of a site's scheduler."""

from collections.abc import Iterator
from typing import NamedTuple

from storax_agent.allocations.placement import queue_of
from storax_agent.schedulers.base import Request
from storax_agent.schedulers.cluster import Cluster
from storax_agent.schedulers.limits import allowed_queues
from storax_agent.schedulers.registry import missing_programs, scheduler_of
from storax_agent.schedulers.template import NAME, TemplateError
from storax_agent.settings.site import SiteFolder, SiteSettings


class Finding(NamedTuple):
    """One line of the check; ``good`` is None for what is only information."""

    what: str
    good: bool | None
    detail: str


def scheduler_findings(folder: SiteFolder, settings: SiteSettings) -> Iterator[Finding]:
    """Its programs, its answer, its queues, and the site's template."""
    kind = settings.scheduler.kind
    if gone := missing_programs(kind):
        detail = f"{kind}: {', '.join(gone)} not on the PATH; load its module, or set another kind in [scheduler]"
        yield Finding("scheduler", False, detail)
        return
    scheduler = scheduler_of(folder, settings)
    if not isinstance(scheduler, Cluster):
        return
    listed = scheduler.vendor.listed()
    if listed is None:
        within = settings.scheduler.command_timeout_sec
        yield Finding("scheduler", False, f"{kind} did not list jobs within {within:g} s; check that it runs")
    else:
        yield Finding("scheduler", True, f"{kind}, {len(listed)} jobs of yours")
        yield from _queues(scheduler, settings)
        yield from _backfill(scheduler, settings)
    yield _template(scheduler, settings)


def _queues(scheduler: Cluster, settings: SiteSettings) -> Iterator[Finding]:
    own = scheduler.queues()
    if not own:
        yield Finding("queues", False, f"{scheduler.vendor.kind} reports no queue that accepts jobs")
        return
    strange = sorted(set(settings.scheduler.queues) - set(own))
    if strange:
        there = ", ".join(sorted(own))
        yield Finding("queues", False, f"{', '.join(strange)} of site.toml unknown; existing queues: {there}")
    for name, limits in allowed_queues(settings.scheduler, own).items():
        detail = ", ".join(f"{limit} {value}" for limit, value in limits.items())
        yield Finding(f"queue {name}", None, detail or "no limits")


def _backfill(scheduler: Cluster, settings: SiteSettings) -> Iterator[Finding]:
    """What an elastic queue that asks for idle nodes alone would find now."""
    names = {queue_of(settings, one.queue) for one in settings.elastic_queue if one.enabled and one.use_backfill}
    idle, known = scheduler.vendor.windows() if names else {}, scheduler.queues() if names else {}
    for name in sorted(names):
        rows = ", ".join(
            f"{row['num_nodes']} nodes for {row['wall_time_min'] or 'any'} min" for row in idle.get(name, ())
        )
        good = None if name in known else False
        nothing = "nothing is idle now" if name in known else "no such queue, so the elastic queue requests nothing"
        yield Finding(f"backfill {name}", good, rows or nothing)


def _template(scheduler: Cluster, settings: SiteSettings) -> Finding:
    queue, project = settings.scheduler.default_queue, settings.scheduler.default_project
    try:
        scheduler.script(Request(0, 1, 60, queue, project, "serial", {}))
    except TemplateError as error:
        return Finding(NAME, False, str(error))
    return Finding(NAME, True, "valid")
