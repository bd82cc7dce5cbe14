"""The records of the platform that describe what the engine holds: projects, data frames and pipelines.

The engine changes a record before it changes what it holds, and each change is one event of the user's.
"""

from typing import Any

from storax._orm.rows import to_object
from storax.client import Client
from storax.errors import Conflict, DoesNotExist
from storax.models.data_frame_record import DataFrameRecord, DataFrameRecordManager
from storax.models.pipeline_record import PipelineRecord, PipelineRecordManager
from storax.models.project_record import ProjectRecord, ProjectRecordManager
from storax_engine.platform.jobs import Jobs


class Catalogue:
    """The records, bound to the engine's client. A call that fails raises, and the platform is as before."""

    def __init__(self, client: Client) -> None:
        self.jobs = Jobs(client)
        self._projects = ProjectRecordManager(client=client)
        self._frames = DataFrameRecordManager(client=client)
        self._pipelines = PipelineRecordManager(client=client)

    def open_project(self, name: str, engine: str, autosave: bool | None) -> ProjectRecord:
        """Return the project's record, created if missing; ``autosave`` None leaves that setting alone."""
        settings: dict[str, Any] = {"engine": engine} | ({} if autosave is None else {"autosave": autosave})
        try:
            return self._projects.create(name=name, **settings)
        except Conflict:
            record = self._projects.get(name=name)
        current = to_object(record)
        changes = {field: value for field, value in settings.items() if current[field] != value}
        if changes:
            record._change(changes)
        return record

    def delete_project(self, name: str) -> bool:
        """Delete the project's record with its data frames and pipelines; False where there was none."""
        record = self._projects.filter(name=name).first()
        return record is not None and delete(record)

    def frames(self, project_id: int) -> list[DataFrameRecord]:
        """Return the records of a project's data frames."""
        return list(self._frames.filter(project_id=project_id))

    def create_frame(self, project_id: int, name: str, facts: dict[str, Any]) -> DataFrameRecord:
        """Create the record of a data frame, at version 1."""
        return self._frames.create(project_id=project_id, name=name, **facts)

    def pipelines(self, project_id: int) -> list[PipelineRecord]:
        """Return the records of a project's pipelines."""
        return list(self._pipelines.filter(project_id=project_id))

    def create_pipeline(self, project_id: int, facts: dict[str, Any]) -> PipelineRecord:
        """Create the record of a fit."""
        return self._pipelines.create(project_id=project_id, **facts)


def delete(record: ProjectRecord | DataFrameRecord | PipelineRecord) -> bool:
    """Delete a record; False where it was deleted before."""
    try:
        record.delete()
    except DoesNotExist:
        return False
    return True
