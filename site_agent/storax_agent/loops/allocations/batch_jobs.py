"""BatchJobs: submit those that wait, follow those that run, end those that are to be deleted."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from storax_agent.files.set_aside import SetAside
from storax_agent.loops.patches import Patches
from storax_agent.mainloop.lease_table import SessionKeeper
from storax_agent.schedulers.base import Limits, Request, Scheduler, Status
from storax_agent.schedulers.limits import Refusal, allowed_queues, objection, resolved
from storax_agent.server.site_api import SiteApi
from storax_agent.settings.scheduler import SchedulerSettings

WAIT_SEC = 30.0
AT_ONCE = 10
LIMITS_SEC = 60.0
LOG = logging.getLogger(__name__)
Row = dict[str, Any]
WATCHED = ("pending_submission", "queued", "running", "pending_deletion")


class BatchJobs:
    """Two steps for two loops: ``submit_step`` waits for new ones, ``watch_step`` looks every ``every_sec`` seconds.
    ``objection`` is why the site's policy lets nobody have an allocation, if it does. ``runners`` returns what the
    runners of these BatchJobs reported, by number; ``set_aside`` keeps what the server refuses for good."""

    def __init__(
        self,
        api: SiteApi,
        keeper: SessionKeeper,
        site_id: int,
        scheduler: Scheduler,
        *,
        every_sec: float,
        settings: SchedulerSettings | None = None,
        objection: str = "",
        runners: Callable[[Collection[int]], Mapping[int, Row]] = lambda _: {},
        set_aside: SetAside,
    ) -> None:
        self._api, self._keeper, self._site_id, self._scheduler = api, keeper, site_id, scheduler
        self._every_sec, self._settings = every_sec, settings or SchedulerSettings()
        self._objection, self._runners = objection, runners
        self._patches = Patches(
            api.update_batch_jobs, set_aside, "batch job", "scheduler", info="status_info",
            kept=("id", "state", "scheduler_id"),
        )  # fmt: skip
        self._submitting = threading.Lock()
        self._limits: dict[str, dict[str, int]] = {}
        self._limits_until = 0.0

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
        # Leased to us and still not submitted: an agent was killed in between, the scheduler was not there, or the
        # queue has as many as it may.
        stuck = [row for row in rows if row["state"] == "pending_submission" and self._is_ours(row)]
        if stuck:
            self._submit(stuck)
        self._follow(rows)
        return self._every_sec

    def _is_ours(self, row: Row) -> bool:
        return row.get("session_id") is not None and row["session_id"] == self._keeper.current

    # Submitting

    def _submit(self, rows: list[Row]) -> None:
        with self._submitting:
            fresh = [self._api.batch_job(row["id"]) for row in rows]
            waiting = {row["id"]: row for row in fresh if row["state"] == "pending_submission"}
            ready = self._allowed(waiting)
            patches = [self._patch_of(submitted, waiting) for submitted in self._scheduler.submit(ready)]
            self._tell([patch for patch in patches if patch])
        self._follow(self._api.batch_jobs(self._site_id, ["queued"]))

    def _patch_of(self, submitted: Any, waiting: Mapping[int, Row]) -> Row:
        row = waiting[submitted.batch_job_id]
        if submitted.scheduler_id is not None:
            cleared = _without(row, "waits", "error")
            return {"id": row["id"], "state": "queued", "scheduler_id": submitted.scheduler_id, **cleared}
        LOG.warning("batch job %d was not submitted: %s", submitted.batch_job_id, submitted.error)
        if submitted.again:
            return _changed_info(row, {"waits": f"the scheduler gave no clear answer: {submitted.error}"})
        return {"id": row["id"], "state": "submit_failed", **_info(row, {"error": submitted.error})}

    def _allowed(self, waiting: Mapping[int, Row]) -> list[Request]:
        """Those within the limits; the others are refused, or wait for room in their queue."""
        if not waiting:
            return []
        limits = self._queue_limits()
        queued = self._api.batch_jobs(self._site_id, ["queued"])
        held = Counter(resolved(_request(row), self._settings).queue for row in queued)
        ready: list[Request] = []
        patches: list[Row] = []
        for row in waiting.values():
            request = resolved(_request(row), self._settings)
            refused = self._refusal(request, limits)
            most = limits.get(request.queue, {}).get("max_queued_jobs")
            if refused is not None:
                patches.append(_refused(row, refused))
            elif most is not None and held[request.queue] >= most:
                reason = f"queue {request.queue!r} holds {held[request.queue]} of {most} allowed BatchJobs"
                patches.append(_changed_info(row, {"waits": reason}))
            else:
                held[request.queue] += 1
                ready.append(request)
        self._tell([patch for patch in patches if patch])
        return ready

    def _refusal(self, request: Request, limits: Limits) -> Refusal | None:
        if self._objection:
            return Refusal(self._objection, request.batch_job_id, [])
        return objection(request, self._settings, limits)

    def _queue_limits(self) -> dict[str, dict[str, int]]:
        if time.monotonic() >= self._limits_until:
            self._limits = allowed_queues(self._settings, self._scheduler.queues())
            self._limits_until = time.monotonic() + LIMITS_SEC
        return self._limits

    # Following

    def _follow(self, rows: Sequence[Row]) -> None:
        alive = [row for row in rows if row["state"] in ("queued", "running", "pending_deletion")]
        alive = self._with_ids(alive)
        if not alive:
            return
        statuses = self._scheduler.statuses([row["scheduler_id"] for row in alive])
        runners = self._runners([row["id"] for row in alive])
        unknown = Status("unknown")
        patches = [
            _followed(row, statuses.get(row["scheduler_id"], unknown), runners.get(row["id"], {})) for row in alive
        ]
        self._tell([patch for patch in patches if patch])
        ended = {number for number, status in statuses.items() if status.state == "finished"}
        self._cancel([row["id"] for row in alive if _is_doomed(row) and row["scheduler_id"] not in ended])

    def _cancel(self, numbers: Sequence[int]) -> None:
        """End these BatchJobs, by the ids that the scheduler itself names for them: the server's may be anything."""
        ids = self._scheduler.find(numbers) if numbers else None
        if ids:
            self._scheduler.cancel(list(ids.values()))

    def _with_ids(self, rows: list[Row]) -> list[Row]:
        """Rows that have a scheduler id. One to be deleted that has none may have been submitted all the same."""
        lost = [row["id"] for row in rows if not row["scheduler_id"]]
        if not lost:
            return rows
        with self._submitting:
            ids = self._scheduler.find(lost)
        if ids is not None:
            never = [row for row in rows if row["id"] in lost and row["id"] not in ids]
            self._tell(
                [{"id": row["id"], "state": "finished", **_info(row, {"reason": "never submitted"})} for row in never]
            )
            self._tell([{"id": number, "scheduler_id": scheduler_id} for number, scheduler_id in ids.items()])
        named = [{**row, "scheduler_id": row["scheduler_id"] or (ids or {}).get(row["id"])} for row in rows]
        return [row for row in named if row["scheduler_id"]]

    def _tell(self, patches: Sequence[Row]) -> None:
        if patches:
            self._patches.send(patches)


