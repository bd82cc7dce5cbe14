"""What every scheduler must do. All calls take and return batches, and none waits for an allocation."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol


class Request(NamedTuple):
    """One allocation to ask for."""

    batch_job_id: int
    num_nodes: int
    wall_time_min: int
    queue: str
    project: str
    job_mode: str
    optional_params: Mapping[str, str]


class Submitted(NamedTuple):
    """What the scheduler said: its own id, or why it refused."""

    batch_job_id: int
    scheduler_id: str | None
    error: str = ""


class Status(NamedTuple):
    """Where an allocation is. ``unknown`` is never taken for the end of it."""

    state: Literal["queued", "running", "finished", "unknown"]
    start_time: datetime | None = None
    end_time: datetime | None = None
    info: Mapping[str, Any] = {}


class Scheduler(Protocol):
    """Allocations of one machine."""

    def submit(self, requests: Sequence[Request]) -> Sequence[Submitted]:
        """Ask for allocations; one that was asked for before is not asked for twice."""

    def statuses(self, scheduler_ids: Sequence[str]) -> Mapping[str, Status]:
        """Where these are."""

    def cancel(self, scheduler_ids: Sequence[str]) -> None:
        """End these; may be called again."""

    def queues(self) -> Mapping[str, Mapping[str, int]]:
        """Limits by queue name: max_nodes, max_walltime (minutes), max_queued_jobs."""
