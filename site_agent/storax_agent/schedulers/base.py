"""The interface that the agent uses: what every scheduler does, the local one too.

All calls take and return batches, and none waits for an allocation. The interface that a batch system's own file
implements is ``vendor.py``.
"""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

# By queue name: max_nodes, max_walltime (minutes), max_queued_jobs; and cores, those of its smallest node.
Limits = Mapping[str, Mapping[str, int]]

BEGAN = "STORAX_BEGAN"  # Unix time at which the wall time began to count; from the job script


def runner_command(site: Path, batch_job_id: int) -> list[str]:
    """Return the command of the runner of a BatchJob of the site in this folder."""
    return [sys.executable, "-P", "-m", "storax_agent", "run", str(site), "--batch-job", str(batch_job_id)]


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
    """What the scheduler said: its own id, or why it refused. ``again``: it gave no clear answer, so ask later."""

    batch_job_id: int
    scheduler_id: str | None
    error: str = ""
    again: bool = False


class Status(NamedTuple):
    """Where an allocation is. ``unknown`` is never taken for the end of it. Times are aware UTC."""

    state: Literal["queued", "running", "finished", "unknown"]
    start_time: datetime | None = None
    end_time: datetime | None = None
    info: Mapping[str, Any] = {}


class SchedulerSnapshot(NamedTuple):
    """What the scheduler could give now, by queue: ``{num_nodes, wall_time_min}`` each; and the owner's own jobs, by
    scheduler id: ``{state, queue, num_nodes, wall_time_min}``."""

    backfill_windows: Mapping[str, Sequence[Mapping[str, int]]]
    queued_jobs: Mapping[str, Mapping[str, Any]]


class Scheduler(Protocol):
    """Allocations of one machine. No call raises for a scheduler that hangs, fails or prints nonsense."""

    def submit(self, requests: Sequence[Request]) -> Sequence[Submitted]:
        """Ask for allocations; one that was asked for before is not asked for twice."""

    def find(self, batch_job_ids: Sequence[int]) -> Mapping[int, str] | None:
        """The scheduler's ids of those that were asked for before; None where it gave no clear answer."""

    def statuses(self, scheduler_ids: Sequence[str]) -> Mapping[str, Status]:
        """Where these are."""

    def cancel(self, scheduler_ids: Sequence[str]) -> None:
        """End these; may be called again."""

    def queues(self) -> Limits:
        """Limits by queue name: max_nodes, max_walltime (minutes), max_queued_jobs, cores; those that it tells."""

    def snapshot(self) -> SchedulerSnapshot | None:
        """Idle nodes and the owner's jobs; None where it gave no clear answer."""
