"""The methods of Session: lease jobs, send heartbeats, report."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from storax._orm.instance import Model
from storax._orm.rows import from_objects
from storax._runtime.json import dumps
from storax.models.job_rules import Takeable

if TYPE_CHECKING:
    from storax.models.job import Job


class SessionBase(Model):
    """The hand-written half of Session: leasing jobs, heartbeats, reports."""

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
        """Lease runnable jobs and return them; each has a ``lease_epoch``, which a report must name.

        Args:
            max_num_jobs: Jobs at most, 1 to 2048; by default 1.
            max_wall_time_min: Expected run time (``wall_time_min``) of a job at most, in minutes; None, the default,
                sets no limit.
            max_nodes_per_job: Nodes of a job at most; None, the default, sets no limit.
            max_aggregate_nodes: Limit of the sum of num_nodes / node_packing_count; None, the default, sets none.
            serial_only: Whether to lease only jobs of one node and one rank; by default False.
            sort_by: ``long_large_first``, for packing; None, the default, sorts by priority, then age.
            filter_tags: Tags that a job must have; by default none.
            states: States of the jobs; None, the default, means those that may run: PREPROCESSED and RESTART_READY.
                Jobs in STAGED_IN, RUN_DONE, RUN_ERROR and RUN_TIMEOUT wait for a hook, which the holder must run.
            app_ids: Ids of the Apps whose jobs are leased; None, the default, means all.
            wait: Seconds to wait for the first job where none is runnable, 0 to 60; by default 0. The server waits
                at most half of ``ttl_sec``, because only a call that arrives keeps the session alive.

        Raises:
            DoesNotExist: The session has expired; its jobs were taken away.
        """
        from storax.models.job import Job

        options = {
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
        body = {name: value for name, value in options.items() if not (value is None or value is False or value == {})}
        client = self._home()
        reply = self._ask("POST", "used", dumps(body), path="/acquire", params={"wait": wait}, patience=wait).json()
        return from_objects(Job, reply["jobs"], client)

    def tick(self) -> list[dict[str, Any]]:
        """Send a heartbeat, and return the jobs to stop, each as ``{"id": int, "lease_epoch": int}``.

        Raises:
            DoesNotExist: The session has expired; its jobs were taken away.
        """
        reply = self._ask("POST", "used", path="/heartbeat").json()
        jobs_to_stop: list[dict[str, Any]] = reply["cancel"]
        return jobs_to_stop

    def report(self, reports: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Report the outcomes of leased jobs; safe to repeat. Return ``{"accepted", "refused", "cancel"}``, a dict."""
        reply: dict[str, Any] = self._ask("POST", "used", dumps({"reports": list(reports)}), path="/report").json()
        return reply
