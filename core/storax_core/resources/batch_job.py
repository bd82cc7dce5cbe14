"""BatchJob: an allocation asked of a Site's scheduler, inside which a launcher runs Jobs."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Strict
from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel
from typing_extensions import TypedDict

from storax_core.lifecycle.states import BATCH_JOB_TRANSITIONS, BatchJobState
from storax_core.resources import columns as c
from storax_core.resources.base import CREATE, EQ, JSON, TEXT, TIME, UPDATE, Link, Mark, Resource, StateMachine
from storax_core.resources.types import BigId, Count, JsonObject, ShortText, Tags, TextMap, UtcTime

Minutes = Annotated[int, Strict(), Field(ge=1, le=5_256_000)]


# Of the BatchJobs that wait for a session to submit them, in SQL.
SUBMITTABLE = f"state = '{BatchJobState.PENDING_SUBMISSION}' AND session_id IS NULL"


class _Partition(TypedDict, total=False):
    """A part of an allocation with a launcher of its own; what it leaves out is the BatchJob's."""

    job_mode: Literal["mpi", "serial"]
    num_nodes: Count
    filter_tags: Tags


_Partition.__pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[attr-defined]


def _no_other(value: Any) -> Any:
    """A misspelt ``filter_tags`` would let all jobs into the partition: say so, with the right names."""
    for name in value if isinstance(value, dict) else ():
        if name not in _Partition.__annotations__:
            names = ", ".join(_Partition.__annotations__)
            raise ValueError(f"a partition has no field {str(name)[:80]!r}; it has {names}")
    return value


Partition = Annotated[_Partition, BeforeValidator(_no_other)]
Partitions = Annotated[list[Partition] | None, Field(max_length=10_000)]


# What the ids of all schedulers have in common: nothing that a command could take for an option, or for all jobs (0).
SCHEDULER_ID = re.compile(r"(?!0+$)[A-Za-z0-9][A-Za-z0-9_.@\[\]-]{0,255}")


def _scheduler_id(value: str) -> str:
    if not SCHEDULER_ID.fullmatch(value):
        raise ValueError("an id of a scheduler is needed, such as 1234 or 1234.server")
    return value


SchedulerId = Annotated[str, AfterValidator(_scheduler_id)]


class BatchJob(SQLModel, table=True):
    """A request for one allocation of a Site's scheduler. A runner inside it runs Jobs."""

    __tablename__ = "batch_job"
    __table_args__ = (
        Index("batch_job_site_state", "site_id", "state", "id"),
        Index("batch_job_owner", "owner_id", "id"),
    )

    id: c.Id = c.big("Server id.", primary_key=True)
    owner_id: int = c.big("User who owns it.")
    site_id: Annotated[BigId, Mark(filter=EQ, write=CREATE)] = c.big("Site of the scheduler.")
    project: Annotated[ShortText, Mark(filter=TEXT, write=CREATE)] = c.text("Project to charge.", default="")
    queue: Annotated[ShortText, Mark(filter=TEXT, write=CREATE)] = c.text("Queue of the scheduler.", default="")
    num_nodes: Annotated[Count, Mark(filter=("eq", "gte", "lte"), write=CREATE, order=True)] = Field(
        default=1, description="Nodes."
    )
    wall_time_min: Annotated[Minutes, Mark(filter=("eq", "gte", "lte"), write=CREATE)] = Field(
        default=60, description="Wall time, in minutes."
    )
    job_mode: Annotated[Literal["mpi", "serial"], Mark(filter=EQ, write=CREATE)] = c.text(
        "mpi: one launch per job over nodes; serial: many single-node jobs.", default="serial"
    )
    optional_params: Annotated[TextMap, Mark(write=CREATE)] = c.json("Extra parameters of the site's job script.")
    filter_tags: Annotated[Tags, Mark(filter=JSON, write=CREATE)] = c.json("Only jobs with these tags run in it.")
    partitions: Annotated[Partitions, Mark(write=CREATE)] = Field(
        default=None,
        sa_type=JSONB(none_as_null=True),
        nullable=True,
        description="[{job_mode, num_nodes, filter_tags}]: parts with a launcher each; num_nodes defaults to 1, and"
        " their sum is at most the BatchJob's.",
    )
    scheduler_id: Annotated[SchedulerId | None, Mark(filter=TEXT, write=UPDATE)] = c.text(
        "Id at the scheduler. The agent sets it.", default=None
    )
    status_info: Annotated[JsonObject, Mark(write=UPDATE)] = c.json("Information of the scheduler and the runner.")
    start_time: Annotated[UtcTime | None, Mark(filter=TIME, write=UPDATE, order=True)] = c.when("Start.", default=None)
    end_time: Annotated[UtcTime | None, Mark(filter=TIME, write=UPDATE, order=True)] = c.when("End.", default=None)
    state: Annotated[BatchJobState, Mark(filter=EQ, write=UPDATE, order=True)] = c.text(
        "State of the request.", default=BatchJobState.PENDING_SUBMISSION
    )
    session_id: Annotated[BigId | None, Mark(filter=EQ)] = c.big("Session that submits it.", default=None)
    lease_epoch: Annotated[int, Mark()] = Field(default=0, description="Epoch of the lease; grows with each lease.")
    version: c.Version = Field(description="Number of changes so far; 1 at creation.")
    creation_date: c.Stamp = c.when("When it was created.")
    last_update: c.Stamp = c.when("When it last changed.")


BATCH_JOBS: Resource = Resource(
    BatchJob,
    entity="batch_job",
    path="batch-jobs",
    python_name="BatchJob",
    parent=Link("site_id", "site"),
    machine=StateMachine(BATCH_JOB_TRANSITIONS),
    remembered="CASE WHEN t.scheduler_id IS NOT NULL THEN jsonb_build_object('scheduler_id', t.scheduler_id) END",
)
