"""Work in the engine's own process as jobs of the platform: each has an id, an end with its reason, and can be
cancelled.

The engine is a site of its user's, with one session; it creates a job, acquires it and reports its end as every site
does. Jobs that another process of this folder left behind are reported as failed before anything else.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storax.client import Client
from storax.errors import InvalidInput, StoraxError
from storax.models.job import Job
from storax_engine.command_progress import Cancelled, Work, cancelled_job
from storax_engine.platform.own_site import LEFT, OwnSite, Report, move, report

HEARTBEAT_SEC = 1.0  # while something runs; the reply names the jobs to cancel
STOP_SEC = 2.0  # a process that ends reports for this long at most
_TRIES = 20
_NOT_AGAIN = "the engine cannot run it again, for it keeps no copy of the tables: call fit() or score() again"

log = logging.getLogger("storax_engine")


@dataclass
class Own:
    """One job at work. ``value`` becomes its return value."""

    id: int
    epoch: int
    work: Work
    value: Any = field(default=None)


class OwnJobs:
    """Jobs of this process. Safe for threads."""

    def __init__(self, client: Client, folder: Path) -> None:
        self._site = OwnSite(client, folder)
        self._guard = threading.RLock()  # around creating and acquiring: whatever else is acquired then is a stray
        self._running: dict[int, Own] = {}
        self._unsent: list[Report] = []
        self._beating = False

    @contextmanager
    def job(self, tags: Mapping[str, str], work: Work) -> Iterator[Own]:
        """Do what is in the block as a job: finished where it ends well, failed with the reason where it raises.

        Raises:
            JobCancelled: it was cancelled.
        """
        own = self._begin(tags, work)
        try:
            yield own
        except Cancelled as error:
            self._end(own, move("CANCELLED", message=work.reason))
            raise cancelled_job(own.id) from error
        except BaseException as error:
            reason = error.message if isinstance(error, StoraxError) else f"{type(error).__name__}: {error}"
            self._end(own, move("FAILED", message=reason[:2000]))
            if isinstance(error, StoraxError) and not error.hint:
                error.hint = f"storax job explain {own.id}"
            raise
        self._end(own, move("RUN_DONE"), {"return_code": 0, "return_value": own.value})

    def clear(self) -> None:
        """Report, after a start, the jobs that a killed engine had at work, if any."""
        try:
            with self._guard:
                if self._site.exists():
                    self._site.open()
        except StoraxError as error:
            log.warning("jobs of an earlier engine could not be read: %s", error)

    def stop(self) -> None:
        """Fail what is at work, for the process ends; gives up after ``STOP_SEC``."""
        running = list(self._running.values())  # without the guard: its holder may be waiting for the platform
        reports = [report(own.id, own.epoch, move("FAILED", message=LEFT)) for own in running]
        if reports:
            sender = threading.Thread(target=self._report_or_log, args=(reports,), daemon=True)
            sender.start()
            sender.join(STOP_SEC)

    def _report_or_log(self, reports: Sequence[Report]) -> None:
        try:
            self._site.report(reports)
        except StoraxError as error:
            log.warning("the end of the engine's jobs could not be reported: %s", error)

    # ---- one job ---------------------------------------------------------------------------------------------------

    def _begin(self, tags: Mapping[str, str], work: Work) -> Own:
        with self._guard:
            self._site.open()
            try:
                job = self._site.create(tags)
            except InvalidInput:  # somebody deleted the App or the site
                self._site.register()
                job = self._site.create(tags)
            own = Own(int(job.id or 0), self._acquired(job), work)
            self._site.report([report(own.id, own.epoch, move("RUNNING"))])
            self._running[own.id] = own
            self._start_heartbeat()
        return own

    def _acquired(self, job: Job) -> int:
        """Acquire the job that was just created; returns its epoch."""
        for _ in range(_TRIES):
            leased = {one.id: one for one in self._site.acquire()}
            own = leased.pop(job.id, None)
            self._site.fail(leased.values(), _NOT_AGAIN)
            if own is not None:
                return int(own.lease_epoch)
        raise StoraxError(f"The engine could not take its own job {job.id}.", hint=f"storax job explain {job.id}")

    def _end(self, own: Own, end: Report, patch: Mapping[str, Any] | None = None) -> None:
        ended = report(own.id, own.epoch, end) | ({"patch": patch} if patch else {})
        with self._guard:
            self._running.pop(own.id, None)
        try:
            self._site.report([ended])
        except StoraxError as error:
            log.warning("the end of job %d waits: %s", own.id, error)
            with self._guard:
                self._unsent.append(ended)
                self._start_heartbeat()

    # ---- while something runs --------------------------------------------------------------------------------------

    def _start_heartbeat(self) -> None:
        if not self._beating:
            self._beating = True
            threading.Thread(target=self._heartbeat, name="own jobs", daemon=True).start()

    def _heartbeat(self) -> None:
        """Send what is unsent and cancel what is to be cancelled, until nothing runs."""
        while True:
            time.sleep(HEARTBEAT_SEC)
            with self._guard:
                if not self._running and not self._unsent:
                    self._beating = False
                    return
                unsent = list(self._unsent)
            try:
                self._beat(unsent)
            except StoraxError as error:
                log.warning("the heartbeat of the engine's session failed: %s", error)
            except Exception:
                log.exception("the heartbeat of the engine's session failed")

    def _beat(self, unsent: Sequence[Report]) -> None:
        if unsent:
            self._site.report(unsent)
            with self._guard:
                self._unsent = self._unsent[len(unsent) :]
        for job_id in self._site.tick():
            own = self._running.get(job_id)
            if own is not None:
                own.work.cancel()
