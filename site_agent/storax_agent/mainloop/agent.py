"""The agent's main loop: takes leased jobs, hands them to the launcher, stores what became of them.

One thread decides everything here; the loops in ``loops/`` talk to the server and post what they learn.
The way of a job:

    pull -> take -> JobAcceptor.accept -> launcher.start -> launcher.poll -> OutcomeMapper.outcome
    -> PendingReports.save -> report

Events are acknowledged to the launcher after they are in the outbox, and leave the outbox after the server answered, so
that a kill at any point repeats a step and loses none.
"""

import logging
import select
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from storax_agent.files.free_space import FreeSpace
from storax_agent.launch.base import Launcher, LauncherLostError
from storax_agent.launch.work import Cause, Lease
from storax_agent.mainloop.job_acceptor import JobAcceptor
from storax_agent.mainloop.lease_table import LeaseTable
from storax_agent.mainloop.load_window import BURST_JOBS, Demand, LoadWindow, ReportTrigger, wanted
from storax_agent.mainloop.loop import LoopHealth
from storax_agent.mainloop.mailbox import Mailbox
from storax_agent.mainloop.outbox import Batch, Outbox, OutboxError
from storax_agent.mainloop.outcomes import OutcomeMapper
from storax_agent.mainloop.pending_reports import Pair, PendingReports
from storax_agent.mainloop.preemption_filter import PreemptionFilter
from storax_agent.mainloop.report_entry import SET_ASIDE, running, with_start
from storax_agent.prepare.job import Preparer
from storax_agent.server.site_api import Acquired, Answer

TICK_SEC = 0.02  # in a burst, the launcher's events are read this often
RETRY_SEC = 1.0
RUNS = ("", "run")  # the stages that are runs of a job; the others are its hooks
LOG = logging.getLogger(__name__)
Row = dict[str, Any]