def _is_doomed(row: Row) -> bool:
    return bool(row["state"] == "pending_deletion")


def _followed(row: Row, status: Status, runner: Mapping[str, Any]) -> Row:
    """What is new about a BatchJob, with what its ``runner`` reported; empty when nothing is."""
    patch: Row = {}
    deleting = row["state"] == "pending_deletion"
    if status.state == "finished" or (status.state not in ("unknown", row["state"]) and not deleting):
        patch["state"] = status.state
    if status.start_time and not row.get("start_time"):
        patch["start_time"] = status.start_time.isoformat()
    if status.end_time and status.state == "finished":
        patch["end_time"] = status.end_time.isoformat()
    stale = {"reason": ""} if (row.get("status_info") or {}).get("reason") else {}  # why it waited is over
    well: Row = {"failing_loops": {}} if (row.get("status_info") or {}).get("failing_loops") else {}
    info = {**well, **runner, **({**stale, **status.info} if status.state != "unknown" else {})}
    patch |= _changed_info(row, info)
    return {"id": row["id"], **patch} if patch else {}


def _info(row: Row, news: Mapping[str, Any]) -> Row:
    return {"status_info": {**(row.get("status_info") or {}), **news}}


def _changed_info(row: Row, info: Mapping[str, Any]) -> Row:
    known = row.get("status_info") or {}
    news = {name: value for name, value in info.items() if known.get(name) != value}
    return {"id": row["id"], **_info(row, news)} if news else {}


def _without(row: Row, *names: str) -> Row:
    known = row.get("status_info") or {}
    kept = {name: value for name, value in known.items() if name not in names}
    return {"status_info": kept} if kept != known else {}


def _refused(row: Row, refusal: Refusal) -> Row:
    LOG.warning("batch job %d refused: %s", row["id"], refusal.error)
    return {"id": row["id"], "state": "submit_failed", **_info(row, refusal.info())}


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
