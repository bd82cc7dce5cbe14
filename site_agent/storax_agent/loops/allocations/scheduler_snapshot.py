"""Report to the server, in the Site's row, what the scheduler allows, has idle and holds of the owner's jobs."""

from collections.abc import Mapping
from typing import Any

from storax.errors import StoraxError
from storax_agent.allocations.placement import node_of
from storax_agent.schedulers.base import Scheduler
from storax_agent.schedulers.limits import allowed_queues
from storax_agent.server.site_api import SiteApi
from storax_agent.settings.site import SiteSettings

ELASTIC = {"queue", "job_mode", "max_nodes", "wall_time_min", "filter_tags"}


class SilentError(StoraxError):
    """The scheduler gave no clear answer."""


def capabilities(scheduler: Scheduler, site: SiteSettings) -> dict[str, Any]:
    """What a BatchJob of this site may ask for, and what its agent asks for by itself, as fields of the Site."""
    settings, limits = site.scheduler, scheduler.queues()
    fields: dict[str, Any] = {
        "allowed_queues": allowed_queues(settings, limits),
        "optional_batch_job_params": settings.optional_params,
        "elastic_queues": [
            {**one.model_dump(include=ELASTIC), "node": node_of(site, one.queue, limits)} for one in site.elastic_queues
        ],
    }
    return fields if settings.projects is None else {**fields, "allowed_projects": settings.projects}


class OutlookLoop:
    """One round every ``every_sec`` seconds; nothing is sent unless it has changed."""

    def __init__(self, api: SiteApi, scheduler: Scheduler, site: SiteSettings, *, every_sec: float) -> None:
        self._api, self._site_id, self._scheduler = api, site.site_id, scheduler
        self._site, self._every_sec = site, every_sec
        self._reported: Mapping[str, Any] = {}

    def step(self) -> float:
        """One round.

        Raises:
            SilentError: the scheduler gave no clear answer, so that all else is as it was reported before.
        """
        fields = capabilities(self._scheduler, self._site)
        if not fields["allowed_queues"]:
            del fields["allowed_queues"]  # no answer: what was reported before still holds
        snapshot = self._scheduler.snapshot()
        if snapshot is not None:
            fields["backfill_windows"] = {name: list(rows) for name, rows in snapshot.backfill_windows.items()}
            fields["queued_jobs"] = dict(snapshot.queued_jobs)
        news = {name: value for name, value in fields.items() if self._reported.get(name) != value}
        if news:
            self._api.update_site(self._site_id, news)
            self._reported = {**self._reported, **news}
        if snapshot is None:
            raise SilentError("the scheduler gives no clear answer", hint="`storax site check` asks it.")
        return self._every_sec
