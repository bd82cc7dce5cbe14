"""TransferItem: one file or folder that comes in before a Job runs, or goes out after."""

from typing import Annotated, Literal

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storax_core.lifecycle.states import TRANSFER_TRANSITIONS, JobState, TransferState
from storax_core.resources import columns as c
from storax_core.resources.base import EQ, UPDATE, JoinFilter, Link, Mark, Resource, StateMachine
from storax_core.resources.types import BigId, InsidePath, JsonObject, ShortText, Tags


class TransferItem(SQLModel, table=True):
    """One file or folder that is copied before a Job runs (in) or after (out). Creating the Job creates it."""

    __tablename__ = "transfer_item"
    __table_args__ = (
        Index("transfer_job", "job_id"),
        Index("transfer_site_state", "site_id", "state", "id"),
        Index("transfer_owner", "owner_id", "id"),
    )

    id: c.Id = c.big("Server id.", primary_key=True)
    owner_id: int = c.big("User who owns it.")
    site_id: Annotated[BigId, Mark(filter=EQ)] = c.big("Site of the workdir.")
    job_id: Annotated[BigId, Mark(filter=EQ)] = c.big("Job it belongs to.")
    direction: Annotated[Literal["in", "out"], Mark(filter=EQ)] = c.text("in: before the run; out: after it.")
    local_path: Annotated[InsidePath, Mark()] = c.text("Path relative to the job's workdir.")
    location_alias: Annotated[ShortText, Mark(filter=EQ)] = c.text("Name of one of the site's transfer_locations.")
    remote_path: Annotated[ShortText, Mark()] = c.text("Absolute path at that location.")
    recursive: bool = Field(default=False, description="Whether it is a folder.")
    state: Annotated[TransferState, Mark(filter=EQ, write=UPDATE, order=True)] = c.text("State.")
    task_id: Annotated[ShortText | None, Mark(filter=EQ, write=UPDATE)] = c.text(
        "Id at the transfer service.", default=None
    )
    transfer_info: Annotated[JsonObject, Mark(write=UPDATE)] = c.json("Information of the transfer service.")
    version: c.Version = Field(description="Number of changes so far; 1 at creation.")
    creation_date: c.Stamp = c.when("When it was created.")
    last_update: c.Stamp = c.when("When it last changed.")


TRANSFERS: Resource = Resource(
    TransferItem,
    entity="transfer_item",
    path="transfers",
    python_name="TransferItem",
    parent=Link("job_id", "job"),
    machine=StateMachine(TRANSFER_TRANSITIONS),
    verbs=("list", "read", "update"),
    join_filters=(
        JoinFilter(
            "job_state",
            JobState,
            "SELECT id FROM job_state WHERE state = ANY({value}::text[])",
            "State of its job, or any of a list.",
            many=True,
            key="job_id",
        ),
        JoinFilter(
            "tags",
            Tags,
            "SELECT id FROM job WHERE tags @> {value}::jsonb",
            "Tags of its job contain all of these.",
            key="job_id",
        ),
    ),
)
