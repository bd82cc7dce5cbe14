"""The orders of one open project: what it has had sites do, watched until the result is taken in.

An order is accepted once its job is there. Its folder then stays until the result has become part of the project, so an
engine that was killed takes it up again. A failed one stays for another attempt of its job, as long as there is room.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from storax.errors import JobFailed, NoProject, NoResult, StoraxError, Unavailable, from_answer
from storax_engine.platform.jobs import Jobs
from storax_engine.remote import manifest, steps
from storax_engine.remote.manifest import read_json, write_json
from storax_engine.remote.run import TICKET, Order, ticket_in, told_by, unusable
from storax_engine.work import Work, cancelled_job

Row = dict[str, Any]
FAILED_KEPT = 20
TAKEN_WITHIN_SEC = 60.0  # a file that a job wrote may be seen late, over a network
_ASIDE = ".new-"
_SOON_SEC, _LATER_SEC, _FAILED_SEC, _CANCEL_SEC = 0.1, 2.0, 5.0, 5.0

log = logging.getLogger("storax_engine")


TakeIn = Callable[[Order, Row], Row]


class Orders:
    """Orders by token. Safe for threads; one thread watches all jobs while there are some."""

    def __init__(self, folder: Path, jobs: Jobs, take_in: TakeIn) -> None:
        self._folder, self._jobs, self._take_in = folder, jobs, take_in
        self._guard = threading.RLock()
        self._closed = threading.Event()
        self._orders: dict[str, Order] = {}
        self._watching = False
        folder.mkdir(mode=0o700, exist_ok=True)
        for left in folder.glob(f"{_ASIDE}*"):
            shutil.rmtree(left, ignore_errors=True)
        for found in sorted(folder.iterdir()):
            self._take_up(found)
        self._watch()

    # ---- for commands ----------------------------------------------------------------------------------------------

    def place(
        self, ticket: Row, lay_down: Callable[[Path], Row], *, site: str, tags: Mapping[str, str], job: Row
    ) -> Order:
        """Have a site do something. ``lay_down`` writes the files into a folder and returns the order.

        Raises:
            InvalidInput: there is no such site, or a field of ``job`` is wrong.
        """
        app = self._jobs.app(self._jobs.site(site))
        token = uuid4().hex
        aside, folder = self._folder / f"{_ASIDE}{token}", self._folder / token
        aside.mkdir(mode=0o700)
        try:
            write_json(aside / manifest.ORDER, lay_down(aside))
            write_json(aside / TICKET, {**ticket, "token": token})
            aside.rename(folder)
            *step_ids, job_id = self._made(app, token, folder, ticket.get("buckets"), tags, job)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)
            raise
        order = Order(folder, {**ticket, "token": token})
        order.write(job_id=job_id, step_ids=step_ids or None)
        with self._guard:
            self._orders[token] = order
        self._watch()
        return order

    def require(self, site: str, job: Row) -> None:
        """Whether there is such a site, and the fields of a job are a user's to give.

        Raises:
            InvalidInput: there is none, or naming the field.
        """
        self._jobs.allowed(job)
        self._jobs.site(site)

    def of_job(self, job_id: int) -> Order | None:
        """The order whose job this is, unless its result was taken in or it was cancelled."""
        with self._guard:
            return next((order for order in self._orders.values() if order.job_id == job_id), None)

    def of_trial(self, tuning: str, number: int) -> Order | None:
        """The order of one trial of a tuning, while it is at work."""
        with self._guard:
            found = (o for o in self._orders.values() if o.ticket["kind"] == "trial" and not o.failed)
            return next((o for o in found if (o.ticket["tuning"], o.ticket["trial"]) == (tuning, number)), None)

    def wait(self, order: Order, work: Work, *, cancel: bool) -> Row:
        """Wait until its result was taken in; ``cancel``: nobody wants it where nobody waits any more.

        Raises:
            StoraxError: why it failed.
            Cancelled: it was cancelled, or nobody waits any more.
            NoProject: the project was closed or deleted meanwhile, and nobody looks at the job here.
        """
        asked = 0.0
        while not order.ended.wait(_SOON_SEC):
            if self._closed.is_set():
                raise NoProject(
                    f"The project was closed while job {order.job_id} worked for it.",
                    hint="The job goes on, and its result is kept once the project is open again; "
                    "where the project was deleted, the job is cancelled.",
                )
            work.progress(*order.progress())
            if work.cancelled.is_set():
                if not cancel:
                    work.go_on()
                if time.monotonic() - asked > _CANCEL_SEC:
                    asked = time.monotonic()
                    self._unwanted(order)
        if order.outcome is None:
            raise order.error or JobFailed(f"Job {order.job_id} left nothing.")
        return order.outcome

    def was_cancelled(self, job_id: int) -> bool:
        """Whether a job that is no order any more was cancelled."""
        failed = self._jobs.states([job_id]).get(job_id) == "FAILED"
        return failed and self._jobs.reason(job_id) == "cancelled"

    def close(self) -> None:
        """Look at them no more; they go on, and are taken up when the project is opened again."""
        with self._guard:  # a result that is being taken in becomes part of the project before it can be opened again
            self._closed.set()

    def _made(self, app: int, token: str, folder: Path, n: int | None, tags: Mapping[str, str], job: Row) -> list[int]:
        own = {**tags, "order": token}
        if not n:
            return [self._jobs.create(app, f"pipelines/{token}", str(folder), own, job)]
        parts = steps.bodies(folder, n, {**tags, "step_of": token})
        return self._jobs.create_all(app, f"pipelines/{token}", parts, str(folder), own, job)

    # ---- watching --------------------------------------------------------------------------------------------------

    def _unwanted(self, order: Order) -> None:
        with self._guard:
            if order.ended.is_set():
                return
            order.write(unwanted=True)
        try:
            self._jobs.cancel([order.job_id, *order.step_ids])
        except StoraxError as error:
            log.warning("job %d could not be cancelled yet: %s", order.job_id, error)

    def _call_off(self, order: Order) -> None:
        """Its steps are for nothing; one that goes on all the same finds its folder gone, and fails."""
        try:
            self._jobs.cancel(order.step_ids)
        except StoraxError as error:
            log.warning("the steps of job %d could not be cancelled: %s", order.job_id, error)

    def _take_up(self, folder: Path) -> None:
        """After a start: an order whose job is there was accepted, another one was not."""
        ticket = ticket_in(folder)
        if ticket == {}:
            return
        if ticket is None:
            shutil.rmtree(folder, ignore_errors=True)
            return
        order = Order(folder, ticket)
        if "job_id" not in ticket:
            job_id = self._jobs.with_tags({"order": order.token})
            if job_id is None:
                shutil.rmtree(folder, ignore_errors=True)
                return
            step_ids = self._jobs.all_with_tags({"step_of": order.token}) if "buckets" in ticket else None
            order.write(job_id=job_id, step_ids=step_ids)
        if order.failed:
            order.error = from_answer(400, read_json(folder / manifest.ERROR) or {"detail": "It failed."})
            order.ended.set()
        self._orders[order.token] = order

    def _watch(self) -> None:
        with self._guard:
            if self._orders and not self._watching and not self._closed.is_set():
                self._watching = True
                threading.Thread(target=self._run, name="orders", daemon=True).start()

    def _run(self) -> None:
        pause, trouble = 0.0, 0
        while not self._closed.wait(pause):
            with self._guard:
                orders = list(self._orders.values())
                if not orders:
                    self._watching = False
                    return
            try:
                self._look(orders)
                trouble = 0
            except Exception as error:
                trouble += 1
                known = isinstance(error, StoraxError)
                log.warning("jobs could not be looked at: %s", error, exc_info=None if known else error)
            pause = min(2.0**trouble, 30.0) if trouble else _pause(orders)

    def _look(self, orders: list[Order]) -> None:
        states = self._jobs.states(order.job_id for order in orders)
        for order in orders:
            state = states.get(order.job_id, "")
            if not state:
                self._drop(order, JobFailed(f"Job {order.job_id} was deleted; nothing was kept."))
            elif state == "JOB_FINISHED":
                self._finished(order)
            elif state == "FAILED" and not order.failed:
                self._fail(order)
            elif order.failed and state != "FAILED":
                order.write(failed_at=None)
                order.error, order.ended, order.begun = None, threading.Event(), time.monotonic()
                (order.folder / manifest.ERROR).unlink(missing_ok=True)

    def _finished(self, order: Order) -> None:
        with self._guard:
            if self._closed.is_set():
                return
            if order.ticket.get("unwanted"):
                self._drop(order, cancelled_job(order.job_id))
                return
            try:
                order.outcome = self._take_in(order, self._result(order))
            except Unavailable as error:
                log.warning("the result of job %d waits: %s", order.job_id, error)
            except (StoraxError, OSError, ValueError) as error:
                order.late_since = order.late_since or time.monotonic()
                if time.monotonic() - order.late_since > TAKEN_WITHIN_SEC or not isinstance(error, (NoResult, OSError)):
                    log.warning("the result of job %d cannot be used: %s", order.job_id, error)
                    self._drop(order, error if isinstance(error, StoraxError) else unusable(order, error))
            else:
                self._drop(order, None)

    def _result(self, order: Order) -> Row:
        found = manifest.told(order.folder / manifest.RESULT)
        if found is None:
            raise NoResult(f"Job {order.job_id} finished, and left no result in {order.folder}.")
        return found

    def _fail(self, order: Order) -> None:
        """It failed, or was cancelled; then nothing is left of it."""
        words = self._jobs.reason(order.job_id)
        if words == "cancelled" or order.ticket.get("unwanted"):
            self._drop(order, cancelled_job(order.job_id))
            return
        told = told_by(order)
        culprit = self._culprit(order)
        if told is None:
            words = self._jobs.reason(culprit) if culprit != order.job_id else words
            told = {"code": JobFailed.code, "detail": f"Job {culprit} failed: {words}."}
        told = {**told, "job_id": order.job_id, "hint": f"storax job explain {culprit}"}
        write_json(order.folder / manifest.ERROR, told)
        order.error = from_answer(400, told)
        if order.ticket["kind"] == "trial":  # a tuning sees to its own attempts
            self._drop(order, order.error)
            return
        order.write(failed_at=datetime.now(UTC).isoformat())
        order.ended.set()
        with self._guard:
            failed = sorted((o for o in self._orders.values() if o.failed), key=lambda o: str(o.ticket["failed_at"]))
            for old in failed[:-FAILED_KEPT]:
                self._drop(old, old.error)

    def _culprit(self, order: Order) -> int:
        """The first of its jobs that failed: those after it failed for it."""
        states = self._jobs.states(order.step_ids) if order.step_ids else {}
        return next((i for i in order.step_ids if states.get(i) == "FAILED"), order.job_id)

    def _drop(self, order: Order, error: StoraxError | None) -> None:
        with self._guard:
            self._orders.pop(order.token, None)
            order.error = error
        if error is not None and order.step_ids:
            self._call_off(order)
        aside = order.folder.with_name(f"{_ASIDE}{order.token}")
        if order.folder.is_dir():
            order.folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
        order.ended.set()


def abandon(folder: Path, jobs: Jobs) -> None:
    """Cancel what the orders in a folder have going: its project is deleted."""
    tickets = [ticket_in(file.parent) for file in folder.glob(f"*/{TICKET}")]
    known = [ticket for ticket in tickets if ticket and "job_id" in ticket]
    jobs.cancel(int(i) for ticket in known for i in (ticket["job_id"], *ticket.get("step_ids", ())))


def _pause(orders: list[Order]) -> float:
    """A young job is looked at often, an old one now and then."""
    ages = [time.monotonic() - order.begun for order in orders if not order.failed]
    return min(max(_SOON_SEC, min(ages) / 50), _LATER_SEC) if ages else _FAILED_SEC
