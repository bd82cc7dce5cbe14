"""Work in the engine's own process as jobs of the platform: each has an id, an end with its reason, and can be
cancelled.

The engine is a site of its user's, with one session; it makes a job, takes it by the ordinary calls, and reports its
end. What another process of this folder left behind is reported as failed before anything else.
"""

import logging
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from storax.client import Client
from storax.errors import Conflict, InvalidInput, NotFound, StoraxError
from storax_engine.platform.jobs import APP
from storax_engine.work import Cancelled, Work, cancelled_job

Row = dict[str, Any]
TTL_SEC = 600  # the engine's end is told at its next start, so silence alone need not be
CANCEL_SEC = 1.0  # between looks for cancels, while something runs
STOP_SEC = 2.0  # nobody waits longer for an engine to end
_TRIES, _MOST = 20, 100
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
        self._guard = threading.RLock()  # around making and taking: what else is taken then is a stray
        self._site = self._app = self._session = 0
        self._running: dict[int, Own] = {}
        self._untold: list[Row] = []
        self._ticking = False

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
            words = error.message if isinstance(error, StoraxError) else f"{type(error).__name__}: {error}"
            self._end(own, _move("FAILED", message=words[:2000]))
            if isinstance(error, StoraxError) and not error.hint:
                error.hint = f"storax job explain {own.id}"
            raise
        self._end(own, _move("RUN_DONE"), {"return_code": 0, "return_value": own.value})

    def clear(self) -> None:
        """After a start: report what an engine that was killed had at work. Harmless where there is nothing."""
        try:
            with self._guard:
                if self._found_site():
                    self._ready()
        except StoraxError as error:
            log.warning("jobs of an earlier engine could not be looked at: %s", error)

    def stop(self) -> None:
        """The process ends: what is at work fails."""
        running = list(self._running.values())  # without the guard: whoever has it may wait for the platform
        rows = [_report(own.id, own.epoch, _move("FAILED", message=_LEFT)) for own in running]
        if rows:
            try:
                self._report(rows, deadline=STOP_SEC)
            except StoraxError as error:
                log.warning("the platform could not be told: %s", error)

    # ---- one job ---------------------------------------------------------------------------------------------------

    def _begin(self, tags: Mapping[str, str], work: Work) -> Own:
        with self._guard:
            self._ready()
            try:
                job_id = self._create(tags)
            except InvalidInput:  # somebody deleted the App or the site
                self._settle()
                job_id = self._create(tags)
            own = Own(job_id, self._taken(job_id), work)
            self._report([_report(own.id, own.epoch, _move("RUNNING"))])
            self._running[own.id] = own
            self._tick()
        return own

    def _create(self, tags: Mapping[str, str]) -> int:
        body = {"app_id": self._app, "workdir": f"pipelines/{uuid4().hex[:12]}", "tags": dict(tags)}
        return int(self._client.request("POST", "/jobs/", body)["id"])

    def _taken(self, job_id: int) -> int:
        for _ in range(_TRIES):
            jobs = self._acquire()
            mine = next((int(job["lease_epoch"]) for job in jobs if job["id"] == job_id), None)
            self._fail([job for job in jobs if job["id"] != job_id], _NOT_AGAIN)
            if mine is not None:
                return mine
        raise StoraxError(f"The engine could not take its own job {job_id}.", hint=f"storax job explain {job_id}")

    def _end(self, own: Own, move: Row, patch: Row | None = None) -> None:
        row = _report(own.id, own.epoch, move) | ({"patch": patch} if patch else {})
        with self._guard:
            self._running.pop(own.id, None)
        try:
            self._report([row])
        except StoraxError as error:
            log.warning("the end of job %d waits: %s", own.id, error)
            with self._guard:
                self._untold.append(row)
                self._tick()

    # ---- being a site ----------------------------------------------------------------------------------------------

    def _ready(self) -> None:
        """Have a site, an App and a session."""
        if self._session:
            return
        self._settle()
        while (old := self._found("sessions", {"site_id": self._site})) is not None:
            self._client.call("DELETE", f"/sessions/{old}")
        self._session = self._made("sessions", {"site_id": self._site, "ttl_sec": TTL_SEC})
        while left := self._acquire():
            self._fail(left, _LEFT)

    def _settle(self) -> None:
        """Have a site and an App."""
        self._site = self._found_site() or self._made("sites", {"name": self._name, "path": self._path})
        self._app = self._found("apps", {"site_id": self._site, "name": APP}) or self._made(
            "apps", {"site_id": self._site, "name": APP, "description": "Fits and scores in the engine's own process."}
        )

    def _found_site(self) -> int | None:
        return self._found("sites", {"name": self._name})

    def _found(self, path: str, wanted: Row) -> int | None:
        ask = {"filter": wanted, "fields": ["id"], "limit": 1}
        rows = self._client.request("POST", f"/{path}/query", ask)["results"]
        return int(rows[0]["id"]) if rows else None

    def _made(self, path: str, row: Row) -> int:
        try:
            return int(self._client.request("POST", f"/{path}/", row)["id"])
        except Conflict:
            found = self._found(path, row)
            if found is None:
                raise
            return found

    def _acquire(self) -> list[Row]:
        ask = {"max_num_jobs": _MOST}
        try:
            found = self._client.request("POST", f"/sessions/{self._session}/acquire", ask)
        except NotFound:  # it was silent for too long; whatever ran under it is lost
            self._session = self._made("sessions", {"site_id": self._site, "ttl_sec": TTL_SEC})
            found = self._client.request("POST", f"/sessions/{self._session}/acquire", ask)
        jobs: list[Row] = found["jobs"]
        return jobs

    def _fail(self, jobs: Sequence[Row], words: str) -> None:
        """Report jobs that nobody works on: finished where the catalogue has what they learned."""
        if not jobs:
            return
        ask = {"filter": {"job_id": [job["id"] for job in jobs]}, "fields": ["job_id"], "limit": _MOST}
        kept = {row["job_id"] for row in self._client.request("POST", "/pipelines/query", ask)["results"]}
        ends = {True: [_move("RUNNING"), _move("RUN_DONE")], False: [_move("FAILED", message=words)]}
        self._report([_report(job["id"], job["lease_epoch"], *ends[job["id"] in kept]) for job in jobs])

    def _report(self, rows: list[Row], *, deadline: float | None = None) -> None:
        path, body = f"/sessions/{self._session}/report", {"reports": rows}
        told = self._client.request("POST", path, body, deadline=deadline)
        for refused in told["refused"]:
            log.warning("a report was refused: %s", refused)

    # ---- while something runs --------------------------------------------------------------------------------------

    def _tick(self) -> None:
        if not self._ticking:
            self._ticking = True
            threading.Thread(target=self._ticks, name="own jobs", daemon=True).start()

    def _ticks(self) -> None:
        while True:
            time.sleep(CANCEL_SEC)
            with self._guard:
                if not self._running and not self._untold:
                    self._ticking = False
                    return
                untold = list(self._untold)
            try:
                if untold:
                    self._report(untold)
                    with self._guard:
                        self._untold = self._untold[len(untold) :]
                self._hear()
            except StoraxError as error:
                log.warning("the platform could not be heard: %s", error)
            except Exception:
                log.exception("looking for cancels failed")

    def _hear(self) -> None:
        for told in self._client.request("POST", f"/sessions/{self._session}/heartbeat")["cancel"]:
            own = self._running.get(told["id"])
            if own is not None:
                own.work.cancel()


def _move(to: str, **data: Any) -> Row:
    return {"to": to, "at": datetime.now(UTC).isoformat(), "data": data}


def _report(job_id: int, epoch: int, *moves: Row) -> Row:
    return {"id": job_id, "lease_epoch": epoch, "moves": list(moves)}