class Agent:
    """Holds the leases of one site. ``cores`` is what jobs may use, of them ``node_cores`` on each node;
    ``prefetch`` is the most jobs leased beyond that. No job is leased while ``space`` says that a disk is full."""

    def __init__(
        self,
        launcher: Launcher,
        outbox: Outbox,
        preparer: Preparer,
        outcomes: OutcomeMapper,
        *,
        cores: int,
        prefetch: int,
        grace_sec: float,
        node_cores: int = 0,
        space: FreeSpace | None = None,
    ) -> None:
        self.demand, self.report_trigger, self.load = Demand(), ReportTrigger(), LoadWindow()
        self.reconcile: Callable[[], None] = lambda: None
        self.leases, self.preemption = LeaseTable(), PreemptionFilter()
        self.reports = PendingReports(outbox, self.report_trigger)
        self.errors = LoopHealth("main")
        self._launcher, self._outbox, self._outcomes = launcher, outbox, outcomes
        self.space = space or FreeSpace([])
        self._acceptor = JobAcceptor(preparer, self.leases, self.reports, node_cores=node_cores)
        self._cores, self._prefetch, self._grace_sec = cores, prefetch, grace_sec
        self._mailbox = Mailbox()
        self._epoll = select.epoll()
        self._epoll.register(self._mailbox.fileno, select.EPOLLIN)
        self._draining = False

    # From other threads

    def post(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Run ``call`` in the main loop."""
        self._mailbox.post(call, *arguments)

    def ask(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Run ``call`` in the main loop and wait for what it returns."""
        return self._mailbox.ask(call, *arguments)

    @property
    def not_polling(self) -> bool:
        """Whether jobs are held and no more are asked for."""
        return len(self.leases) > 0 and self.demand.wait(0) == 0

    # The main loop

    def open(self) -> None:
        """Reach the launcher and take up what it runs; what was leased but never started is given to it again."""
        opened = self._launcher.open(self._outbox.note("cursor"))
        self._epoll.register(opened.fileno, select.EPOLLIN)
        self._acceptor.adopt(int(self._outbox.note("session") or 0), opened)
        self._collect()
        self._launcher.start(self.leases.not_started())
        for cause, leases in self.leases.stopping().items():
            self.stop(leases, cause=cause)

    def wait(self, seconds: float | None = None) -> None:
        """Sleep until there is something to do."""
        if self.reports.unsaved and seconds is None:
            seconds = RETRY_SEC  # the outbox refused them
        for handle, _ in self._epoll.poll(seconds):
            if handle == self._mailbox.fileno:
                self._mailbox.quiet()

    def tick(self) -> None:
        """One round of the main loop."""
        began = time.monotonic()
        try:
            self._mailbox.run()
            self._collect()
            if cursor := self.reports.save():
                self._launcher.ack(cursor)
            self.errors.succeeded()
        except OutboxError as error:
            LOG.error("%s; trying again", error)  # noqa: TRY400
            self.errors.failed(error)
        except LauncherLostError as error:
            self._reopen(error)
        except Exception as error:
            LOG.exception("main loop: unexpected error")
            self.errors.failed(error)
            time.sleep(RETRY_SEC)
        self._balance()
        if self.load.recent() > BURST_JOBS and not self._draining:
            time.sleep(max(0.0, TICK_SEC - (time.monotonic() - began)))

    def take(self, session: int, acquired: Acquired, expected: int = 0) -> None:
        """Jobs were leased."""
        self.demand.arrived(expected)
        if self._draining:
            return  # they go back with the session, or to the next agent
        if works := self._acceptor.accept(session, acquired.jobs, acquired.apps):
            self._acceptor.start(works, self._launcher)
        self.cancel(acquired.cancel)

    def take_back(self, session: int, rows: list[Row], apps: list[Row]) -> None:
        """Jobs that are leased to us and that we knew nothing of. One that ran is lost; the others start now."""
        for row in rows:
            if row["state"] == "RUNNING":
                self._acceptor.report_lost(row)
        fresh = [row for row in rows if row["state"] != "RUNNING"]
        self._acceptor.forget(fresh)
        self.take(session, Acquired(fresh, apps, []))

    def unknown(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Which of these leases are neither held nor waiting to be reported."""
        return [pair for pair in self.reports.without(pairs) if self.leases.find(*pair) is None]

    def cancel(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Stop what the server wants stopped."""
        pairs = [(row["id"], row["lease_epoch"]) for row in rows]
        self.stop(self.leases.find_all(pairs), cause="cancelled")
        if self.unknown(pairs):
            self.reconcile()

    def session_lost(self, session: int) -> None:
        """The server took the jobs of this session away: whatever still runs of them is stopped."""
        leases = self.leases.of_session(session)
        LOG.warning("session %d is gone; stopping its %d jobs", session, len(leases))
        self.stop(leases, cause="stale")

    def stop(self, leases: list[Lease], *, cause: Cause, grace_sec: float | None = None) -> None:
        """Ask these to end."""
        self.leases.stop(leases, cause)
        self._launcher.stop(leases, cause=cause, grace_sec=self._grace_sec if grace_sec is None else grace_sec)

    def answered(self, batch: Batch, answer: Answer) -> None:
        """The server answered a report. Where rows of it could not be read, the server still believes that their jobs
        run here, which is looked into at once."""
        entries = batch.entries
        self.reports.answered(batch.seq, entries, damaged=batch.damaged > 0, position=answer.position)
        if batch.damaged:
            self.reconcile()
        refused = {row["id"]: row for row in answer.refused}
        for row in refused.values():
            LOG.info("report of job %s refused: %s", row["id"], row.get("detail") or row["code"])
        pairs = [(entry["id"], entry["lease_epoch"]) for entry in entries if entry["id"] in refused]
        self.reports.give_up(pair for pair in pairs if refused[pair[0]]["code"] == SET_ASIDE)
        self.stop(self.leases.find_all(pairs), cause="stale")
        self.cancel(answer.cancel)

    def drain(self, *, stop_jobs: bool, grace_sec: float, reason: str) -> None:
        """The end is near: ask for no more, report at once; with ``stop_jobs`` end what runs, for this ``reason``."""
        self._draining, self._outcomes.stop_reason = True, reason
        self.demand.set(0)
        self.report_trigger.flush()
        if stop_jobs:
            self.post(lambda: self.stop(self.leases.all(), cause="stopped", grace_sec=grace_sec))

    @property
    def settled(self) -> bool:
        """Whether everything that ended is stored and answered."""
        return self.reports.settled and not self.preemption

    def close(self, *, end: bool) -> None:
        """Leave the launcher (``end``: it ends too) and close the outbox."""
        self._launcher.close(end=end)
        self._outbox.close()

    # Parts of a round

    def _reopen(self, error: LauncherLostError) -> None:
        LOG.warning("%s; starting another", error)
        try:
            self.open()
        except LauncherLostError as again:
            LOG.error("%s", again)  # noqa: TRY400
            self.errors.failed(again)
            time.sleep(RETRY_SEC)

    def _collect(self) -> None:
        events = self._launcher.poll()
        self.leases.started(events.started)
        for started in events.started:
            if started.stage in RUNS:
                self.reports.add(running(started), started.lease)
        for ended in self.preemption.certain(events.ended, ending=self._draining):
            entry = self._outcomes.outcome(ended)
            if entry is not None:
                if ended.started and ended.stage in RUNS:
                    entry = with_start(entry, self.leases.started_at(ended.lease, ended_at=ended.at))
                self.reports.add(entry, ended.lease)
            # A hook of ours that was lost, or failed on a full disk, is to run again, perhaps under the same lease.
            again = entry is None and ended.cause in ("lost", "exit")
            self.leases.drop(ended.lease, remember=not again)
            if again:
                self.reconcile()
        self.load.note(len(events.ended))
        if events.cursor:
            self.reports.note("cursor", events.cursor)

    def _balance(self) -> None:
        recent = self.load.recent()
        busy = max(self.leases.cores, len(self.leases)) - len(self.preemption)  # what is in doubt runs no more
        want = wanted(self._cores, recent=recent, prefetch=self._prefetch, busy=busy, leased_cores=self.leases.cores)
        self.demand.set(0 if self._draining or self.reports.unsaved or self.space.reason else want)
        self.report_trigger.burst(on=recent > BURST_JOBS and len(self.leases) > 0)
