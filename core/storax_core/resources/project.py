"""Project: a name for the data frames and pipelines of an engine that belong together."""

from typing import Annotated

from pydantic import AfterValidator
from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storax_core.resources import columns as c
from storax_core.resources.base import BOTH, CREATE, EQ, TEXT, Mark, Resource
from storax_core.resources.types import Flag, Name, ShortText


def folder_name(value: str) -> str:
    """A name that is a folder's as well: no separators, no leading dot, no '..'."""
    if value.startswith(".") or value != value.strip() or any(sign in value for sign in ("/", "\\", "..")):
        raise ValueError("a project's name becomes a folder: no '/', no '\\', no '..', no leading dot or outer blank")
    return value


ProjectName = Annotated[Name, AfterValidator(folder_name)]


class Project(SQLModel, table=True):
    """A named set of data frames and pipelines in an engine."""

    __tablename__ = "project"
    __table_args__ = (Index("project_owner_name", "owner_id", "name", unique=True),)

    id: c.Id = c.big("Server id.", primary_key=True)
    owner_id: int = c.big("User who owns it.")
    name: Annotated[ProjectName, Mark(filter=TEXT, write=CREATE, order=True)] = c.text(
        "Unique among the owner's projects."
    )
    engine: Annotated[ShortText, Mark(filter=TEXT, write=BOTH)] = c.text(
        "Engine that last opened it, as host:folder.", default=""
    )
    autosave: Annotated[Flag, Mark(filter=EQ[:1], write=BOTH)] = Field(
        default=False, description="Whether the engine saves each data frame after every change."
    )
    version: c.Version = Field(description="Number of changes so far; 1 at creation.")
    creation_date: c.Stamp = c.when("When it was created.")
    last_update: c.Stamp = c.when("When it last changed.")


PROJECTS: Resource = Resource(
    Project, entity="project", path="projects", python_name="ProjectRecord", unique=(("owner_id", "name"),)
)
