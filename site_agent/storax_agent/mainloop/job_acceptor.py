"""From leased jobs to work for the launcher, or to the report of why there is none."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from storax_agent.launch.base import Launcher, LauncherLostError, Opened
from storax_agent.launch.work import Lease, Work
from storax_agent.mainloop.lease_table import LeaseEntry, LeaseTable
from storax_agent.mainloop.pending_reports import PendingReports
from storax_agent.mainloop.report_entry import cancelled, entry, given_back, move, refusal
from storax_agent.prepare.job import MisplacedError, Preparer, RefusedError

LOG = logging.getLogger(__name__)
Row = dict[str, Any]


class JobAcceptor:
    """Turns leased jobs into work. ``node_cores`` are what jobs may use on each node."""

    def __init__(self, preparer: Preparer, leases: LeaseTable, reports: PendingReports, *, node_cores: int) -> None:
        self._preparer, self._leases, self._reports, self._node_cores = preparer, leases, reports, node_cores
        self._apps: dict[int, Row] = {}

    def accept(self, session: int, jobs: Iterable[Row], apps: Iterable[Row]) -> list[Work]:
        """The work of jobs that were leased."""
        self._apps.update((app["id"], app) for app in apps)
        return [work for job in jobs if (work := self._accept(session, job)) is not None]

    def start(self, works: Sequence[Work], launcher: Launcher) -> None:
        """Give work to the launcher. Work that cannot be given to it fails, and the rest starts.

        Raises:
            LauncherLostError: the launcher is gone.
        """
        try:
            launcher.start(works)
        except LauncherLostError:
            raise
        except Exception as error:
            if len(works) > 1:
                for work in works:
                    self.start([work], launcher)
                return
            lease = works[0].lease
            LOG.exception("job %d cannot be given to the launcher", lease.job_id)
            self._leases.drop(lease)
            self._reports.add(refusal(lease, time.time(), f"it cannot be started here: {error!r}"), lease)

    def adopt(self, session: int, opened: Opened) -> None:
        """Hold the leases of what runs already."""
        for started in opened.running:
            if started.lease not in self._leases:
                cores = self._weight(len(started.place.nodes) or 1, len(started.place.cores))
                self._leases.add(started.lease, LeaseEntry(session, cores))
        self._leases.started(opened.running)

    def report_lost(self, row: Row) -> None:
        """A job ran under a lease of ours, and nobody knows what became of it."""
        lease = Lease(row["id"], row["lease_epoch"], row["attempt"])
        message = "the site agent lost what became of it: agent and launcher were killed, or its report was damaged"
        lost = move("RUN_TIMEOUT", time.time(), message=message, lease_lost=True)
        self._reports.add(entry(lease, [lost]), lease)

    def _accept(self, session: int, job: Row) -> Work | None:
        lease = _lease(job)
        if lease in self._leases or self._leases.ended_recently(lease):
            return None
        if job.get("cancel_requested"):
            self._reports.add(cancelled(lease, time.time()), lease)
            return None
        try:
            work = self._preparer.work(lease, job, self._apps.get(job["app_id"]))
        except RefusedError as reason:
            LOG.warning("job %d refused: %s", lease.job_id, reason)
            self._reports.add(refusal(lease, time.time(), str(reason)), lease)
            return None
        except MisplacedError as reason:
            LOG.info("job %d given back: %s", lease.job_id, reason)
            self._reports.add(given_back(lease, str(reason)), lease)
            return None
        except Exception as error:  # one job's strange fields must not hold up the others
            LOG.exception("job %d cannot be prepared", lease.job_id)
            self._reports.add(refusal(lease, time.time(), f"the site agent cannot prepare it: {error!r}"), lease)
            return None
        self._leases.add(lease, LeaseEntry(session, self._weight(work.nodes, work.cores), work))
        return work

    def _weight(self, nodes: int, cores: int) -> int:
        """The cores that a job keeps from others; of several nodes it keeps all."""
        return cores if nodes == 1 else nodes * self._node_cores


def _lease(job: Mapping[str, Any]) -> Lease:
    """The lease of an acquired row; its ``attempt`` counts the runs before this one."""
    return Lease(job["id"], job["lease_epoch"], (job.get("attempt") or 0) + 1)
