"""Wait for jobs to end: the event stream pushes the ends; now and then a poll finds what the stream missed."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from storax._jobs.feed import feed_of
from storax._jobs.subscription import POLL, Subscription
from storax._orm.pages import pages, read_pages
from storax._orm.query_plan import PAGE, Plan
from storax._runtime.progress import counted, shown
from storax.errors import DeadlineExceeded, InvalidInput, NotFound, Unavailable
from storax.models.job_rules import FINAL, UNSUCCESSFUL

if TYPE_CHECKING:
    from storax._orm.instance import Model
    from storax.client import Client

J = TypeVar("J", bound="Model")
ReturnWhen = Literal["ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"]
FOREVER = 10.0**9
CONNECT_SEC = 5.0
# Seconds between polls: while the stream lives they are a safety net, and the way to see that a job was deleted.
POLL_LIVE_SEC, POLL_MANY_SEC, POLL_OFFLINE_SEC = 5.0, 30.0, 0.5
OUTAGE_SEC = 300.0
MANY = 1000


class Waiting(Generic[J]):
    """One wait for jobs of one client. ``left``: those that have not ended, by id; ``gone``: ids of deleted ones."""

    def __init__(self, jobs: Iterable[J], *, timeout: float | None, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._until = now() + (FOREVER if timeout is None else timeout)
        self.jobs = list(jobs)
        self.left: dict[int, list[J]] = {}
        for job in self.jobs:
            self.left.setdefault(job._require_id("waited for"), []).append(job)
        self.gone: set[int] = set()
        self._client: Client = _one_client(self.jobs)
        self._ended: set[int] = set()
        self._event_rows: dict[int, dict[str, Any]] = {}  # rows that came with their event
        self._next_read = self._next_poll = 0.0
        self._reached = False
        self._failing_since: float | None = None
        self._number, self._counted = len(self.left), 0
        self.on_ends: Callable[[int], object] = lambda _number: None  # gets the number of further jobs that ended

    def batches(self, *, read_at_once: bool = True) -> Iterator[list[J]]:
        """Yield jobs in batches as they end, refreshed, until all have ended or the timeout.

        Without ``read_at_once`` the instances are refreshed once, at the end, which is cheaper for many.
        """
        if not self.left:
            return
        with self._subscribed() as subscription:
            self._reached, self._next_poll = subscription.gapless, self._now() + self._poll_interval()
            if not subscription.gapless:
                self._poll()
            while True:
                self._count_ends()
                ripe = bool(self._ended) and (read_at_once or self._ended == self.left.keys())
                if ripe and self._now() >= self._next_read and (batch := self._read()):
                    yield batch
                if not self.left or self._now() >= self._until:
                    break
                self._receive(subscription, until=self._next_read if ripe else FOREVER)
            if batch := self._read():
                yield batch

    def refresh(self) -> None:
        """Read all of them again, ended or not."""
        self._ended = set(self.left)
        self._read()

    def _receive(self, subscription: Subscription, *, until: float) -> None:
        """Take the ends that came, waiting for the first; poll when a poll is due or the feed asks for one."""
        ends = subscription.take(min(self._until, self._next_poll, until) - self._now())
        self._ended |= ends.keys() & self.left.keys()
        self._event_rows.update((job_id, row) for job_id, row in ends.items() if row and job_id in self.left)
        if POLL in ends or self._now() >= self._next_poll:
            self._poll()

    def _count_ends(self) -> None:
        """Report how many further jobs have ended."""
        number = self._number - len(self.left) + len(self._ended)
        self.on_ends(number - self._counted)
        self._counted = number

    @contextmanager
    def _through_outages(self) -> Iterator[None]:
        """Ignore that the server is unavailable for a while, once it has been reached: a wait outlives its restart."""
        try:
            yield
        except Unavailable:
            self._failing_since = self._failing_since or self._now()
            if not self._reached or self._now() - self._failing_since > OUTAGE_SEC:
                raise
            self._next_read = self._now() + POLL_OFFLINE_SEC
        else:
            self._reached, self._failing_since = True, None

    def require_all(self) -> None:
        """Raise if the timeout came first.

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
    def _subscribed(self) -> Iterator[Subscription]:
        feed = feed_of(self._client)
        start_positions = {job_id: _start_position(instances) for job_id, instances in self.left.items()}
        subscription = feed.subscribe(start_positions, timeout=min(CONNECT_SEC, max(0.0, self._until - self._now())))
        try:
            yield subscription
        finally:
            feed.unsubscribe(subscription)

    def _poll_interval(self) -> float:
        if not feed_of(self._client).live:
            return POLL_OFFLINE_SEC
        return POLL_LIVE_SEC if len(self.left) <= MANY else POLL_MANY_SEC

    def _poll(self) -> None:
        """Ask the server for the state of all jobs left; note those that ended or were deleted."""
        ids: list[int] = list(self.left)
        states: dict[int, str] = {}
        with self._through_outages():
            for start in range(0, len(ids), PAGE):
                plan = Plan(where={"id": ids[start : start + PAGE]})
                for page in pages(self._client, "jobs", plan, fields=("id", "state")):
                    states.update((row[0], row[1]) for row in page.rows)
            self._ended |= {i for i in ids if states.get(i, FINAL[0]) in FINAL}
        self._next_poll = self._now() + self._poll_interval()

    def _read(self) -> list[J]:
        """Refresh the jobs that ended; return those that have or were deleted, and remove them from ``left``."""
        start, batch, ids = self._now(), [], sorted(self._ended)
        with self._through_outages():
            for job_id, row in self._rows(ids):
                self._ended.discard(job_id)
                if row is None:
                    self.gone.add(job_id)
                else:
                    for job in self.left[job_id]:
                        job._absorb(row, row.values())
                    if row["state"] not in FINAL:
                        continue  # it was restarted in between
                batch += self.left.pop(job_id)
            # Many ends at once are read in batches: two thirds of the time are left to the server that runs the jobs.
            self._next_read = self._now() + 2 * (self._now() - start)
        return batch

    def _rows(self, ids: list[int]) -> Iterator[tuple[int, dict[str, Any] | None]]:
        if len(ids) == 1:
            yield ids[0], self._event_rows.pop(ids[0], None) or self._one(ids[0])
            return
        self._event_rows.clear()
        for start in range(0, len(ids), PAGE):
            part = ids[start : start + PAGE]
            body = {"filter": {"id": part}, "limit": PAGE, "format": "rows"}
            rows: dict[int, dict[str, Any]] = {}
            for page in read_pages(self._client, "jobs", body):
                id_column = page.columns.index("id")
                rows |= {row[id_column]: dict(zip(page.columns, row, strict=True)) for row in page.rows}
            yield from ((job_id, rows.get(job_id)) for job_id in part)

    def _one(self, job_id: int) -> dict[str, Any] | None:
        try:
            row: dict[str, Any] = self._client.call("GET", f"/jobs/{job_id}").json()
        except NotFound:
            return None
        return row


