"""The agent's main loop: takes leased jobs, hands them to the launcher, stores what became of them.

One thread decides everything here; the loops in ``loops/`` talk to the server and post what they learn.
The way of a job:

    pull -> take -> Preparer.work -> launcher.start -> launcher.poll -> Judge.outcome -> Outbox.append -> report

Events are acknowledged to the launcher after they are in the outbox, and leave the outbox after the server answered, so
that a kill at any point repeats a step and loses none.
"""

import logging
import select
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from storax_agent.launch.base import Cause, Launcher, LauncherLostError, Lease, Work
from storax_agent.mainloop.lease_table import Held, Holdings
from storax_agent.mainloop.load_window import STORM_JOBS, Mail, Pace, Room
from storax_agent.mainloop.loop import Errors
from storax_agent.mainloop.mailbox import Postbox
from storax_agent.mainloop.outbox import Outbox
from storax_agent.mainloop.outcomes import Entry, Judge, given_back, move, refusal, running
from storax_agent.mainloop.outcomes import entry as entry_of
from storax_agent.mainloop.preemption_filter import Doubts
from storax_agent.prepare.job import MisplacedError, Preparer, RefusedError
from storax_agent.server.site_api import Acquired, Answer

TICK_SEC = 0.02  # in a storm, the launcher's news are read this often
RETRY_SEC = 1.0
MEMORY = 4096  # ended leases kept in mind, in case a late answer brings one again
LOG = logging.getLogger(__name__)
Row = dict[str, Any]
Pair = tuple[int, int]


