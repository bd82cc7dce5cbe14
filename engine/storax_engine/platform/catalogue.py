"""The platform's catalogue, told of every change before the engine makes it: each is an event of the user's."""

from typing import Any

from storax.client import Client
from storax.errors import Conflict, NotFound, StaleVersion
from storax_engine.platform.jobs import Jobs

Row = dict[str, Any]

PAGE = 1000


class Catalogue:
    """Projects and data frames as rows of the platform. A call that fails raises, and nothing was changed."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def url(self) -> str:
        """The platform's address."""
        return self._client.url

    @property
    def jobs(self) -> Jobs:
        """The platform's jobs."""
        return Jobs(self._client)

    def open_project(self, name: str, engine: str, autosave: bool | None) -> Row:
        """The project's row, made where there is none."""
        patch: Row = {"engine": engine} | ({} if autosave is None else {"autosave": autosave})
        try:
            made: Row = self._client.request("POST", "/projects/", {"name": name, **patch})
            return made
        except Conflict:
            (row,) = self._all("projects", {"name": name})
        changes = {field: value for field, value in patch.items() if row[field] != value}
        if changes:
            row = self._client.request("PATCH", f"/projects/{row['id']}", changes)
        return row

    def delete_project(self, name: str) -> bool:
        """Delete the project's row with all that hangs on it; False where there was none."""
        return any(self._delete("projects", row["id"]) for row in self._all("projects", {"name": name}))

    def frames(self, project_id: int) -> list[Row]:
        """The rows of a project's data frames."""
        return self._all("data-frames", {"project_id": project_id})

    def create_frame(self, project_id: int, name: str, facts: Row) -> Row:
        """A new row, which is at version 1."""
        made: Row = self._client.request("POST", "/data-frames/", {"project_id": project_id, "name": name, **facts})
        return made

    def change_frame(self, row_id: int, version: int, patch: Row) -> int:
        """Change a row that is at this version; returns the new one.

        Raises:
            StaleVersion: someone else changed the row meanwhile.
            NotFound: someone else deleted it.
        """
        row = self._client.request("PATCH", f"/data-frames/{row_id}", {**patch, "if_version": version})
        return int(row["version"])

    def version_of(self, row_id: int) -> int:
        """The version at which a frame's row is now."""
        return int(self._client.request("GET", f"/data-frames/{row_id}")["version"])

    def delete_frame(self, row_id: int) -> None:
        """Delete a row; harmless where there is none any more."""
        self._delete("data-frames", row_id)

    def pipelines(self, project_id: int) -> list[Row]:
        """The rows of a project's pipelines."""
        return self._all("pipelines", {"project_id": project_id})

    def create_pipeline(self, project_id: int, facts: Row) -> Row:
        """A new row."""
        made: Row = self._client.request("POST", "/pipelines/", {"project_id": project_id, **facts})
        return made

    def change_pipeline(self, row_id: int, patch: Row) -> None:
        """Change a row."""
        self._client.request("PATCH", f"/pipelines/{row_id}", patch)

    def delete_pipeline(self, row_id: int) -> None:
        """Delete a row; harmless where there is none any more."""
        self._delete("pipelines", row_id)

    def _delete(self, path: str, row_id: int) -> bool:
        try:
            self._client.call("DELETE", f"/{path}/{row_id}")
        except NotFound:
            return False
        return True

    def _all(self, path: str, wanted: Row) -> list[Row]:
        rows: list[Row] = []
        ask: Row = {"filter": wanted, "ordering": ["id"], "limit": PAGE}
        while True:
            page = self._client.request("POST", f"/{path}/query", ask)
            rows += page["results"]
            if not page["next"]:
                return rows
            ask = {**ask, "cursor": page["next"]}


__all__ = ["Catalogue", "Row", "StaleVersion"]
