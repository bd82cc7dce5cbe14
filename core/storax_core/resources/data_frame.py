"""DataFrame: what the catalogue knows of a data frame; its rows are in the engine that holds the project."""

from typing import Annotated

from pydantic import Strict
from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from storax_core.resources import columns as c
from storax_core.resources.base import BOTH, CREATE, EQ, NUMBER, TEXT, Link, Mark, Resource
from storax_core.resources.types import MAX_ID, BigId, Flag, JsonList, JsonObject, Name

Size = Annotated[int, Strict(), Field(ge=0, le=MAX_ID)]
Edition = Annotated[int, Strict(), Field(ge=0, le=2**31 - 1)]


class DataFrame(SQLModel, table=True):
    """The catalogue's description of a data frame. Its rows are in the engine."""

    __tablename__ = "data_frame"
    __table_args__ = (
        Index("data_frame_project_name", "project_id", "name", unique=True),
        Index("data_frame_owner", "owner_id", "id"),
    )

    id: c.Id = c.big("Server id.", primary_key=True)
    owner_id: int = c.big("User who owns it.")
    project_id: Annotated[BigId, Mark(filter=EQ[:2], write=CREATE, order=True)] = c.big("Project it belongs to.")
    name: Annotated[Name, Mark(filter=TEXT, write=CREATE, order=True)] = c.text("Unique in its project.")
    columns: Annotated[JsonList, Mark(write=BOTH)] = c.json(
        "[{name, role, dtype, unit}], in their order; subroles too, of a column that has some.", list
    )
    nrows: Annotated[Size, Mark(filter=NUMBER[:-1], write=BOTH, order=True)] = Field(
        default=0, sa_type=BigInteger, description="Number of rows."
    )
    nbytes: Annotated[Size, Mark(filter=NUMBER[:-1], write=BOTH, order=True)] = Field(
        default=0, sa_type=BigInteger, description="Bytes of its columns in memory."
    )
    in_memory: Annotated[Flag, Mark(filter=EQ[:1], write=BOTH)] = Field(
        default=True, description="Whether the engine holds it in memory."
    )
    edition: Annotated[Edition, Mark(filter=NUMBER[:-1], write=BOTH)] = Field(
        default=1, description="Number of changes of its rows, columns and roles so far; 1 at creation."
    )
    saved_edition: Annotated[Edition | None, Mark(filter=NUMBER, write=BOTH)] = Field(
        default=None, description="Edition on the engine's disk; null: never saved."
    )
    last_change: Annotated[JsonObject, Mark(write=BOTH)] = c.json(
        "The last change: {action, ...}. Each event has its own."
    )
    version: c.Version = Field(description="Number of changes so far; 1 at creation.")
    creation_date: c.Stamp = c.when("When it was created.")
    last_update: c.Stamp = c.when("When it last changed.")


DATA_FRAMES: Resource = Resource(
    DataFrame,
    entity="data_frame",
    path="data-frames",
    python_name="DataFrameRecord",
    parent=Link("project_id", "project"),
    unique=(("project_id", "name"),),
)
