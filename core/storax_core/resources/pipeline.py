"""Pipeline: what the catalogue knows of a pipeline; what it learned is in the engine that holds the project."""

from typing import Annotated

from pydantic import Strict
from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storax_core.resources import columns as c
from storax_core.resources.base import BOTH, CREATE, EQ, NUMBER, TEXT, Link, Mark, Resource
from storax_core.resources.types import BigId, JsonList, JsonObject, Name

Edition = Annotated[int, Strict(), Field(ge=1, le=2**31 - 1)]


class Pipeline(SQLModel, table=True):
    """The catalogue's description of one fit of a pipeline. The fitted pipeline is in the engine."""

    __tablename__ = "pipeline"
    __table_args__ = (
        Index("pipeline_project_name", "project_id", "name", "edition", unique=True),
        Index("pipeline_owner", "owner_id", "id"),
    )

    id: c.Id = c.big("Server id.", primary_key=True)
    owner_id: int = c.big("User who owns it.")
    project_id: Annotated[BigId, Mark(filter=EQ[:2], write=CREATE, order=True)] = c.big("Project it belongs to.")
    name: Annotated[Name, Mark(filter=TEXT, write=CREATE, order=True)] = c.text("Name; each fit is an edition of it.")
    edition: Annotated[Edition, Mark(filter=NUMBER[:-1], write=CREATE, order=True)] = Field(
        default=1, description="Number of the fit with this name; 1 is the first."
    )
    params: Annotated[JsonObject, Mark(write=CREATE)] = c.json("Data model, learners, predictors and their parameters.")
    frames: Annotated[JsonObject, Mark(write=CREATE)] = c.json("Data frames it was fitted on: {name: edition}.")
    job_id: Annotated[BigId | None, Mark(filter=EQ, write=CREATE)] = c.big("Job that fitted it.", default=None)
    targets: Annotated[JsonList, Mark(write=CREATE)] = c.json("Names of the target columns.", list)
    tags: Annotated[JsonList, Mark(write=BOTH)] = c.json("Labels.", list)
    scores: Annotated[JsonList, Mark(write=BOTH)] = c.json("Every score so far, oldest first.", list)
    last_change: Annotated[JsonObject, Mark(write=BOTH)] = c.json(
        "The last change: {action, ...}. Each event has its own."
    )
    version: c.Version = Field(description="Number of changes so far; 1 at creation.")
    creation_date: c.Stamp = c.when("When it was created.")
    last_update: c.Stamp = c.when("When it last changed.")


PIPELINES: Resource = Resource(
    Pipeline,
    entity="pipeline",
    path="pipelines",
    python_name="PipelineRecord",
    parent=Link("project_id", "project"),
    unique=(("project_id", "name", "edition"),),
)
