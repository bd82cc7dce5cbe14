"""Elastic queue: ask for allocations as the runnable work needs them, and take back those that wait too long.

Each round looks at the whole: what could run, less the nodes that idle in running allocations, less those that wait.
What is missing is asked for, one allocation a round. A round that was lost is made good by the next.
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from storax.errors import StoraxError
from storax.models.job_rules import RUNNABLE
from storax_agent.allocations.placement import node_of, queue_of
from storax_agent.loops.allocations.queue_shape import create, made_by, shape, waits
from storax_agent.schedulers.base import Limits, Scheduler
from storax_agent.server.site_api import SiteApi
from storax_agent.settings.scheduler import ElasticSettings
from storax_agent.settings.site import SiteSettings

MAKER = "elastic_queue"
ACTIVE = ("pending_submission", "queued", "running")
LOG = logging.getLogger(__name__)
Row = dict[str, Any]


def utc_now() -> datetime:
    """The time, aware, UTC."""
    return datetime.now(UTC)


class NoQueueError(StoraxError):
    """The queue whose idle nodes are to be asked for is not there."""


class Window(NamedTuple):
    """Idle nodes, for so many minutes; 0 minutes is no limit."""

    num_nodes: int
    wall_time_min: int


class ElasticQueue:
    """One round every ``every_sec`` seconds."""

    def __init__(
        self,
        api: SiteApi,
        site: SiteSettings,
        scheduler: Scheduler,
        settings: ElasticSettings,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._api, self._site, self._scheduler, self._settings = api, site, scheduler, settings
        self._site_id, self._now = site.site_id, now
        self._on: Row = {}
        self._waits = False

    def step(self) -> float:
        """One round.

        Raises:
            NoQueueError: it is to ask for idle nodes of a queue that is not there, so it never would ask.
        """
        limits = self._scheduler.queues()
        if self._settings.use_backfill:
            self._check(limits)
        node = node_of(self._site, self._settings.queue, limits)
        self._on = {"node": node, "whole_nodes": self._site.launcher.whole_nodes}
        active = [row for row in self._api.batch_jobs(self._site_id, ACTIVE) if self._serves(row)]
        self._give_up(active)
        pending = sum(row["state"] != "running" for row in active)
        if pending < self._settings.max_pending:
            missing, widest = self._missing(active)
            if missing > 0 and waits(self._api, self._site_id, MAKER, self._now(), only=self._serves) <= 0:
                self._ask(missing, widest)
        return self._settings.every_sec

    def _serves(self, row: Row) -> bool:
        """Whether a BatchJob would run the work that this loop cares for."""
        suits = row.get("job_mode") == "mpi" or self._settings.job_mode == "serial"
        return suits and (row.get("filter_tags") or {}) == self._settings.filter_tags

    def _missing(self, active: Sequence[Row]) -> tuple[float, int]:
        """Nodes that the runnable work needs and nobody has asked for, and the nodes of the widest job."""
        wanted = self._fitting(self._settings.wall_time_min)
        waiting = sum(row["num_nodes"] for row in active if row["state"] != "running")
        missing = wanted["nodes"] - waiting - self._idle([row for row in active if row["state"] == "running"])
        return missing, int(wanted["max_nodes"])

    def _fitting(self, wall_time_min: int) -> Row:
        """What the jobs would fill that an allocation of so many minutes would take."""
        return self._api.footprint(self._runnable(wall_time_min), **self._on, fitting=True)

    def _runnable(self, wall_time_min: int) -> Row:
        """Jobs that an allocation would not take (in serial mode those of several ranks; those as long as itself, for
        its own start takes time) would be asked for again and again."""
        settings = self._settings
        widest = {"num_nodes__lte": settings.max_nodes}
        return {
            "site_id": self._site_id,
            "state": list(RUNNABLE),
            "session_id__isnull": True,
            "wall_time_min__lt": wall_time_min,
            **({"num_nodes": 1, "ranks_per_node": 1} if settings.job_mode == "serial" else widest),
            **({"tags": settings.filter_tags} if settings.filter_tags else {}),
        }

    def _idle(self, running: Sequence[Row]) -> float:
        """Nodes of running allocations that no job uses."""
        if not running:
            return 0.0
        only = {"batch_job_id": [row["id"] for row in running], "session_id__isnull": False}
        nodes: int = sum(row["num_nodes"] for row in running)
        return max(0.0, nodes - float(self._api.footprint(only, **self._on)["nodes"]))

    def _ask(self, missing: float, widest: int) -> None:
        settings = self._settings
        nodes = min(settings.max_nodes, max(settings.min_nodes, widest, math.ceil(missing - 1e-9)))
        fields = {**shape(settings), "num_nodes": nodes}
        if settings.use_backfill:
            window = self._window(max(settings.min_nodes, widest))
            self._note(window, missing)
            if window is None:
                return
            fields["num_nodes"] = min(nodes, window.num_nodes)
            if window.wall_time_min:
                room = window.wall_time_min - settings.wall_time_pad_min
                fields["wall_time_min"] = min(settings.wall_time_min, room)
                if not self._fitting(fields["wall_time_min"])["num_jobs"]:
                    return  # nothing would end in it
        number = create(self._api, self._site_id, fields, maker=MAKER)
        LOG.info("elastic queue: %.1f nodes are missing; asked for %d as BatchJob %d", missing, nodes, number)

    def _window(self, least: int) -> Window | None:
        snapshot = self._scheduler.snapshot()
        rows = snapshot.backfill_windows.get(queue_of(self._site, self._settings.queue), ()) if snapshot else ()
        return best_window(rows, least=least, pad=self._settings.wall_time_pad_min)

    def _check(self, limits: Limits) -> None:
        queue = queue_of(self._site, self._settings.queue)
        if limits and queue not in limits:
            raise NoQueueError(
                f"there are no idle nodes of queue {queue!r} to ask for: the scheduler has no such queue open",
                hint=f"There are: {', '.join(sorted(limits))}",
            )

    def _note(self, window: Window | None, missing: float) -> None:
        """Say once that nothing idle fits, however often it is looked for."""
        if window is None and not self._waits:
            queue = queue_of(self._site, self._settings.queue)
            LOG.info("elastic queue: %.1f nodes are missing; queue %r has no idle ones that would do", missing, queue)
        self._waits = window is None

    def _give_up(self, active: Sequence[Row]) -> None:
        """Cancel those of ours that have waited for longer than they may."""
        most = self._settings.max_queue_wait_min
        late = [row["id"] for row in active if most and _waited_min(row, self._now()) > most and made_by(row, MAKER)]
        for number in late:
            LOG.info("elastic queue: BatchJob %d has waited for more than %d minutes; cancelled", number, most)
        if late:
            self._api.update_batch_jobs([{"id": number, "state": "pending_deletion"} for number in late])


def best_window(rows: Sequence[Mapping[str, int]], *, least: int, pad: int) -> Window | None:
    """The window of the most nodes, then the longest, that has ``least`` nodes and is longer than ``pad`` minutes."""
    windows = [Window(int(row["num_nodes"]), int(row["wall_time_min"])) for row in rows]
    fit = [one for one in windows if one.num_nodes >= least and (one.wall_time_min > pad or not one.wall_time_min)]
    return max(fit, key=lambda one: (one.num_nodes, one.wall_time_min or math.inf), default=None)


def _waited_min(row: Row, now: datetime) -> float:
    if row["state"] == "running":
        return 0.0
    return (now - datetime.fromisoformat(str(row["creation_date"]))).total_seconds() / 60
