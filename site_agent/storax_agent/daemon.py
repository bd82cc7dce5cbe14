"""The agent's process: builds the parts, starts the loops, and ends in good order.

SIGTERM and SIGINT end it as ``stop_jobs_on_exit`` says; SIGUSR1 ends it and its jobs. Jobs that are left running stay
with the launcher, and the next agent takes them up under the same session.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from storax.errors import StoraxError
from storax_agent.allocations.launcher import launcher_of
from storax_agent.allocations.limits import Allocation
from storax_agent.allocations.partitions import run_partitions
from storax_agent.allocations.placement import told, venues
from storax_agent.files.locks import PidLock
from storax_agent.files.log_file import write_log
from storax_agent.launch.allocation import AllocationLauncher
from storax_agent.launch.base import LauncherLostError
from storax_agent.launch.end_jobs import Process, ask_runners_to_end, running
from storax_agent.launch.mpi import launch_of
from storax_agent.launch.nodes.clusters.base import NodesError
from storax_agent.loops.allocations.registry import allocation_steps
from storax_agent.loops.allocations.runners import forget_reason, note_reason
from storax_agent.loops.allocations.scheduler_snapshot import offer
from storax_agent.loops.failing_loops import FailingLoops
from storax_agent.loops.file_cleaner import FileCleaner
from storax_agent.loops.health import FILE as HEALTH_FILE
from storax_agent.loops.health import Health
from storax_agent.loops.heartbeat import Heartbeat
from storax_agent.loops.pull import Pull
from storax_agent.loops.reconcile import Reconcile
from storax_agent.loops.report import Report
from storax_agent.loops.token_refresh import TokenWatch
from storax_agent.loops.transfers import Transfers
from storax_agent.mainloop.agent import Agent
from storax_agent.mainloop.lease_table import SessionKeeper
from storax_agent.mainloop.loop import Errors, Loop
from storax_agent.mainloop.outbox import Outbox, OutboxReader
from storax_agent.mainloop.outcomes import Judge
from storax_agent.prepare.functions.sources import HOOKS
from storax_agent.prepare.job import Preparer
from storax_agent.schedulers.registry import scheduler_of
from storax_agent.server.site_api import SiteApi
from storax_agent.settings.site import SiteError, SiteFolder, SiteSettings
from storax_agent.transfers.services import Locations

SWITCH_SEC = 0.0003  # a thread that talks lets the main loop have the interpreter within this time
STOP_GRACE_SEC = 3.0  # from SIGTERM to SIGKILL of the jobs, when they end with the agent
STOP_SEC = 4.7  # for all of it: what supervisors wait for is 5 s
RUNNER_STOP_SEC = 4.2  # of an allocation's runner, for which the site's agent waits
TRANSFER_STOP_SEC = 0.5  # rsync keeps what it has of a file within this
LOOK_SEC = 1.0
DOUBT_SEC = 2.0  # a job of an allocation that dies by a signal so long before its runner is told to end was ended too
LOG = logging.getLogger(__name__)


class Daemon:
    """One agent, or with ``allocation`` the runner inside a BatchJob."""

    def __init__(
        self, folder: SiteFolder, settings: SiteSettings, api: SiteApi, *, allocation: Allocation | None = None
    ) -> None:
        self.folder, self.settings, self.api, self.allocation = folder, settings, api, allocation
        self.scheduler = scheduler_of(folder, settings)
        self.outbox = Outbox(folder.outbox)
        self.reader = OutboxReader(folder.outbox)
        self.agent = self._agent()
        self.keeper = SessionKeeper(
            self._open_session,
            on_open=lambda session: self.agent.post(self.agent.session_opened, session),
            on_lost=lambda session: self.agent.post(self.agent.session_lost, session),
        )
        self.reconcile = Reconcile(api, self.keeper, self.agent)
        self.agent.reconcile = self.reconcile.soon
        self.agent.doubts.hold_sec = DOUBT_SEC if allocation else 0.0
        self.hooks_alone = allocation is None and not settings.run_jobs and settings.policy.allow_functions
        self.pull = Pull(
            api, self.keeper, self.agent.room, self.agent, reconcile=self.reconcile.soon, limits=self._limits()
        )
        self.stopping = threading.Event()
        self.stop_jobs = settings.stop_jobs_on_exit or allocation is not None
        self._report_stopping = threading.Event()
        self._wants_end = False
        self._busy_at = time.monotonic()
        self._transfers: Transfers | None = None

    def run(self) -> None:
        """Work until a signal comes, or the allocation is over."""
        with self._signals():
            self.agent.open()
            self.agent.recall()
            if session := int(self.outbox.note("session") or 0):
                self.keeper.resume(session)
            loops = self._loops()
            report = self._loop("report", self._report().step, self._report_stopping)
            for loop in [*loops, report, *self._watchers([*loops, report])]:
                loop.start()
            LOG.info("site %r: %d cores, agent process %d", self.settings.name, self.size.cores, os.getpid())
            while not self._over():
                self.agent.wait(LOOK_SEC if self.allocation else None)
                self.agent.tick()
            self._end(report)

    def ask_to_end(self, *, stop_jobs: bool | None = None) -> None:
        """End soon."""
        self.stop_jobs = self.stop_jobs if stop_jobs is None else stop_jobs
        self._wants_end = True
        self.agent.post(lambda: None)

    def _over(self) -> bool:
        if isinstance(self.launcher, AllocationLauncher) and self.allocation:
            busy = len(self.agent.holdings) > 0
            if busy:  # what comes after a long job still gets its idle seconds
                self._busy_at = time.monotonic()
            active = max(self.pull.active, self._busy_at)
            if self.allocation.over(busy=busy, active=active) or self.launcher.gone:
                LOG.info("allocation %d is over %s", self.allocation.batch_job_id, self.launcher.gone)
                if self.launcher.gone:
                    note_reason(self.folder, f"its nodes were lost: {self.launcher.gone}")
                return True
        return self._wants_end

    def _end(self, report: Loop) -> None:
        """Stop asking, stop the jobs where wanted, report what is left, give the session back where nothing runs."""
        deadline = time.monotonic() + (RUNNER_STOP_SEC if self.allocation else STOP_SEC)
        self.stopping.set()
        self.agent.drain(stop_jobs=self.stop_jobs, grace_sec=STOP_GRACE_SEC)
        ends_runners = self.stop_jobs and self.allocation is None
        runners = ask_runners_to_end(self.folder) if ends_runners else set()
        while time.monotonic() < deadline and not self._drained(runners):
            self.agent.wait(0.02)
            self.agent.tick()
        self._report_stopping.set()
        if self._transfers is not None:
            self._transfers.stop(TRANSFER_STOP_SEC)
        nothing_runs = len(self.agent.holdings) == 0
        if nothing_runs and self.keeper.current is not None:
            self._give_back(self.keeper.current, max(0.3, deadline - time.monotonic()))
        report.join(0.0)
        # An allocation's launchers have nobody else to wait for: they end with what they still run.
        self.agent.close(end=nothing_runs or self.allocation is not None)
        LOG.info("agent ended; %s", "nothing runs" if nothing_runs else f"{len(self.agent.holdings)} jobs run on")

    def _drained(self, runners: set[Process]) -> bool:
        if not self.agent.settled:
            return False
        return not self.stop_jobs or (len(self.agent.holdings) == 0 and not running(runners))

    def _give_back(self, session: int, within: float) -> None:
        with suppress(StoraxError):  # it expires by itself
            self.api.close_session(session, within=within)
            self.outbox.append([], session="")

    def _open_session(self) -> int:
        batch = self.allocation.batch_job_id if self.allocation else None
        if batch is not None and self.api.batch_job(batch)["state"] == "finished":
            # The scheduler said so, as when its node was given up; nobody may run anything in its name any more.
            self.ask_to_end(stop_jobs=True)
            raise SiteError(f"batch job {batch} is finished; its runner ends")
        return self.api.open_session(self.settings.site_id, ttl_sec=self.settings.session_ttl_sec, batch_job_id=batch)

    # Parts

    def _limits(self) -> Callable[[], dict[str, Any]]:
        """What narrows the jobs that we ask for."""
        allocation, nodes = self.allocation, self.size.nodes
        if allocation is not None:
            return lambda: allocation.limits(nodes)
        limits: dict[str, Any] = {"filter_tags": self.settings.filter_tags} if self.settings.filter_tags else {}
        limits |= {"states": list(HOOKS)} if self.hooks_alone else {} if self._alone else {"nodes": told(nodes)}
        return lambda: limits

    @property
    def _alone(self) -> bool:
        """Whether the agent is the only place where the site's jobs run; then it need not say how large it is."""
        return self.allocation is None and self.settings.run_jobs and self.settings.scheduler.kind == "local"

    def _agent(self) -> Agent:
        settings, folder, given = self.settings, self.folder, self.settings.launcher
        self.launcher, self.size = launcher_of(folder, settings, self.allocation)
        policy = settings.policy.policy()
        submitter = self.api.username() if policy.allowed_submitters is not None else ""
        inside = self.allocation is not None
        preparer = Preparer(
            folder.results, settings.slots, settings.gpus, policy, submitter, memory_mb=settings.memory_mb,
            nodes=self.size.nodes if inside else None if settings.run_jobs else (), where=self.size.where,
            places=() if self._alone else venues(settings),
            whole_nodes=given.whole_nodes, launch_params=given.launch_params,
            launch=None if inside else launch_of(given.launch, os.environ), functions=folder.functions,
        )  # fmt: skip
        judge = Judge(os.open(folder.data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), folder.results)
        runs = settings.run_jobs or inside
        # Where allocations run the jobs, the agent still runs hooks, one at a time.
        hooks = int(policy.allow_functions)
        return Agent(
            self.launcher, self.outbox, preparer, judge,
            cores=self.size.cores if runs else hooks, prefetch=settings.prefetch if runs else 0,
            grace_sec=settings.kill_grace_sec, node_cores=self.size.cores // len(self.size.nodes),
        )  # fmt: skip

    def _loops(self) -> list[Loop]:
        settings = self.settings
        beat = Heartbeat(
            self.api, self.keeper, lambda rows: self.agent.post(self.agent.cancel, rows),
            beat_sec=settings.beat_sec, look_sec=settings.cancel_poll_sec, deaf=lambda: self.agent.deaf,
            announce=self._announce,
        )  # fmt: skip
        loops = [self._loop("heartbeat", beat.step), self._loop("reconcile", self.reconcile.step)]
        if settings.run_jobs or self.allocation or self.hooks_alone:
            loops.append(self._loop("pull", self.pull.step))
        if self.allocation is None:
            self._transfers = self._mover()
            cleaner = FileCleaner(
                self.api, settings.site_id, data=self.folder.data, every_sec=settings.cleanup_poll_sec
            )  # fmt: skip
            loops.append(self._loop("token", TokenWatch(self.api, warn_days=settings.token_warn_days).step))
            loops.append(self._loop("transfers", self._transfers.step))
            loops.append(self._loop("file-cleaner", cleaner.step))
            loops += self._allocation_loops()
        return loops

    def _watchers(self, loops: Sequence[Loop]) -> list[Loop]:
        """What looks after the other loops; an allocation's runner leaves the Site's row to the site's agent."""
        watched: list[Errors] = [*loops, self.agent.errors]
        found = []
        if self.allocation is None:
            every = self.settings.beat_sec
            teller = FailingLoops(self.api, self.settings.site_id, tuple(watched), every_sec=every)
            found.append(self._loop("failing-loops", teller.step))
        health = Health(self.folder.state / HEALTH_FILE, [*watched, *found])
        return [*found, self._loop("health", health.step)]

    def _mover(self) -> Transfers:
        settings, folder = self.settings, self.folder
        locations = Locations(settings.transfer_locations, data=folder.data, scratch=folder.transfers)
        return Transfers(
            self.api, settings.site_id, locations, every_sec=settings.transfer_poll_sec,
            at_once=settings.transfers_at_once, tries=settings.transfer_tries,
            first_pause_sec=settings.transfer_retry_sec,
        )  # fmt: skip

    def _allocation_loops(self) -> list[Loop]:
        steps = allocation_steps(
            self.api, self.keeper, self.agent, self.scheduler, self.folder, self.settings,
            places=None if self._alone else venues(self.settings),
        )  # fmt: skip
        return [self._loop(name, step) for name, step in steps.items()]

    def _announce(self) -> None:
        """Tell the server what this site offers; an allocation's runner leaves that to the site's agent."""
        if self.allocation is None:
            locations = {alias: place.url for alias, place in self.settings.transfer_locations.items()}
            size = self.size.nodes[0]._asdict() if self.settings.run_jobs else {}
            fields: dict[str, Any] = {"path": str(self.folder.path), "transfer_locations": locations, "node_size": size}
            if self.settings.scheduler.kind == "local":  # of the others its own loop tells, which may have to wait
                fields |= offer(self.scheduler, self.settings)
            self.api.update_site(self.settings.site_id, fields)

    def _report(self) -> Report:
        return Report(
            self.api, self.keeper, self.agent.mail, self.reader,
            lambda *told: self.agent.post(self.agent.answered, *told),
        )  # fmt: skip

    def _loop(self, name: str, step: Callable[[], float], stopping: threading.Event | None = None) -> Loop:
        return Loop(name, step, stopping or self.stopping)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def end(number: int, _frame: FrameType | None) -> None:
            self.ask_to_end(stop_jobs=True if number == signal.SIGUSR1 else None)

        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
        before: dict[int, Any] = {number: signal.signal(number, end) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(
    folder: SiteFolder, *, batch_job: int | None = None, partition: int | None = None, foreground: bool = False
) -> None:
    """Run the agent of ``folder``, or the runner of one of its BatchJobs or of a partition of it, in this process.

    Raises:
        SiteError: the folder is no site, or its token is gone.
        AlreadyRunningError: another agent runs in it.
        StoraxError: the BatchJob cannot be read, or none of its nodes reached.
    """
    sys.setswitchinterval(SWITCH_SEC)
    settings = folder.load()
    folder.make()
    lock = PidLock(folder.lock)
    lock.take()
    write_log(folder, foreground=foreground, name=f"{folder.part}.log" if folder.part else "agent.log")
    if batch_job is not None:
        forget_reason(folder)
    api = SiteApi(settings.url, folder.token(settings), fresh=folder.token_now, site_id=settings.site_id)
    try:
        row = api.batch_job(batch_job) if batch_job is not None else None
        if row and row.get("partitions") and partition is None:
            run_partitions(folder, settings, row)
            return
        allocation = Allocation.at_site(row, settings, partition=partition) if row else None
        Daemon(folder, settings, api, allocation=allocation).run()
    except Exception as error:
        if batch_job is not None:
            note_reason(folder, error)
        if isinstance(error, NodesError | LauncherLostError):
            LOG.error("%s", error)  # noqa: TRY400
            raise SiteError(str(error)) from error
        raise
    finally:
        lock.release()
