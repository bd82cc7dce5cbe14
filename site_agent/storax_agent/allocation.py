"""The limits of a runner that works inside a BatchJob."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

IDLE_SEC = 60.0  # without work for this long, the allocation ends before its time
MARGIN_SEC = 5.0  # before the wall time, so that what happened is reported before the scheduler kills the runner


@dataclass
class Allocation:
    """One BatchJob from the inside. Times are seconds of the monotonic clock."""

    batch_job_id: int
    wall_sec: float
    filter_tags: Mapping[str, str] = field(default_factory=dict)
    idle_sec: float = IDLE_SEC
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Allocation":
        """From the BatchJob as the server gives it."""
        return cls(row["id"], 60.0 * row["wall_time_min"], row.get("filter_tags") or {})

    @property
    def left_sec(self) -> float:
        """Seconds until the runner must be done."""
        return self.began + self.wall_sec - MARGIN_SEC - time.monotonic()

    def limits(self) -> dict[str, Any]:
        """What may be leased: jobs with the tags that still fit; whole minutes, and never zero for "no limit"."""
        return {"max_wall_time_min": max(0, int(self.left_sec // 60)), "filter_tags": dict(self.filter_tags)}

    def over(self, *, busy: bool, active: float) -> bool:
        """Whether it is time to end: the wall time, or no work since ``active``."""
        return self.left_sec <= 0 or (not busy and time.monotonic() - active > self.idle_sec)
