"""What the agent of a site and the runner of an allocation share: the parts, the loops, and the end in good order.

SIGTERM and SIGINT end the process as ``stop_jobs`` says; SIGUSR1 ends it and its jobs. Jobs that are left running stay
with the launcher, and the next process takes them up under the same session.
"""

import logging
import os
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, ClassVar

from storax.errors import StoraxError
from storax_agent.allocations.launcher import Size
from storax_agent.files.free_space import CHECK_SEC, FreeSpace
from storax_agent.files.set_aside import SetAside
from storax_agent.launch.base import Launcher
from storax_agent.loops.disk import Disk
from storax_agent.loops.epochs import Epochs
from storax_agent.loops.health import FILE as HEALTH_FILE
from storax_agent.loops.health import Health
from storax_agent.loops.heartbeat import Heartbeat
from storax_agent.loops.pull import Pull
from storax_agent.loops.reconcile import Reconcile
from storax_agent.loops.report import Report
from storax_agent.mainloop.agent import Agent
from storax_agent.mainloop.lease_table import SessionKeeper
from storax_agent.mainloop.loop import Loop, LoopHealth
from storax_agent.mainloop.outbox import open_outbox
from storax_agent.mainloop.outcomes import OutcomeMapper
from storax_agent.prepare.client_variables import ClientVariables
from storax_agent.prepare.job import Preparer
from storax_agent.server.site_api import SiteApi
from storax_agent.settings.site import SiteFolder, SiteSettings

STOP_GRACE_SEC = 3.0  # from SIGTERM to SIGKILL of the jobs, when they end with the process
LOG = logging.getLogger(__name__)


