"""What Sessions can do beyond being rows: take jobs, stay alive, report."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from storax._orm.instance import Model
from storax._orm.rows import from_object
from storax._runtime.json import dumps
from storax.models.job_rules import Takeable

if TYPE_CHECKING:
    from storax.models.job import Job


class SessionBase(Model):
    """The hand-written half of Session."""

    __slots__ = ()

    def acquire_jobs(
        self,
        *,
        max_num_jobs: int = 1,
        max_wall_time_min: int | None = None,
        max_nodes_per_job: int | None = None,
        max_aggregate_nodes: float | None = None,
        serial_only: bool = False,
        sort_by: Literal["long_large_first"] | None = None,
        filter_tags: Mapping[str, str] | None = None,
        states: "Iterable[Takeable] | None" = None,
        app_ids: Iterable[int] | None = None,
        wait: float = 0,
    ) -> "list[Job]":
        """Lease runnable jobs; each carries its ``lease_epoch``, which a report must name.

        Args:
            max_num_jobs: At most this many, 1 to 2048.
            max_wall_time_min: No job longer than this, in minutes; None sets no limit, 0 is a limit of 0.
            max_nodes_per_job: No job wider than this.
            max_aggregate_nodes: Limit of the sum of num_nodes / node_packing_count.
            serial_only: Only jobs of one node and one rank.
            sort_by: Packing order; by default priority, then age.
            filter_tags: Only jobs with these tags.
            states: Runnable states, with those in which a hook is to run; by default all of them.
            app_ids: Only jobs of these Apps.
            wait: Seconds to wait for the first, where none is runnable; at most 60.

        Raises:
            DoesNotExist: The session has expired; its jobs were taken away.
        """
        from storax.models.job import Job

        ask = {
            "max_num_jobs": max_num_jobs,
            "max_wall_time_min": max_wall_time_min,
            "max_nodes_per_job": max_nodes_per_job,
            "max_aggregate_nodes": max_aggregate_nodes,
            "serial_only": serial_only,
            "sort_by": sort_by,
            "filter_tags": dict(filter_tags or {}),
            "states": None if states is None else list(states),
            "app_ids": None if app_ids is None else list(app_ids),
        }
        body = {name: value for name, value in ask.items() if not (value is None or value is False or value == {})}
        client = self._home()
        found = self._ask("POST", "used", dumps(body), path="/acquire", params={"wait": wait}, patience=wait).json()
        return [from_object(Job, row, client) for row in found["jobs"]]

    def tick(self) -> list[dict[str, Any]]:
        """Say that the session lives. Returns the jobs to stop, as ``{"id", "lease_epoch"}``.

        Raises:
            DoesNotExist: The session has expired; its jobs were taken away.
        """
        found = self._ask("POST", "used", path="/heartbeat").json()
        cancels: list[dict[str, Any]] = found["cancel"]
        return cancels

    def report(self, reports: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Tell what became of leased jobs; safe to repeat. Returns ``{"accepted", "refused", "cancel"}``."""
        found: dict[str, Any] = self._ask("POST", "used", dumps({"reports": list(reports)}), path="/report").json()
        return found
