"""The engine as a site of its user's: its App, its one session, and the jobs that it acquires and reports."""

import logging
import socket
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from storax.client import Client
from storax.errors import Conflict, DoesNotExist
from storax.models.job import App, AppManager, Job, JobManager
from storax.models.pipeline_record import PipelineRecord
from storax.models.session import Session, SessionManager
from storax.models.site import Site, SiteManager
from storax_engine.platform.jobs import APP

Report = dict[str, Any]
TTL_SEC = 600  # a killed engine's jobs are reported at its next start, so its silence need not end them soon
LEFT = "the engine ended while it worked; nothing was kept"
_BATCH = 100

log = logging.getLogger("storax_engine")


class OwnSite:
    """The site of one engine's folder. For one thread at a time, but for reports and heartbeats."""

    def __init__(self, client: Client, folder: Path) -> None:
        self._client = client
        mark = sha256(str(folder).encode()).hexdigest()[:6]
        self._name, self._path = f"engine-{socket.gethostname()[:60]}-{mark}", str(folder)
        self._sites = SiteManager(client=client)
        self._apps = AppManager(client=client)
        self._sessions = SessionManager(client=client)
        self._jobs = JobManager(client=client)
        self._site_id = self._app_id = 0
        self._session: Session | None = None

    def exists(self) -> bool:
        """Return whether this or an earlier process registered the site."""
        return self._sites.filter(name=self._name).exists()

    def open(self) -> Session:
        """Return its session; the first time it takes the place of those of earlier processes, and fails their jobs."""
        if self._session is None:
            self.register()
            for left in self._sessions.filter(site_id=self._site_id):
                left.delete()
            self._session = self._new_session()
            while jobs := self.acquire():
                self.fail(jobs, LEFT)
        return self._session

    def register(self) -> None:
        """Have a site and an App."""
        self._site_id = int(self._site().id or 0)
        self._app_id = int(self._app().id or 0)

    def create(self, tags: Mapping[str, str]) -> Job:
        """Create a job.

        Raises:
            InvalidInput: the App or the site was deleted; ``register`` creates them again.
        """
        return self._jobs.create(app_id=self._app_id, workdir=f"pipelines/{uuid4().hex[:12]}", tags=dict(tags))

    def acquire(self) -> list[Job]:
        """Lease the jobs that are runnable."""
        try:
            return self.open().acquire_jobs(max_num_jobs=_BATCH)
        except DoesNotExist:  # it was silent for too long; whatever ran under it is lost
            self._session = self._new_session()
            return self._session.acquire_jobs(max_num_jobs=_BATCH)

    def fail(self, jobs: Iterable[Job], reason: str) -> None:
        """Report jobs that nobody works on: finished where the catalogue has what they learned."""
        epochs = {int(job.id or 0): int(job.lease_epoch) for job in jobs}
        if not epochs:
            return
        kept = PipelineRecord.objects.using(self._client).filter(job_id=list(epochs))
        finished = set(kept.values_list("job_id", flat=True))
        ends = {True: [move("RUNNING"), move("RUN_DONE")], False: [move("FAILED", message=reason)]}
        self.report([report(job_id, epoch, *ends[job_id in finished]) for job_id, epoch in epochs.items()])

    def report(self, reports: Sequence[Report]) -> None:
        """Report the outcome of leased jobs."""
        for refused in self.open().report(reports)["refused"]:
            log.warning("a report was refused: %s", refused)

    def tick(self) -> list[int]:
        """Send a heartbeat; returns the ids of the jobs to cancel."""
        return [int(cancel["id"]) for cancel in self.open().tick()]

    def _new_session(self) -> Session:
        return self._sessions.create(site_id=self._site_id, ttl_sec=TTL_SEC)

    def _site(self) -> Site:
        known = self._sites.filter(name=self._name)
        try:
            return known.first() or self._sites.create(name=self._name, path=self._path)
        except Conflict:
            return known.get()

    def _app(self) -> App:
        known = self._apps.filter(site_id=self._site_id, name=APP)
        try:
            return known.first() or self._apps.create(
                site_id=self._site_id, name=APP, description="Fits and scores in the engine's own process."
            )
        except Conflict:
            return known.get()


def move(to: str, **data: Any) -> Report:
    """A transition of a report, at this moment."""
    return {"to": to, "at": datetime.now(UTC).isoformat(), "data": data}


def report(job_id: int, epoch: int, *moves: Report) -> Report:
    """The report of a leased job."""
    return {"id": job_id, "lease_epoch": epoch, "moves": list(moves)}
