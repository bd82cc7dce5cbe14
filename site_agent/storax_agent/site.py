"""The agent of a site: runs jobs, moves files, and asks the scheduler for allocations."""

import os
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from storax.models.job_rules import HOOKS
from storax_agent.allocations.launcher import Size, launcher_of
from storax_agent.allocations.placement import node_rows, placements_of
from storax_agent.launch.base import Launcher
from storax_agent.launch.end_jobs import ask_runners_to_end, running
from storax_agent.launch.mpi import launch_of
from storax_agent.loops.allocations.registry import allocation_steps
from storax_agent.loops.allocations.scheduler_snapshot import capabilities
from storax_agent.loops.failing_loops import FailingLoops
from storax_agent.loops.file_cleaner import FileCleaner
from storax_agent.loops.file_policy import FilePolicy
from storax_agent.loops.job_files import JobFiles
from storax_agent.loops.set_aside import SetAsideRecords
from storax_agent.loops.token_refresh import TokenWatch
from storax_agent.loops.transfers import Transfers
from storax_agent.mainloop.agent import Agent
from storax_agent.mainloop.loop import Loop, LoopHealth
from storax_agent.process import AgentProcess
from storax_agent.schedulers.registry import scheduler_of
from storax_agent.server.site_api import SiteApi
from storax_agent.settings.site import SiteFolder, SiteSettings
from storax_agent.transfers.services import Locations

VERSION = version("storax")
TRANSFER_STOP_SEC = 0.5  # rsync keeps what it has of a file within this


class SiteAgent(AgentProcess):
    """One for each site, for as long as the site is up."""

    stop_sec = 4.7  # what supervisors wait for is 5 s

    def __init__(self, folder: SiteFolder, settings: SiteSettings, api: SiteApi) -> None:
        self.scheduler = scheduler_of(folder, settings)
        self.hooks_alone = not settings.run_jobs and settings.policy.allow_functions
        # Whether the agent is the only place where the site's jobs run; then it need not say how large it is.
        self._alone = settings.run_jobs and settings.scheduler.kind == "local"
        super().__init__(folder, settings, api, stop_jobs=settings.stop_jobs_on_exit)
        self.status = self._health
        self._file_policy = FilePolicy(api, self.policy, self.submitter)
        self._transfers = self._mover()

    def _launcher(self) -> tuple[Launcher, Size]:
        return launcher_of(self.folder, self.settings, None)

    def _agent(self) -> Agent:
        settings = self.settings
        preparer = self._preparer(
            nodes=None if settings.run_jobs else (), places=() if self._alone else placements_of(settings),
            launch=launch_of(settings.launcher.launch, settings.environment.job(os.environ)),
        )  # fmt: skip
        # Where allocations run the jobs, the agent still runs hooks, one at a time.
        hooks = int(settings.policy.allow_functions)
        runs = settings.run_jobs
        return self._main_loop(
            preparer, cores=self.size.cores if runs else hooks, prefetch=settings.prefetch if runs else 0
        )

    def _limits(self) -> Callable[[], dict[str, Any]]:
        limits: dict[str, Any] = {"filter_tags": self.settings.filter_tags} if self.settings.filter_tags else {}
        if self.hooks_alone:
            limits["states"] = list(HOOKS)
        elif not self._alone:
            limits["nodes"] = node_rows(self.size.nodes)
        return lambda: limits

    def _open_session(self) -> int:
        return self.api.open_session(self.settings.site_id, ttl_sec=self.settings.session_ttl_sec, batch_job_id=None)

    def _own_loops(self) -> list[Loop]:
        settings = self.settings
        data, policy = self.folder.data, self._file_policy
        cleaner = FileCleaner(self.api, settings.site_id, data=data, policy=policy, every_sec=settings.cleanup_poll_sec)
        steps = {"pull": self.pull.step} if settings.run_jobs or self.hooks_alone else {}
        steps |= {
            "token": TokenWatch(self.api, warn_days=settings.token_warn_days).step,
            "transfers": self._transfers.step,
            "file-cleaner": cleaner.step,
            "job-files": JobFiles(self.api, settings.site_id, data=data, policy=policy).step,
            **allocation_steps(
                self.api, self.keeper, self.agent, self.scheduler, self.folder, settings,
                places=None if self._alone else placements_of(settings),
                objection=self.policy.allocation_objection(self.submitter),
            ),
        }  # fmt: skip
        return [self._loop(name, step) for name, step in steps.items()]

    def _watching(self, watched: Sequence[LoopHealth]) -> list[Loop]:
        teller = FailingLoops(self.api, self.settings.site_id, tuple(watched), every_sec=self.settings.beat_sec)
        aside = SetAsideRecords(self.api, self.settings.site_id, self.set_aside, every_sec=self.settings.beat_sec)
        return [self._loop("failing-loops", teller.step), self._loop("set-aside", aside.step)]

    def _mover(self) -> Transfers:
        settings, folder = self.settings, self.folder
        locations = Locations(
            settings.transfer_locations, data=folder.data, scratch=folder.transfers, environment=settings.environment
        )
        return Transfers(
            self.api, settings.site_id, locations, self.set_aside, policy=self._file_policy,
            every_sec=settings.transfer_poll_sec, at_once=settings.transfers_at_once, tries=settings.transfer_tries,
            first_pause_sec=settings.transfer_retry_sec,
        )  # fmt: skip

    def _announce(self, within: float) -> None:
        """Tell the server, in the Site's row, where the site is and what it offers."""
        locations = {alias: place.url for alias, place in self.settings.transfer_locations.items()}
        size = self.size.nodes[0]._asdict() if self.settings.run_jobs else {}
        fields: dict[str, Any] = {"path": str(self.folder.path), "transfer_locations": locations, "node_size": size}
        if self.settings.scheduler.kind == "local":  # of the others its own loop tells, which may have to wait
            fields |= capabilities(self.scheduler, self.settings)
        self.api.update_site(self.settings.site_id, fields, within=within)

    def _health(self) -> dict[str, Any]:
        """Return how the agent is, without a look at a disk: a file system that hangs must not hold up a heartbeat."""
        return {"version": VERSION, "unreported": self.agent.reports.backlog, "free_disk_mb": self.space.free_mb}

    def _end_others(self) -> Callable[[], bool]:
        runners = ask_runners_to_end(self.folder) if self.stop_jobs else set()
        return lambda: not running(runners)

    def _stop_transfers(self) -> None:
        self._transfers.stop(TRANSFER_STOP_SEC)
