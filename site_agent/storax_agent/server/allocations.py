"""BatchJobs: which to submit, where they are, and how much work there is for them."""

from collections.abc import Mapping, Sequence
from typing import Any

from storax_agent.server.connection import Connection, Row
from storax_agent.server.storable import storable


class AllocationCalls(Connection):
    """BatchJobs of a site."""

    def acquire_batch_jobs(self, session: int, number: int, *, wait: float) -> list[Row]:
        """Lease BatchJobs that wait for submission."""
        row, _ = self.long_poll(f"/sessions/{session}/acquire-batch-jobs", {"max_num": number}, wait)
        return list(row["batch_jobs"])

    def batch_jobs(self, site_id: int, states: Sequence[str]) -> list[Row]:
        """The site's BatchJobs in these states."""
        return self.query("batch-jobs", {"site_id": site_id, "state": list(states)})

    def batch_job(self, batch_job_id: int) -> Row:
        """One BatchJob."""
        return self.get(f"/batch-jobs/{batch_job_id}")

    def create_batch_job(self, fields: Mapping[str, Any]) -> int:
        """Ask for an allocation; returns its id."""
        return int(self.post("/batch-jobs/", fields)["id"])

    def last_batch_jobs(self, site_id: int, states: Sequence[str], *, limit: int) -> list[Row]:
        """The newest BatchJobs in these states, newest first."""
        only = {"site_id": site_id, "state": list(states)}
        body = {"filter": only, "ordering": ["-id"], "limit": limit}
        return list(self.row(self.call("POST", "/batch-jobs/query", body))["results"])

    def footprint(self, only: Mapping[str, Any], **on: Any) -> Row:
        """What the jobs that match would fill: ``num_jobs``, ``nodes``, ``max_nodes``, ``max_wall_time_min``. ``on``
        says of what nodes: ``node``, ``whole_nodes``, ``fitting``."""
        return self.post("/jobs/footprint", {"filter": dict(only), **on})

    def update_batch_jobs(self, patches: Sequence[Row]) -> None:
        """Change BatchJobs, all or none."""
        self.call("PATCH", "/batch-jobs/", storable(patches))
