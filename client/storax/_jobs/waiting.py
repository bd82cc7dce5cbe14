"""Waiting for jobs to end: pushed over the event stream, and looked up now and then in case the stream failed us."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from storax._jobs.feed import feed_of
from storax._jobs.states import FINAL
from storax._jobs.subscription import LOOK, Ticket
from storax._orm.pages import ask, pages
from storax._orm.plan import PAGE, Plan
from storax.errors import DeadlineExceeded, InvalidInput, NotFound, Unavailable

if TYPE_CHECKING:
    from storax._orm.instance import Model
    from storax.client import Client

J = TypeVar("J", bound="Model")
ReturnWhen = Literal["ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"]
FOREVER = 10.0**9
CONNECT = 5.0
# Between looks at the server: while the stream lives it is a safety net, and the way to see that a job was deleted.
LOOK_LIVE, LOOK_MANY, LOOK_BLIND = 5.0, 30.0, 0.5
OUTAGE = 300.0
MANY = 1000


class Waiting(Generic[J]):
    """One wait for some jobs of one client. ``left`` are those still to come, by id."""

    def __init__(self, jobs: Iterable[J], *, timeout: float | None, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._until = now() + (FOREVER if timeout is None else timeout)
        self.jobs = list(jobs)
        self.left: dict[int, list[J]] = {}
        for job in self.jobs:
            self.left.setdefault(job._require_id("waited for"), []).append(job)
        self.gone: set[int] = set()
        self._client: Client = _one_client(self.jobs)
        self._told: set[int] = set()
        self._brought: dict[int, dict[str, Any]] = {}  # rows that came with their event
        self._rested = self._next_look = 0.0
        self._reached = False
        self._failing_since: float | None = None

    def batches(self, *, read_at_once: bool = True) -> Iterator[list[J]]:
        """Jobs that ended, refreshed, in batches as they end; stops when all have, or at the timeout.

        Without ``read_at_once`` the instances are refreshed once, when nothing is left: cheaper for many.
        """
        if not self.left:
            return
        with self._ticket() as ticket:
            self._reached, self._next_look = ticket.covered, self._now() + self._look_every()
            if not ticket.covered:
                self._look()
            while True:
                ripe = bool(self._told) and (read_at_once or self._told == self.left.keys())
                if ripe and self._now() >= self._rested and (batch := self._read()):
                    yield batch
                if not self.left or self._now() >= self._until:
                    break
                self._hear(ticket, until=self._rested if ripe else FOREVER)
            if batch := self._read():
                yield batch

    def refresh(self) -> None:
        """Read all of them again, ended or not."""
        self._told = set(self.left)
        self._read()

    def _hear(self, ticket: Ticket, *, until: float) -> None:
        """Take note of jobs that ended, waiting for the first; now and then, and when the stream says so, look."""
        told = ticket.take(min(self._until, self._next_look, until) - self._now())
        self._told |= told.keys() & self.left.keys()
        self._brought.update((job_id, row) for job_id, row in told.items() if row and job_id in self.left)
        if LOOK in told or self._now() >= self._next_look:
            self._look()

    @contextmanager
    def _through_outages(self) -> Iterator[None]:
        """A wait outlives a server that restarts: errors are passed over for a while, once it has been reached."""
        try:
            yield
        except Unavailable:
            self._failing_since = self._failing_since or self._now()
            if not self._reached or self._now() - self._failing_since > OUTAGE:
                raise
            self._rested = self._now() + LOOK_BLIND
        else:
            self._reached, self._failing_since = True, None

    def require_all(self) -> None:
        """Raise where the timeout came first.

        Raises:
            DeadlineExceeded: some have not ended.
        """
        if self.left:
            few = ", ".join([*(str(i) for i in list(self.left)[:5]), *(["..."] if len(self.left) > 5 else [])])
            raise DeadlineExceeded(
                f"{len(self.left)} of {len(self.jobs)} jobs did not end in time ({few}).",
                hint="They go on; wait again, or look at job.history().",
            )

    @contextmanager
    def _ticket(self) -> Iterator[Ticket]:
        feed = feed_of(self._client)
        born = {job_id: _born(same) for job_id, same in self.left.items()}
        ticket = feed.open(born, timeout=min(CONNECT, max(0.0, self._until - self._now())))
        try:
            yield ticket
        finally:
            feed.release(ticket)

    def _look_every(self) -> float:
        if not feed_of(self._client).live:
            return LOOK_BLIND
        return LOOK_LIVE if len(self.left) <= MANY else LOOK_MANY

    def _look(self) -> None:
        """Ask for the state of all that are left; take note of those that ended or are no more."""
        ids: list[int] = list(self.left)
        found: dict[int, str] = {}
        with self._through_outages():
            for start in range(0, len(ids), PAGE):
                plan = Plan(where={"id": ids[start : start + PAGE]})
                for page in pages(self._client, "jobs", plan, fields=("id", "state")):
                    found.update((row[0], row[1]) for row in page.rows)
            self._told |= {i for i in ids if found.get(i, FINAL[0]) in FINAL}
        self._next_look = self._now() + self._look_every()

    def _read(self) -> list[J]:
        """Refresh those that ended; returns those that really have or are gone, and takes them off the list."""
        begun, batch, ids = self._now(), [], sorted(self._told)
        with self._through_outages():
            for job_id, found in self._rows(ids):
                self._told.discard(job_id)
                if found is None:
                    self.gone.add(job_id)
                else:
                    for job in self.left[job_id]:
                        job._absorb(found, found.values())
                    if found["state"] not in FINAL:
                        continue  # it was restarted in between
                batch += self.left.pop(job_id)
            # Jobs that end in a storm are read in batches: two thirds of the time belong to those who run them.
            self._rested = self._now() + 2 * (self._now() - begun)
        return batch

    def _rows(self, ids: list[int]) -> Iterator[tuple[int, dict[str, Any] | None]]:
        if len(ids) == 1:
            yield ids[0], self._brought.pop(ids[0], None) or self._one(ids[0])
            return
        self._brought.clear()
        for start in range(0, len(ids), PAGE):
            part = ids[start : start + PAGE]
            page = ask(self._client, "jobs", {"filter": {"id": part}, "limit": PAGE, "format": "rows"})
            place = page.columns.index("id")
            rows = {row[place]: dict(zip(page.columns, row, strict=True)) for row in page.rows}
            yield from ((job_id, rows.get(job_id)) for job_id in part)

    def _one(self, job_id: int) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._client.call("GET", f"/jobs/{job_id}").json()
        except NotFound:
            return None
        return found


def _born(same: "list[Any]") -> int | None:
    """From which log position on the end of this job is still to come; None where that is not known."""
    if any(job._position is None or job.state in FINAL for job in same):
        return None
    return min(int(job._position) for job in same)


def _one_client(jobs: list[Any]) -> Any:
    found = {job._home() for job in jobs}
    if len(found) > 1:
        raise InvalidInput("These jobs live on different servers.", hint="Wait for each server's jobs on their own.")
    return found.pop() if found else None


def wait(
    jobs: Iterable[J], *, timeout: float | None = None, return_when: ReturnWhen = "ALL_COMPLETED"
) -> tuple[list[J], list[J]]:
    """Block until jobs end; returns (done, not_done), refreshed, in the order given. See ``JobManager.wait``."""
    if return_when not in ("ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"):
        raise InvalidInput(
            f"return_when is {return_when!r}.", hint="Use ALL_COMPLETED, FIRST_COMPLETED or FIRST_EXCEPTION."
        )
    waiting = Waiting(jobs, timeout=timeout)
    for batch in waiting.batches(read_at_once=return_when != "ALL_COMPLETED"):
        failed = any(job.state == "FAILED" for job in batch if job._values[job._id_at] not in waiting.gone)
        if return_when == "FIRST_COMPLETED" or (return_when == "FIRST_EXCEPTION" and failed):
            break
    done = [job for job in waiting.jobs if job._values[job._id_at] not in waiting.left]
    return done, [job for job in waiting.jobs if job._values[job._id_at] in waiting.left]


def as_completed(jobs: Iterable[J], *, timeout: float | None = None) -> Iterator[J]:
    """Yield jobs as they end, refreshed. See ``JobManager.as_completed``."""
    waiting = Waiting(jobs, timeout=timeout)
    for batch in waiting.batches():
        yield from batch
    waiting.require_all()
