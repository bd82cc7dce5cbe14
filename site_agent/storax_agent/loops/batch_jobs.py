"""BatchJobs: submit those that wait, follow those that run, end those that are to be deleted."""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from storax.errors import StoraxError
from storax_agent.leases import SessionKeeper
from storax_agent.schedulers.base import Request, Scheduler, Status
from storax_agent.wire import SiteApi

WAIT_SEC = 30.0
AT_ONCE = 10
LOG = logging.getLogger(__name__)
Row = dict[str, Any]
WATCHED = ("pending_submission", "queued", "running", "pending_deletion")


class BatchJobs:
    """Two steps for two loops: ``submit_step`` waits for new ones, ``watch_step`` looks every ``every_sec`` seconds."""

    def __init__(
        self, api: SiteApi, keeper: SessionKeeper, site_id: int, scheduler: Scheduler, *, every_sec: float
    ) -> None:
        self._api, self._keeper, self._site_id, self._scheduler = api, keeper, site_id, scheduler
        self._every_sec = every_sec
        self._submitting = threading.Lock()

    def submit_step(self) -> float:
        """Lease what waits, submit it."""
        began = time.monotonic()
        rows = self._keeper.use(lambda session: self._api.acquire_batch_jobs(session, AT_ONCE, wait=WAIT_SEC))
        if rows:
            self._submit(rows)
        return 0.0 if rows or time.monotonic() - began > 1.0 else 1.0

    def watch_step(self) -> float:
        """Compare what the server and the scheduler say."""
        rows = self._api.batch_jobs(self._site_id, WATCHED)
        # Leased to us and still not submitted: an agent was killed in between.
        stuck = [row for row in rows if row["state"] == "pending_submission" and self._is_ours(row)]
        if stuck:
            self._submit(stuck)
        self._follow([row for row in rows if row["state"] in ("queued", "running")])
        self._delete([row for row in rows if row["state"] == "pending_deletion"])
        return self._every_sec

    def _is_ours(self, row: Row) -> bool:
        return row.get("session_id") is not None and row["session_id"] == self._keeper.current

    def _submit(self, rows: list[Row]) -> None:
        with self._submitting:
            waiting = [row for row in rows if self._still_waits(row["id"])]
            for told in self._scheduler.submit([_request(row) for row in waiting]):
                if told.scheduler_id is None:
                    LOG.warning("batch job %d was not submitted: %s", told.batch_job_id, told.error)
                    self._patch(told.batch_job_id, state="submit_failed", status_info={"error": told.error})
                else:
                    self._patch(told.batch_job_id, state="queued", scheduler_id=told.scheduler_id)
        self._follow(self._api.batch_jobs(self._site_id, ["queued"]))

    def _still_waits(self, batch_job_id: int) -> bool:
        return bool(self._api.batch_job(batch_job_id)["state"] == "pending_submission")

    def _follow(self, rows: list[Row]) -> None:
        statuses = self._scheduler.statuses([row["scheduler_id"] for row in rows if row["scheduler_id"]])
        for row in rows:
            status = statuses.get(row["scheduler_id"] or "")
            if status is not None and status.state not in ("unknown", row["state"]):
                self._tell(row, status)

    def _tell(self, row: Row, status: Status) -> None:
        patch: Row = {"state": status.state}
        if status.start_time and not row.get("start_time"):
            patch["start_time"] = status.start_time.isoformat()
        if status.end_time and status.state == "finished":
            patch["end_time"] = status.end_time.isoformat()
        if status.info:
            patch["status_info"] = {**(row.get("status_info") or {}), **status.info}
        self._patch(row["id"], **patch)

    def _delete(self, rows: list[Row]) -> None:
        statuses = self._scheduler.statuses([row["scheduler_id"] for row in rows if row["scheduler_id"]])
        for row in rows:
            status = statuses.get(row["scheduler_id"] or "")
            if status is None or status.state == "finished":
                self._tell(row, status or Status("finished"))
            else:
                self._scheduler.cancel([row["scheduler_id"]])

    def _patch(self, batch_job_id: int, **patch: Any) -> None:
        try:
            self._api.update_batch_jobs([{"id": batch_job_id, **patch}])
        except StoraxError as error:
            LOG.warning("batch job %d: %s", batch_job_id, error)  # the next look tells it again


def _request(row: Mapping[str, Any]) -> Request:
    return Request(
        row["id"],
        row["num_nodes"],
        row["wall_time_min"],
        row.get("queue") or "",
        row.get("project") or "",
        row.get("job_mode") or "serial",
        row.get("optional_params") or {},
    )