def _start_position(instances: "list[Any]") -> int | None:
    """Return the log position up to which this job is known not to have ended; None if unknown."""
    if any(job._position is None or job.state in FINAL for job in instances):
        return None
    return min(int(job._position) for job in instances)


def _one_client(jobs: list[Any]) -> Any:
    clients = {job._home() for job in jobs}
    if len(clients) > 1:
        raise InvalidInput("These jobs live on different servers.", hint="Wait for each server's jobs on their own.")
    return clients.pop() if clients else None


def wait(
    jobs: Iterable[J],
    *,
    timeout: float | None = None,
    return_when: ReturnWhen = "ALL_COMPLETED",
    progress: bool | None = None,
) -> tuple[list[J], list[J]]:
    """Block until jobs have ended, and refresh them; pushed by the server, not polled.

    Args:
        jobs: Saved jobs of one server.
        timeout: Seconds to wait at most; None, the default, waits for ever. A timeout is no error.
        return_when: ALL_COMPLETED, the default; FIRST_COMPLETED: as soon as one has ended; FIRST_EXCEPTION: as soon as
            one has FAILED or was CANCELLED.
        progress: Whether to show a bar; by default on a terminal and in a notebook, for more than one job.

    Returns:
        Two lists, ``(done, not_done)``, each in the order of ``jobs``. A job that was deleted counts as done.
    """
    if return_when not in ("ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"):
        raise InvalidInput(
            f"return_when is {return_when!r}.", hint="Use ALL_COMPLETED, FIRST_COMPLETED or FIRST_EXCEPTION."
        )
    waiting = Waiting(jobs, timeout=timeout)
    number = len(waiting.left)
    visible = progress if progress is not None else number > 1 and shown()
    with counted("Waiting for Jobs", number, visible) as bar:
        waiting.on_ends = bar.update
        for batch in waiting.batches(read_at_once=return_when != "ALL_COMPLETED"):
            failed = any(job.state in UNSUCCESSFUL for job in batch if job._values[job._id_at] not in waiting.gone)
            if return_when == "FIRST_COMPLETED" or (return_when == "FIRST_EXCEPTION" and failed):
                break
    done = [job for job in waiting.jobs if job._values[job._id_at] not in waiting.left]
    return done, [job for job in waiting.jobs if job._values[job._id_at] in waiting.left]


def as_completed(jobs: Iterable[J], *, timeout: float | None = None) -> Iterator[J]:
    """Yield jobs as they end, refreshed; a job that was deleted is yielded as it was.

    Args:
        jobs: Saved jobs of one server.
        timeout: Seconds to wait at most; None, the default, waits for ever.

    Raises:
        DeadlineExceeded: not all have ended within ``timeout`` seconds.
    """
    waiting = Waiting(jobs, timeout=timeout)
    for batch in waiting.batches():
        yield from batch
    waiting.require_all()