class Agent:
    """Holds the leases of one site. ``cores`` is what jobs may use, of them ``node_cores`` on each node;
    ``prefetch`` is the most jobs leased beyond that."""

    def __init__(
        self,
        launcher: Launcher,
        outbox: Outbox,
        preparer: Preparer,
        judge: Judge,
        *,
        cores: int,
        prefetch: int,
        grace_sec: float,
        node_cores: int = 0,
    ) -> None:
        self.room, self.mail, self.pace = Room(), Mail(), Pace()
        self.reconcile: Callable[[], None] = lambda: None
        self.holdings, self.doubts = Holdings(), Doubts()
        self.errors = Errors("main")
        self._launcher, self._outbox, self._preparer, self._judge = launcher, outbox, preparer, judge
        self._cores, self._prefetch, self._grace_sec = cores, prefetch, grace_sec
        self._node_cores = node_cores
        self._unsettled: dict[Pair, int] = {}
        self._ended: deque[Lease] = deque()
        self._recent: set[Lease] = set()
        self._entries: dict[Lease, Entry] = {}
        self._notes: dict[str, str] = {}
        self._answered = 0
        self._apps: dict[int, Row] = {}
        self._posts = Postbox()
        self._epoll = select.epoll()
        self._epoll.register(self._posts.fileno, select.EPOLLIN)
        self._draining = False

    # From other threads

    def post(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Run ``call`` in the main loop."""
        self._posts.post(call, *arguments)

    def ask(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Run ``call`` in the main loop and wait for what it returns."""
        return self._posts.ask(call, *arguments)

    @property
    def deaf(self) -> bool:
        """Whether jobs are held and no more are asked for."""
        return len(self.holdings) > 0 and self.room.wait(0) == 0

    # The main loop

    def open(self) -> None:
        """Reach the launcher and take up what it runs; what was leased but never started is given to it again."""
        opened = self._launcher.open(self._outbox.note("cursor"))
        self._epoll.register(opened.fileno, select.EPOLLIN)
        session = int(self._outbox.note("session") or 0)
        for started in opened.running:
            if started.lease not in self.holdings:
                self.holdings.add(
                    started.lease, Held(session, self._weight(len(started.place.nodes) or 1, len(started.place.cores)))
                )
        self.holdings.started(opened.running)
        self._collect()
        self._launcher.start(self.holdings.not_started())
        for cause, leases in self.holdings.stopping().items():
            self._stop(leases, cause=cause)

    def recall(self) -> None:
        """Take up what an agent before this one stored and did not see answered."""
        self._unsettled = {(entry["id"], entry["lease_epoch"]): self._outbox.seq for entry in self._outbox.unanswered()}
        if self._unsettled:
            self.mail.add(len(self._unsettled), final=True)

    def wait(self, seconds: float | None = None) -> None:
        """Sleep until there is something to do."""
        if self._entries and seconds is None:
            seconds = RETRY_SEC  # the outbox refused them
        for handle, _ in self._epoll.poll(seconds):
            if handle == self._posts.fileno:
                self._posts.quiet()

    def tick(self) -> None:
        """One round of the main loop."""
        began = time.monotonic()
        try:
            self._posts.run()
            self._collect()
            self._save()
            self.errors.well()
        except LauncherLostError as error:
            self._reopen(error)
        except Exception as error:
            LOG.exception("main loop: unexpected error")
            self.errors.failed(error)
            time.sleep(RETRY_SEC)
        self._balance()
        if self.pace.recent() > STORM_JOBS and not self._draining:
            time.sleep(max(0.0, TICK_SEC - (time.monotonic() - began)))

    def take(self, session: int, acquired: Acquired, expected: int = 0) -> None:
        """Jobs were leased."""
        self.room.arrived(expected)
        if self._draining:
            return  # they go back with the session, or to the next agent
        self._apps.update((app["id"], app) for app in acquired.apps)
        works = [work for job in acquired.jobs if (work := self._accept(session, job)) is not None]
        if works:
            self._launcher.start(works)
        self.cancel(acquired.cancel)

    def take_back(self, session: int, rows: list[Row], apps: list[Row]) -> None:
        """Jobs that are leased to us and that we knew nothing of. One that ran is lost; the others start now."""
        for row in rows:
            if row["state"] == "RUNNING":
                lease = _lease(row)._replace(attempt=row["attempt"])
                message = "the site agent and its launcher were killed while it ran"
                lost = move("RUN_TIMEOUT", time.time(), message=message, lease_lost=True)
                self._enter(entry_of(lease, [lost]), lease)
        fresh = [row for row in rows if row["state"] != "RUNNING"]
        self.take(session, Acquired(fresh, apps, []))

    def unknown(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Which of these leases are neither held nor waiting to be reported."""
        unsaved = {(lease.job_id, lease.epoch) for lease in self._entries}
        return [
            pair
            for pair in pairs
            if pair not in unsaved and pair not in self._unsettled and self.holdings.find(*pair) is None
        ]

    def cancel(self, wanted: Iterable[Mapping[str, Any]]) -> None:
        """Stop what the server wants stopped."""
        pairs = [(row["id"], row["lease_epoch"]) for row in wanted]
        leases = [lease for pair in pairs if (lease := self.holdings.find(*pair)) is not None]
        self._stop(leases, cause="cancelled")
        if any(self.unknown([pair]) for pair in pairs):
            self.reconcile()

    def session_opened(self, session: int) -> None:
        """Remember it for an agent after this one."""
        self._notes["session"] = str(session)

    def session_lost(self, session: int) -> None:
        """The server took the jobs of this session away: whatever still runs of them is stopped."""
        leases = self.holdings.of_session(session)
        LOG.warning("session %d is gone; stopping its %d jobs", session, len(leases))
        self._stop(leases, cause="stale")

    def answered(self, seq: int, entries: Iterable[Entry], answer: Answer) -> None:
        """The server answered a report."""
        self._answered = seq
        for entry in entries:
            pair = (entry["id"], entry["lease_epoch"])
            if self._unsettled.get(pair, seq + 1) <= seq:
                del self._unsettled[pair]
        refused = {row["id"]: row for row in answer.refused}
        for row in refused.values():
            LOG.info("report of job %s refused: %s", row["id"], row.get("detail") or row["code"])
        told = [(entry["id"], entry["lease_epoch"]) for entry in entries if entry["id"] in refused]
        self._stop([lease for pair in told if (lease := self.holdings.find(*pair)) is not None], cause="stale")
        self.cancel(answer.cancel)

    def drain(self, *, stop_jobs: bool, grace_sec: float) -> None:
        """The end is near: ask for no more, report at once; with ``stop_jobs`` end what runs."""
        self._draining = True
        self.room.set(0)
        self.mail.flush()
        if stop_jobs:
            self.post(lambda: self._stop(self.holdings.all(), cause="stopped", grace_sec=grace_sec))

    @property
    def settled(self) -> bool:
        """Whether everything that ended is stored and answered."""
        return not self._entries and not self._unsettled and not self.doubts

    def close(self, *, end: bool) -> None:
        """Let go of the launcher (``end``: it ends too) and the outbox."""
        self._launcher.close(end=end)
        self._outbox.close()

    # Parts of a round

    def _weight(self, nodes: int, cores: int) -> int:
        """The cores that a job keeps from others; of several nodes it keeps all."""
        return cores if nodes == 1 else nodes * self._node_cores

    def _reopen(self, error: LauncherLostError) -> None:
        LOG.warning("%s; starting another", error)
        try:
            self.open()
        except LauncherLostError as again:
            LOG.error("%s", again)  # noqa: TRY400
            self.errors.failed(again)
            time.sleep(RETRY_SEC)

    def _accept(self, session: int, job: Row) -> Work | None:
        lease = _lease(job)
        if lease in self.holdings or lease in self._recent:
            return None
        if job.get("cancel_requested"):
            self._enter(refusal(lease, time.time(), "cancelled"), lease)
            return None
        try:
            work = self._preparer.work(lease, job, self._apps.get(job["app_id"]))
        except RefusedError as reason:
            LOG.warning("job %d refused: %s", lease.job_id, reason)
            self._enter(refusal(lease, time.time(), str(reason)), lease)
            return None
        except MisplacedError as reason:
            LOG.info("job %d given back: %s", lease.job_id, reason)
            self._enter(given_back(lease, str(reason)), lease)
            return None
        self.holdings.add(lease, Held(session, self._weight(work.nodes, work.cores), work))
        return work

    def _collect(self) -> None:
        events = self._launcher.poll()
        self.holdings.started(events.started)
        for started in events.started:
            if started.stage in ("", "run"):
                self._enter(running(started), started.lease)
        for ended in self.doubts.sift(events.ended, ending=self._draining):
            entry = self._judge.outcome(ended)
            if entry is not None:
                self._enter(entry, ended.lease)
            self.holdings.drop(ended.lease)
            if entry is None and ended.cause == "lost":
                self.reconcile()  # a hook of ours that is to run again
            else:
                self._remember(ended.lease)
        self.pace.note(len(events.ended))
        if events.cursor:
            self._notes["cursor"] = events.cursor

    def _remember(self, lease: Lease) -> None:
        if len(self._ended) == MEMORY:
            self._recent.discard(self._ended.popleft())
        self._ended.append(lease)
        self._recent.add(lease)

    def _enter(self, entry: Entry, lease: Lease) -> None:
        known = self._entries.setdefault(lease, entry)
        if known is not entry:
            known["moves"] += entry["moves"]
            known.update({"patch": entry["patch"]} if "patch" in entry else {})

    def _save(self) -> None:
        if not (self._entries or self._notes or self._answered):
            return
        entries = list(self._entries.values())
        try:
            seq = self._outbox.append(entries, answered=self._answered, **self._notes)
        except sqlite3.Error as error:
            LOG.error("the outbox cannot be written: %s; trying again", error)  # noqa: TRY400
            return
        if cursor := self._notes.get("cursor"):
            self._launcher.ack(cursor)
        final = False
        for entry in entries:
            self._unsettled[entry["id"], entry["lease_epoch"]] = seq
            final = final or not entry["moves"] or entry["moves"][-1]["to"] != "RUNNING"
        self._entries, self._notes, self._answered = {}, {}, 0
        if entries:
            self.mail.add(len(entries), final=final)

    def _balance(self) -> None:
        recent = self.pace.recent()
        ahead = min(recent, self._prefetch)
        busy = max(self.holdings.cores, len(self.holdings)) - len(self.doubts)  # what is in doubt runs no more
        want = self._cores + ahead - busy
        # In a storm, one answer with half of what is wanted ahead is cheaper than many with a few.
        if ahead > STORM_JOBS and want < ahead // 2 and self.holdings.cores >= 2 * self._cores:
            want = 0
        self.room.set(0 if self._draining else max(0, want))
        self.mail.storm(on=recent > STORM_JOBS and len(self.holdings) > 0)

    def _stop(self, leases: list[Lease], *, cause: Cause, grace_sec: float | None = None) -> None:
        self.holdings.stop(leases, cause)
        self._launcher.stop(leases, cause=cause, grace_sec=self._grace_sec if grace_sec is None else grace_sec)


def _lease(job: Mapping[str, Any]) -> Lease:
    """The lease of an acquired row; its ``attempt`` counts the runs before this one."""
    return Lease(job["id"], job["lease_epoch"], (job.get("attempt") or 0) + 1)
