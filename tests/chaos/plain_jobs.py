"""Jobs as a plain dict in memory: what users of the client are to see, in Python that takes no short cuts."""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

UNSUCCESSFUL = ("FAILED", "CANCELLED")
ENDED = ("JOB_FINISHED", *UNSUCCESSFUL)
READY = ("PREPROCESSED", "RESTART_READY")
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda have, want: have in want if isinstance(want, list) else have == want,
    "gt": lambda have, want: have > want,
    "gte": lambda have, want: have >= want,
    "lt": lambda have, want: have < want,
    "lte": lambda have, want: have <= want,
    "contains": lambda have, want: want in have,
    "startswith": lambda have, want: have.startswith(want),
    "has": lambda have, want: want.items() <= have.items(),
}


@dataclass
class PlainJob:
    """One job. ``parents`` has its parents, finished ones that were deleted excepted; ``followed``: a parent ended it."""

    id: int
    priority: int
    num_nodes: int
    workdir: str
    tags: dict[str, str]
    parents: list[int]
    on_parent_failure: str
    state: str = "AWAITING_PARENTS"
    leased: bool = False
    cancel_requested: bool = False
    followed: bool = False


@dataclass
class PlainJobs:
    """All jobs of one user, by id."""

    jobs: dict[int, PlainJob] = field(default_factory=dict)

    def copy(self) -> "PlainJobs":
        """The jobs as they are now."""
        return deepcopy(self)

    def matching(self, where: Mapping[str, Any], excluded: Mapping[str, Any]) -> list[PlainJob]:
        """The jobs that a filter matches and an exclusion does not, by id."""
        return [
            job
            for _, job in sorted(self.jobs.items())
            if _matches(job, where) and not (excluded and _matches(job, excluded))
        ]

    # ---- commands --------------------------------------------------------------------------------------------------

    def refuses(self, job: PlainJob) -> bool:
        """Whether a new job may not be created, because a parent of it has failed."""
        return job.on_parent_failure == "fail" and any(self._unsuccessful(parent, set()) for parent in job.parents)

    def create(self, jobs: Iterable[PlainJob]) -> None:
        """Add new jobs."""
        self.jobs |= {job.id: job for job in jobs}
        self._settle()

    def delete(self, jobs: Iterable[PlainJob]) -> int:
        """Delete those that no session holds; a finished parent counts as done for good."""
        free = [job for job in jobs if not job.leased]
        for job in free:
            del self.jobs[job.id]
        done = {job.id for job in free if job.state == "JOB_FINISHED"}
        for job in self.jobs.values():
            job.parents = [parent for parent in job.parents if parent not in done]
        self._settle()
        return len(free)

    def cancel(self, jobs: Iterable[PlainJob]) -> tuple[int, int]:
        """Cancel: at once, or by the holder of the lease. Returns how many of each."""
        alive = [job for job in jobs if job.state not in ENDED]
        for job in alive:
            if job.leased:
                job.cancel_requested = True
            else:
                job.state, job.followed = "CANCELLED", False
        self._settle()
        return sum(not job.leased for job in alive), sum(job.leased for job in alive)

    def take(self, number: int) -> list[PlainJob]:
        """Lease the first jobs that can run: by priority, then by age."""
        ready = [job for job in self.jobs.values() if job.state in READY and not job.leased]
        taken = sorted(ready, key=lambda job: (-job.priority, job.id))[:number]
        for job in taken:
            job.leased = True
        return taken

    def end(self, job: PlainJob, state: str) -> None:
        """The run of a leased job ended; a cancellation that was accepted binds."""
        job.state = "CANCELLED" if job.cancel_requested else state
        job.leased = job.cancel_requested = job.followed = False
        self._settle()

    def give_back(self) -> None:
        """The session of all leases ended before any run began."""
        for job in self.jobs.values():
            if job.leased and job.cancel_requested:
                job.state = "CANCELLED"
            job.leased = job.cancel_requested = False
        self._settle()

    def retry(self, jobs: Iterable[PlainJob], *, descendants: bool) -> tuple[int, int, int]:
        """Run ended jobs again. Returns how many run again, came back with them, and were left because of a parent."""
        chosen = {job.id for job in jobs if job.state in UNSUCCESSFUL}
        again = set(chosen)
        while held := {i for i in again if self._held(self.jobs[i], again | self._back(again, descendants))}:
            again -= held
        back = self._back(again, descendants)
        waits = {i: any(self._waiting(parent, again | back) for parent in self.jobs[i].parents) for i in again}
        for i in again:
            self.jobs[i].state = "AWAITING_PARENTS" if waits[i] else "RESTART_READY"
        for i in back:
            self.jobs[i].state = "AWAITING_PARENTS"
        for i in again | back:
            self.jobs[i].followed = False
        self._settle()
        return len(again), len(back), len(chosen - again)

    # ---- the graph -------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Release, fail or cancel waiting jobs until none is left to decide on."""
        while any(self._decide(job) for job in self.jobs.values() if job.state == "AWAITING_PARENTS"):
            pass

    def _decide(self, job: PlainJob) -> bool:
        states = {self.jobs[parent].state if parent in self.jobs else "deleted" for parent in job.parents}
        if job.on_parent_failure == "fail" and states & {"FAILED", "CANCELLED", "deleted"}:
            job.state = "CANCELLED" if "CANCELLED" in states and "FAILED" not in states else "FAILED"
            job.followed = True
        elif states <= {*ENDED, "deleted"}:
            job.state = "PREPROCESSED"
        return job.state != "AWAITING_PARENTS"

    def _waiting(self, parent: int, again: set[int]) -> bool:
        return parent in self.jobs and (self.jobs[parent].state not in ENDED or parent in again)

    def _unsuccessful(self, parent: int, again: set[int]) -> bool:
        return parent in self.jobs and self.jobs[parent].state in UNSUCCESSFUL and parent not in again

    def _held(self, job: PlainJob, again: set[int]) -> bool:
        """Whether a parent keeps an ended job from running again."""
        if job.on_parent_failure != "fail":
            return False
        deleted = any(parent not in self.jobs for parent in job.parents)
        waiting = any(self._waiting(parent, again) for parent in job.parents)
        return any(self._unsuccessful(parent, again) for parent in job.parents) or (deleted and waiting)

    def _back(self, again: set[int], descendants: bool) -> set[int]:
        """Descendants that ended only because of these."""
        if not descendants:
            return set()
        below = set(again)
        while more := {
            job.id
            for job in self.jobs.values()
            if job.id not in below and job.state in UNSUCCESSFUL and job.followed and below & set(job.parents)
        }:
            below |= more
        back = below - again
        while stuck := {i for i in back if self._stuck(self.jobs[i], again | back, below)}:
            back -= stuck
        return back

    def _stuck(self, job: PlainJob, again: set[int], below: set[int]) -> bool:
        if job.on_parent_failure != "fail":
            return False
        return any(
            p not in self.jobs or self._unsuccessful(p, again) or (p in below and p not in again) for p in job.parents
        )


def _matches(job: PlainJob, where: Mapping[str, Any]) -> bool:
    return all(_holds(job, name, value) for name, value in where.items())


def _holds(job: PlainJob, name: str, value: Any) -> bool:
    column, _, operator = name.partition("__")
    operator = operator or ("has" if column == "tags" else "eq")
    return OPERATORS[operator](getattr(job, column), value)
