"""The methods of job queries and ``Job.objects`` that other queries lack: cancel, wait, watch, refresh many."""

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from storax._jobs.job import CancelCount, JobBase
from storax._jobs.over_time.failure_groups import FailureGroup
from storax._jobs.over_time.metrics import Metrics
from storax._jobs.over_time.runs import LaneBy, Runs
from storax._jobs.over_time.throughput import Throughput
from storax._jobs.over_time.window import as_window
from storax._jobs.waiting import ReturnWhen, Waiting, as_completed, wait
from storax._orm import notebook
from storax._orm.changes import ChangeQuery, warn_of_left
from storax._orm.manager import Manager
from storax._runtime.progress import in_notebook
from storax.errors import InvalidInput
from storax.models.job_rules import FINAL

J = TypeVar("J", bound=JobBase[Any, Any])


class Retried(NamedTuple):
    """How many jobs run again: ``jobs`` that matched, and ``descendants`` that had failed only because of them.

    ``left``: how many that matched stay as they are, because a parent has failed and does not run again; ``reason``
    names one of them, ``hint`` the way out.
    """

    jobs: int
    descendants: int
    left: int = 0
    reason: str = ""
    hint: str = ""


class Display:
    """Where the counts are shown: one cell output that changes, one line of a terminal, or a line per change."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._last: Mapping[str, int] | None = None

    def show(self, counts: Mapping[str, int]) -> None:
        """Show the counts, unless they are those of the last call."""
        if counts == self._last:
            return
        self._last = dict(counts)
        if in_notebook():
            self._show_html(notebook.counts(counts))
            return
        text = ", ".join(f"{n:,} {state}" for state, n in counts.items()) or "no jobs"
        sys.stderr.write(f"\r\x1b[K{text}" if sys.stderr.isatty() else f"{text}\n")
        sys.stderr.flush()

    def _show_html(self, html: str) -> None:
        from IPython.display import HTML, display

        if self._handle is None:
            self._handle = display(HTML(html), display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(HTML(html))  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Leave the last line of a terminal as it is."""
        if self._last is not None and not in_notebook() and sys.stderr.isatty():
            sys.stderr.write("\n")


def watch(query: ChangeQuery[Any], *, timeout: float | None, interval: float) -> dict[str, int]:
    """Show the counts of a query until all of its jobs have ended, or the timeout; return the last counts."""
    if interval <= 0:
        raise InvalidInput(f"interval must be more than 0 seconds, not {interval}.")
    until = time.monotonic() + (timeout if timeout is not None else float("inf"))
    display = Display()
    try:
        while True:
            counts: dict[str, int] = query.counts("state")
            display.show(counts)
            left = until - time.monotonic()
            if set(counts) <= set(FINAL) or left <= 0:
                return counts
            time.sleep(min(interval, left))
    finally:
        display.close()


