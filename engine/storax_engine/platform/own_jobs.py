"""Work in the engine's own process as jobs of the platform: each has an id, an end with its reason, and can be
cancelled.

The engine is a site of its user's, with one session; it creates a job, acquires it and reports its end as every site
does. Jobs that another process of this folder left behind are reported as failed before anything else.
"""

import logging
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from storax.client import Client
from storax.errors import Conflict, DoesNotExist, InvalidInput, StoraxError
from storax.models.job import App, AppManager, Job, JobManager
from storax.models.pipeline_record import PipelineRecord
from storax.models.session import Session, SessionManager
from storax.models.site import Site, SiteManager
from storax_engine.platform.jobs import APP
from storax_engine.work import Cancelled, Work, cancelled_job

Report = dict[str, Any]
TTL_SEC = 600  # a killed engine's jobs are reported at its next start, so its silence need not end them soon
HEARTBEAT_SEC = 1.0  # while something runs; the reply names the jobs to cancel
STOP_SEC = 2.0  # a process that ends reports for this long at most
_TRIES, _BATCH = 20, 100
_LEFT = "the engine ended while it worked; nothing was kept"
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
        self._client = client
        mark = sha256(str(folder).encode()).hexdigest()[:6]
        self._name, self._path = f"engine-{socket.gethostname()[:60]}-{mark}", str(folder)
        self._guard = threading.RLock()  # around creating and acquiring: whatever else is acquired then is a stray
        self._site_id = self._app_id = 0
        self._open_session: Session | None = None
        self._running: dict[int, Own] = {}
        self._unsent: list[Report] = []
        self._beating = False

    @contextmanager
    def job(self, tags: Mapping[str, str], work: Work) -> Iterator[Own]:
        """Do what is in the block as a job: finished where it ends well, failed with the reason where it raises.

        Raises:
            JobFailed: it was cancelled.
        """
        own = self._begin(tags, work)
        try:
            yield own
        except Cancelled as error:
            self._end(own, _move("FAILED", message="cancelled"))
            raise cancelled_job(own.id) from error
        except BaseException as error:
            reason = error.message if isinstance(error, StoraxError) else f"{type(error).__name__}: {error}"
            self._end(own, _move("FAILED", message=reason[:2000]))
            if isinstance(error, StoraxError) and not error.hint:
                error.hint = f"storax job explain {own.id}"
            raise
        self._end(own, _move("RUN_DONE"), {"return_code": 0, "return_value": own.value})

    def clear(self) -> None:
        """Report, after a start, what an engine that was killed had at work. Harmless where there is nothing."""
        try:
            with self._guard:
                if self._sites.filter(name=self._name).exists():
                    self._session()
        except StoraxError as error:
            log.warning("jobs of an earlier engine could not be read: %s", error)

    def stop(self) -> None:
        """Fail what is at work, for the process ends; gives up after ``STOP_SEC``."""
        running = list(self._running.values())  # without the guard: its holder may be waiting for the platform
        reports = [_report(own.id, own.epoch, _move("FAILED", message=_LEFT)) for own in running]
        if reports:
            sender = threading.Thread(target=self._report_or_log, args=(reports,), daemon=True)
            sender.start()
            sender.join(STOP_SEC)

    def _report_or_log(self, reports: Sequence[Report]) -> None:
        try:
            self._report(reports)
        except StoraxError as error:
            log.warning("the end of the engine's jobs could not be reported: %s", error)

    # ---- one job ---------------------------------------------------------------------------------------------------

    def _begin(self, tags: Mapping[str, str], work: Work) -> Own:
        with self._guard:
            self._session()
            try:
                job = self._create(tags)
            except InvalidInput:  # somebody deleted the App or the site
                self._register()
                job = self._create(tags)
            own = Own(int(job.id or 0), self._acquired(job), work)
            self._report([_report(own.id, own.epoch, _move("RUNNING"))])
            self._running[own.id] = own
            self._start_heartbeat()
        return own

    def _create(self, tags: Mapping[str, str]) -> Job:
        jobs = JobManager(client=self._client)
        return jobs.create(app_id=self._app_id, workdir=f"pipelines/{uuid4().hex[:12]}", tags=dict(tags))

    def _acquired(self, job: Job) -> int:
        """Acquire the job that was just created; returns its epoch."""
        for _ in range(_TRIES):
            leased = {one.id: one for one in self._acquire()}
            own = leased.pop(job.id, None)
            self._fail(leased.values(), _NOT_AGAIN)
            if own is not None:
                return int(own.lease_epoch)
        raise StoraxError(f"The engine could not take its own job {job.id}.", hint=f"storax job explain {job.id}")

    def _end(self, own: Own, move: Report, patch: Mapping[str, Any] | None = None) -> None:
        report = _report(own.id, own.epoch, move) | ({"patch": patch} if patch else {})
        with self._guard:
            self._running.pop(own.id, None)
        try:
            self._report([report])
        except StoraxError as error:
            log.warning("the end of job %d waits: %s", own.id, error)
            with self._guard:
                self._unsent.append(report)
                self._start_heartbeat()

    # ---- being a site ----------------------------------------------------------------------------------------------

    @property
    def _sites(self) -> SiteManager:
        return SiteManager(client=self._client)

    @property
    def _sessions(self) -> SessionManager:
        return SessionManager(client=self._client)

    def _session(self) -> Session:
        """The engine's session; at the first use it takes the place of those of earlier processes."""
        if self._open_session is None:
            self._register()
            for left in self._sessions.filter(site_id=self._site_id):
                left.delete()
            self._open_session = self._new_session()
            while strays := self._acquire():
                self._fail(strays, _LEFT)
        return self._open_session

    def _new_session(self) -> Session:
        return self._sessions.create(site_id=self._site_id, ttl_sec=TTL_SEC)

    def _register(self) -> None:
        """Have a site and an App."""
        self._site_id = int(self._site().id or 0)
        self._app_id = int(self._app().id or 0)

    def _site(self) -> Site:
        known = self._sites.filter(name=self._name)
        try:
            return known.first() or self._sites.create(name=self._name, path=self._path)
        except Conflict:
            return known.get()

    def _app(self) -> App:
        apps = AppManager(client=self._client)
        known = apps.filter(site_id=self._site_id, name=APP)
        try:
            return known.first() or apps.create(
                site_id=self._site_id, name=APP, description="Fits and scores in the engine's own process."
            )
        except Conflict:
            return known.get()

    def _acquire(self) -> list[Job]:
        try:
            return self._session().acquire_jobs(max_num_jobs=_BATCH)
        except DoesNotExist:  # it was silent for too long; whatever ran under it is lost
            self._open_session = self._new_session()
            return self._open_session.acquire_jobs(max_num_jobs=_BATCH)

    def _fail(self, jobs: Iterable[Job], reason: str) -> None:
        """Report jobs that nobody works on: finished where the catalogue has what they learned."""
        epochs = {int(job.id or 0): int(job.lease_epoch) for job in jobs}
        if not epochs:
            return
        kept = PipelineRecord.objects.using(self._client).filter(job_id=list(epochs))
        finished = set(kept.values_list("job_id", flat=True))
        ends = {True: [_move("RUNNING"), _move("RUN_DONE")], False: [_move("FAILED", message=reason)]}
        self._report([_report(job_id, epoch, *ends[job_id in finished]) for job_id, epoch in epochs.items()])

    def _report(self, reports: Sequence[Report]) -> None:
        for refused in self._session().report(reports)["refused"]:
            log.warning("a report was refused: %s", refused)

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
            self._report(unsent)
            with self._guard:
                self._unsent = self._unsent[len(unsent) :]
        for cancel in self._session().tick():
            own = self._running.get(cancel["id"])
            if own is not None:
                own.work.cancel()


def _move(to: str, **data: Any) -> Report:
    return {"to": to, "at": datetime.now(UTC).isoformat(), "data": data}


def _report(job_id: int, epoch: int, *moves: Report) -> Report:
    return {"id": job_id, "lease_epoch": epoch, "moves": list(moves)}
