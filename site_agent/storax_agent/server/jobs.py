"""Files of jobs: what to transfer, and what to clean."""

from collections.abc import Iterable, Sequence

from storax_agent.server.connection import Connection, Row
from storax_agent.server.storable import storable


class JobCalls(Connection):
    """TransferItems, and the jobs that they belong to."""

    def transfers(self, site_id: int, states: Sequence[str], *, limit: int, without: Sequence[str] = ()) -> list[Row]:
        """The site's TransferItems in these states, oldest first, but for those ``without`` locations."""
        only: Row = {"site_id": site_id, "state": list(states)}
        return self.query("transfers", only | ({"location_alias__ne": list(without)} if without else {}), limit=limit)

    def jobs_brief(self, ids: Iterable[int]) -> dict[int, Row]:
        """App, workdir and state by job id."""
        wanted = sorted(ids)
        rows = self.query("jobs", {"id": wanted}, fields=["id", "app_id", "workdir", "state"]) if wanted else []
        return {row["id"]: row for row in rows}

    def update_transfers(self, patches: Sequence[Row]) -> None:
        """Change TransferItems, all or none."""
        self.call("PATCH", "/transfers/", storable(patches))

    def jobs_to_clean(self, site_id: int, app_ids: Sequence[int], *, limit: int) -> list[Row]:
        """Finished jobs of these Apps whose files are still to be cleaned."""
        only = {"site_id": site_id, "app_id": list(app_ids), "state": "JOB_FINISHED", "pending_file_cleanup": True}
        return self.query("jobs", only, limit=limit, fields=["id", "app_id", "workdir"])

    def update_jobs(self, patches: Sequence[Row]) -> None:
        """Change Jobs, all or none."""
        self.call("PATCH", "/jobs/", patches)