class JobQueryBase(ChangeQuery[J]):
    """A query of jobs: it can also cancel and wait for them."""

    def cancel(self) -> CancelCount:
        """Cancel all jobs that match; running processes are stopped within seconds. Once accepted, a cancel binds.

        Returns:
            How many are or will be cancelled; ``.ended`` are CANCELLED now, ``.requested`` end within seconds.

        Raises:
            SlicedQuery: The query was sliced.
        """
        body = self._selected("cancelled", "cancel", {})
        if body is None:
            return CancelCount(ended=0, requested=0)
        answer = self._call("POST", "cancel", body)
        return CancelCount(ended=answer["cancelled"], requested=answer["requested"])

    def retry(self, *, descendants: bool = True, finished: bool = False, dry_run: bool = False) -> Retried:
        """Run all failed jobs that match again, and return how many; jobs that have not ended are ignored.

        A job whose parents have not ended waits for them. One whose parent has failed, and does not run again with it,
        stays as it is: a StoraxWarning names it.

        Args:
            descendants: Whether to bring back the jobs that failed only because of these; they wait for their parents.
                By default True.
            finished: Whether to run JOB_FINISHED jobs again too; by default False.
            dry_run: Whether to count only, and change nothing; by default False.

        Raises:
            SlicedQuery: The query was sliced.
        """
        options = {"descendants": descendants, "finished": finished, "dry_run": dry_run}
        body = self._selected("retried", "retry", options)
        if body is None:
            return Retried(0, 0)
        answer = self._call("POST", "retry", body)
        warn_of_left(answer, stacklevel=3)
        jobs, back, left = (int(answer[name]) for name in ("retried", "brought_back", "left"))
        return Retried(jobs, back, left, str(answer.get("reason", "")), str(answer.get("hint", "")))

    def failures(self, *, limit: int = 100) -> list[FailureGroup]:
        """Group the FAILED jobs that match by what went wrong, the largest group first, in one request.

        Jobs with the same App, exit code and last line of the error are one group; numbers and paths in that line do
        not count. Without the filter ``last_update_after``, only failures of the last 7 days are grouped.

        Args:
            limit: Greatest number of groups, 1 to 1000; by default 100.

        Raises:
            SlicedQuery: The query was sliced.
        """
        self._plan.require_whole("grouped", "Group first, then slice.")
        if self._plan.nothing:
            return []
        groups = self._ask("failures", {"limit": limit, **self._plan.reading})["groups"]
        return [FailureGroup.of(group) for group in groups]

    def throughput(
        self, since: datetime | None = None, until: datetime | None = None, *, step_sec: int | None = None
    ) -> Throughput:
        """Count the jobs that were created and that ended by time, in one request; deleted ones count as well.

        The server keeps these counts by minute, for 39 days, so the answer is as quick for a million jobs. Only the
        filter ``site_id`` is possible.

        Args:
            since: Begin of the window; by default 24 hours before its end.
            until: End of the window; by default now.
            step_sec: Seconds of each part, whole minutes; by default as many as make some 96 parts.

        Raises:
            SlicedQuery: The query was sliced.
        """
        self._plan.require_whole("counted by time", "Count first, then slice.")
        sites = {"filter": {"site_id": []}} if self._plan.nothing else self._plan.reading
        return Throughput.of(self._ask("throughput", {**sites, **as_window(since, until), "step_sec": step_sec}))

    def metrics(self, since: datetime | None = None, until: datetime | None = None) -> Metrics:
        """Measure how long jobs ran, waited and were in each state, as the page Metrics shows it, in one request.

        The newest 100,000 events of the window count, of jobs that still exist. Possible filters are ``site_id``,
        ``app_id`` and ``tags``.

        Args:
            since: Begin of the window; by default 24 hours before its end.
            until: End of the window, 31 days after its begin at most; by default now.

        Raises:
            SlicedQuery: The query was sliced.
            InvalidInput: The window is empty or too long, or jobs are not measured by a filter of the query.
        """
        self._plan.require_whole("measured", "Measure first, then slice.")
        jobs = {"filter": {"site_id": []}} if self._plan.nothing else self._plan.reading
        return Metrics.of(self._ask("metrics", {**jobs, **as_window(since, until)}))

    def runs(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        limit: int = 300,
        by: LaneBy = "allocation",
    ) -> Runs:
        """Return what ran when in a window, as the page Timeline shows it, in one request; the newest runs first.

        The newest 100,000 events of the window count, of jobs that still exist. Possible filters are ``site_id``,
        ``app_id`` and ``tags``.

        Args:
            since: Begin of the window; by default 24 hours before its end.
            until: End of the window, 31 days after its begin at most; by default now.
            limit: Greatest number of runs, 1 to 10,000; by default 300. Where there are more, ``lanes`` are filled.
            by: What a lane is: ``job``, ``app`` or ``allocation``, the default.

        Raises:
            SlicedQuery: The query was sliced.
            InvalidInput: The window is empty or too long, or jobs are not chosen by a filter of the query.
        """
        self._plan.require_whole("read as runs", "Pass limit=.")
        jobs = {"filter": {"site_id": []}} if self._plan.nothing else self._plan.reading
        return Runs.of(self._ask("runs", {**jobs, **as_window(since, until), "limit": limit, "by": by}))

    def wait(
        self,
        jobs: Iterable[J] | None = None,
        timeout: float | None = None,
        *,
        return_when: ReturnWhen = "ALL_COMPLETED",
        progress: bool | None = None,
    ) -> tuple[list[J], list[J]]:
        """Block until jobs have ended, and refresh them; pushed by the server, not polled.

        Args:
            jobs: Saved jobs of one server; a query waits for its own jobs where none are named.
            timeout: Seconds to wait at most; None, the default, waits for ever. A timeout is no error.
            return_when: ALL_COMPLETED, the default; FIRST_COMPLETED: as soon as one has ended; FIRST_EXCEPTION: as soon
                as one has FAILED or was CANCELLED.
            progress: Whether to show a bar; by default on a terminal and in a notebook, for more than one job.

        Returns:
            Two lists, ``(done, not_done)``, each in the order of ``jobs``. A job that was deleted counts as done.
        """
        return wait(self._selected_jobs(jobs), timeout=timeout, return_when=return_when, progress=progress)

    def watch(self, *, timeout: float | None = None, interval: float = 1.0) -> dict[str, int]:
        """Show how many jobs are in each state, as it changes, until all have ended; interrupt it at any time.

        Args:
            timeout: Seconds to watch at most; None, the default, watches until all have ended.
            interval: Seconds between two looks; by default 1.

        Returns:
            The number of jobs in each state at the end.
        """
        return watch(self, timeout=timeout, interval=interval)

    def as_completed(self, jobs: Iterable[J] | None = None, timeout: float | None = None) -> Iterator[J]:
        """Yield jobs as they end, refreshed; one that was deleted is yielded as it was.

        Args:
            jobs: Saved jobs of one server; a query takes its own jobs where none are named.
            timeout: Seconds to wait at most; None, the default, waits for ever.

        Raises:
            DeadlineExceeded: Not all have ended within ``timeout`` seconds.
        """
        return as_completed(self._selected_jobs(jobs), timeout=timeout)

    def _selected_jobs(self, jobs: Iterable[J] | None) -> Iterable[J]:
        if jobs is None:
            self._require_filtered("wait")
            return self._fetch()
        if not isinstance(jobs, Iterable):
            raise InvalidInput(f"{jobs!r} is no list of jobs.", hint="Name the seconds to wait: timeout=.")
        return jobs


class JobManagerBase(Manager[J]):
    """``Job.objects``: it can also refresh many jobs at once."""

    def bulk_refresh(self, jobs: Iterable[J]) -> None:
        """Refresh all of these jobs, 10,000 in one request.

        Raises:
            DoesNotExist: One was deleted; the others are refreshed.
        """
        waiting = Waiting(jobs, timeout=0)
        waiting.refresh()
        if waiting.gone:
            raise self._model.DoesNotExist(f"Job {min(waiting.gone)} was deleted.")