class AgentProcess(ABC):
    """Takes jobs under one session, runs them with one launcher, reports what became of them."""

    stop_sec: ClassVar[float]  # from the request to end until the process is gone, whatever its jobs do
    wait_sec: ClassVar[float | None] = None  # longest sleep of the main loop; None: until something happens

    def __init__(self, folder: SiteFolder, settings: SiteSettings, api: SiteApi, *, stop_jobs: bool) -> None:
        self.folder, self.settings, self.api, self.stop_jobs = folder, settings, api, stop_jobs
        self.status: Callable[[], dict[str, Any]] = dict  # what each heartbeat says of the agent; {}: nothing
        # Why this process ends, for the jobs that it stops.
        self.stop_reason: Callable[[], str] = lambda: f"the agent of site {settings.name} was stopped"
        self.set_aside = SetAside(folder.set_aside)
        self.policy = settings.policy.policy()
        self.submitter = api.username() if self.policy.allowed_submitters is not None else ""
        self.outbox, self.reader = open_outbox(folder.outbox, self.set_aside)
        self.space = FreeSpace(
            [folder.data, folder.state], settings.launcher.min_free_mb << 20,
            changed=lambda: self.agent.post(lambda: None),
        )  # fmt: skip
        self.launcher, self.size = self._launcher()
        self.agent = self._agent()
        self.keeper = SessionKeeper(
            self._open_session,
            on_open=lambda session: self.agent.post(self.agent.reports.note, "session", str(session)),
            on_lost=lambda session: self.agent.post(self.agent.session_lost, session),
        )
        self.epochs = Epochs(api, self.agent, self.outbox.note("epoch"))
        self.reconcile = Reconcile(api, self.keeper, self.agent, self.epochs.follow)
        self.agent.reconcile = self.reconcile.soon
        self.pull = Pull(
            api, self.keeper, self.agent.demand, self.agent, reconcile=self.reconcile.soon, limits=self._limits()
        )
        self.stopping = threading.Event()
        self._report_stopping = threading.Event()
        self._report = Report(
            api, self.keeper, self.agent.report_trigger, self.reader, self.set_aside,
            lambda batch, answer: self.agent.post(self.agent.answered, batch, answer),
        )  # fmt: skip
        self._wants_end = False

    # ---- what the two programs do differently -----------------------------------------------------------------------

    @abstractmethod
    def _launcher(self) -> tuple[Launcher, Size]:
        """The launcher, and what it has for jobs."""

    @abstractmethod
    def _agent(self) -> Agent:
        """The main loop."""

    @abstractmethod
    def _limits(self) -> Callable[[], dict[str, Any]]:
        """What narrows the jobs that are asked for."""

    @abstractmethod
    def _open_session(self) -> int:
        """Open a session at the server; returns its id."""

    @abstractmethod
    def _own_loops(self) -> list[Loop]:
        """The loops beside those that both programs have."""

    @abstractmethod
    def _announce(self, within: float) -> None:
        """Tell the server what is here, when the session opens, in at most ``within`` seconds."""

    def _watching(self, watched: Sequence[LoopHealth]) -> list[Loop]:  # noqa: ARG002
        """Loops that look after the other loops, besides the health file."""
        return []

    def _over(self) -> bool:
        """Whether to end now."""
        return self._wants_end

    def _end_others(self) -> Callable[[], bool]:
        """Ask other processes of the site to end; the answer tells whether they have."""
        return lambda: True

    def _close(self, *, nothing_runs: bool) -> None:
        """Leave the launcher, or end it."""
        self.agent.close(end=nothing_runs)

    # ---- life --------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Work until a signal comes, or there is a reason to end."""
        with _signals(self):
            self.agent.open()
            self.agent.reports.recall()
            if session := int(self.outbox.note("session") or 0):
                self.keeper.resume(session)
            loops = self._loops()
            report = Loop("report", self._report.step, self._report_stopping)
            watched: list[LoopHealth] = [*loops, report, self.agent.errors]
            watchers = self._watching(watched)
            health = Health(self.folder.state / HEALTH_FILE, [*watched, *watchers])
            for loop in [*loops, report, *watchers, self._loop("health", health.step)]:
                loop.start()
            LOG.info("site %r: %d cores, agent process %d", self.settings.name, self.size.cores, os.getpid())
            while not self._over():
                self.agent.wait(self.wait_sec)
                self.agent.tick()
            self._end(report)

    def ask_to_end(self, *, stop_jobs: bool | None = None) -> None:
        """End soon."""
        self.stop_jobs = self.stop_jobs if stop_jobs is None else stop_jobs
        self._wants_end = True
        self.agent.post(lambda: None)

    def _end(self, report: Loop) -> None:
        """Stop asking, stop the jobs where wanted, report what is left, give the session back where nothing runs.

        While the server has not answered for a job, the session is kept: without it the job would run once more.
        """
        deadline = time.monotonic() + self.stop_sec
        self.stopping.set()
        self.agent.drain(stop_jobs=self.stop_jobs, grace_sec=STOP_GRACE_SEC, reason=self.stop_reason())
        others_ended = self._end_others()
        while time.monotonic() < deadline and not self._drained(others_ended):
            self.agent.wait(0.02)
            self.agent.tick()
        self._report_stopping.set()
        self._stop_transfers()
        nothing_runs = len(self.agent.leases) == 0
        if nothing_runs and self.agent.settled and self.keeper.current is not None:
            with suppress(StoraxError):  # it expires by itself
                self.api.close_session(self.keeper.current, within=max(0.3, deadline - time.monotonic()))
                self.outbox.append([], session="")
        report.join(0.0)
        self._close(nothing_runs=nothing_runs)
        LOG.info("agent ended; %s", "nothing runs" if nothing_runs else f"{len(self.agent.leases)} jobs run on")

    @abstractmethod
    def _stop_transfers(self) -> None:
        """Stop the transfers that are on their way."""

    def _drained(self, others_ended: Callable[[], bool]) -> bool:
        if not self.agent.settled:
            return False
        return not self.stop_jobs or (len(self.agent.leases) == 0 and others_ended())

    # ---- parts -------------------------------------------------------------------------------------------------------

    def _loops(self) -> list[Loop]:
        settings = self.settings
        beat = Heartbeat(
            self.api, self.keeper, lambda rows: self.agent.post(self.agent.cancel, rows),
            beat_sec=settings.beat_sec, look_sec=settings.cancel_poll_sec, not_polling=lambda: self.agent.not_polling,
            announce=self._announce, follow=self.epochs.follow, status=self.status,
        )  # fmt: skip
        # A server that returns must hear the next beat before the lease has run out.
        heartbeat = Loop("heartbeat", beat.step, self.stopping, longest_pause_sec=settings.beat_sec / 2)
        # It fails for as long as a folder is full; room is to be seen soon.
        watch = Loop("disk", Disk(self.space).step, self.stopping, longest_pause_sec=CHECK_SEC)
        return [heartbeat, watch, self._loop("reconcile", self.reconcile.step), *self._own_loops()]

    def _loop(self, name: str, step: Callable[[], float]) -> Loop:
        return Loop(name, step, self.stopping)

    def _preparer(self, **where: Any) -> Preparer:
        settings, folder, launcher = self.settings, self.folder, self.settings.launcher
        return Preparer(
            folder.results, settings.slots, settings.gpus, self.policy, self.submitter, memory_mb=settings.memory_mb,
            where=self.size.where, whole_nodes=launcher.whole_nodes, launch_params=launcher.launch_params,
            functions=folder.functions, client=ClientVariables(folder, settings), **where,
        )  # fmt: skip

    def _main_loop(self, preparer: Preparer, *, cores: int, prefetch: int) -> Agent:
        folder = self.folder
        outcomes = OutcomeMapper(os.open(folder.data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), folder.results)
        return Agent(
            self.launcher, self.outbox, preparer, outcomes, cores=cores, prefetch=prefetch,
            grace_sec=self.settings.kill_grace_sec, node_cores=self.size.cores // len(self.size.nodes),
            space=self.space,
        )  # fmt: skip


@contextmanager
def _signals(process: AgentProcess) -> Iterator[None]:
    """SIGTERM and SIGINT end the process, SIGUSR1 its jobs as well."""

    def end(number: int, _frame: FrameType | None) -> None:
        process.ask_to_end(stop_jobs=True if number == signal.SIGUSR1 else None)

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
    before: dict[int, Any] = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
