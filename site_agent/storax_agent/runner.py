"""The runner of an allocation: runs jobs on the nodes of one BatchJob, until its time is over."""

import logging
import time
from collections.abc import Callable
from typing import Any

from storax_agent.allocations.launcher import Size, launcher_of
from storax_agent.allocations.limits import Allocation
from storax_agent.allocations.placement import placements_of
from storax_agent.launch.allocation import AllocationLauncher
from storax_agent.launch.base import Launcher
from storax_agent.loops.allocations.runners import note_reason
from storax_agent.mainloop.agent import Agent
from storax_agent.mainloop.loop import Loop
from storax_agent.process import AgentProcess
from storax_agent.server.site_api import SiteApi
from storax_agent.settings.site import SiteError, SiteFolder, SiteSettings

PREEMPTION_SEC = 2.0  # a job that fails so shortly before the request to end its runner was ended with it
LOG = logging.getLogger(__name__)


class AllocationRunner(AgentProcess):
    """One for each BatchJob that runs, or for each of its partitions. The Site's row is the site's agent's to write."""

    stop_sec = 4.2  # for which the site's agent waits
    wait_sec = 1.0

    def __init__(self, folder: SiteFolder, settings: SiteSettings, api: SiteApi, allocation: Allocation) -> None:
        self.allocation = allocation
        super().__init__(folder, settings, api, stop_jobs=True)
        self.stop_reason = lambda: allocation.end_reason(lost=self._lost)
        self.agent.preemption.hold_sec = PREEMPTION_SEC
        self._busy_at = time.monotonic()

    def _launcher(self) -> tuple[Launcher, Size]:
        return launcher_of(self.folder, self.settings, self.allocation)

    def _agent(self) -> Agent:
        preparer = self._preparer(nodes=self.size.nodes, places=placements_of(self.settings), launch=None)
        return self._main_loop(preparer, cores=self.size.cores, prefetch=self.settings.prefetch)

    def _limits(self) -> Callable[[], dict[str, Any]]:
        nodes = self.size.nodes
        return lambda: self.allocation.limits(nodes)

    def _open_session(self) -> int:
        batch = self.allocation.batch_job_id
        if self.api.batch_job(batch)["state"] == "finished":
            # The scheduler said so, as when its node was given up; nobody may run anything in its name any more.
            self.ask_to_end(stop_jobs=True)
            raise SiteError(f"batch job {batch} is finished; its runner ends")
        return self.api.open_session(self.settings.site_id, ttl_sec=self.settings.session_ttl_sec, batch_job_id=batch)

    def _own_loops(self) -> list[Loop]:
        return [self._loop("pull", self.pull.step)]

    def _announce(self, within: float) -> None:
        """Tell nothing: the site's agent does."""

    def _stop_transfers(self) -> None:
        """Stop none: the site's agent moves all files."""

    @property
    def _lost(self) -> str:
        """Why its nodes are gone; empty while they are there."""
        return self.launcher.gone if isinstance(self.launcher, AllocationLauncher) else ""

    def _over(self) -> bool:
        busy = len(self.agent.leases) > 0
        if busy:  # what comes after a long job still gets its idle seconds
            self._busy_at = time.monotonic()
        lost = self._lost
        if not self.allocation.over(busy=busy, active=max(self.pull.active, self._busy_at)) and not lost:
            return self._wants_end
        LOG.info("allocation %d is over %s", self.allocation.batch_job_id, lost)
        if lost:
            note_reason(self.folder, f"its nodes were lost: {lost}")
        return True

    def _close(self, *, nothing_runs: bool) -> None:  # noqa: ARG002
        # An allocation's launchers have nobody else to wait for: they end with what they still run.
        self.agent.close(end=True)
