"""Site: a place where jobs run, with one agent that pulls its work."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storax_core.resources import columns as c
from storax_core.resources.base import BOTH, EQ, TEXT, TIME, Mark, Resource
from storax_core.resources.types import JsonList, JsonObject, Name, ShortText, TextMap, UtcTime


class AgentStatus(BaseModel):
    """What an agent says of itself; what later releases say beyond it is ignored."""

    version: ShortText = Field(default="", description="Its release.")
    unreported: int = Field(default=0, ge=0, le=2**53, description="Runs whose reports wait in its outbox.")
    free_disk_mb: int | None = Field(
        default=None, ge=0, le=2**53, description="Free MiB of the folder with the least room; null: not read yet."
    )


class Site(SQLModel, table=True):
    """A place where jobs run: a machine or a cluster. One agent serves it."""

    __tablename__ = "site"
    __table_args__ = (Index("site_owner_name", "owner_id", "name", unique=True),)

    id: c.Id = c.big("Server id.", primary_key=True)
    owner_id: int = c.big("User who owns it.")
    name: Annotated[Name, Mark(filter=TEXT, write=BOTH, order=True)] = c.text("Unique among the owner's sites.")
    path: Annotated[ShortText, Mark(filter=TEXT, write=BOTH)] = c.text("Absolute path of the site folder.", default="")
    globus_endpoint_id: Annotated[UUID | None, Mark(filter=EQ, write=BOTH)] = Field(
        default=None, description="Globus endpoint at this site."
    )
    backfill_windows: Annotated[JsonObject, Mark(write=BOTH)] = c.json(
        "Idle nodes by queue: {queue: [{num_nodes, wall_time_min}]}. The agent writes it."
    )
    queued_jobs: Annotated[JsonObject, Mark(write=BOTH)] = c.json(
        "Scheduler jobs by scheduler id. The agent writes it."
    )
    optional_batch_job_params: Annotated[TextMap, Mark(write=BOTH)] = c.json(
        "Extra BatchJob parameters and their defaults."
    )
    allowed_projects: Annotated[JsonList, Mark(write=BOTH)] = c.json("Projects a BatchJob may charge.", list)
    allowed_queues: Annotated[JsonObject, Mark(write=BOTH)] = c.json(
        "Limits by queue: {queue: {max_nodes, max_walltime, max_queued_jobs, cores, gpus, memory_mb}}."
    )
    elastic_queues: Annotated[JsonList, Mark(write=BOTH)] = c.json(
        "Elastic queues of its agent: [{queue, job_mode, max_nodes, wall_time_min, filter_tags, node}]. The agent"
        " writes it.",
        list,
    )
    transfer_locations: Annotated[TextMap, Mark(write=BOTH)] = c.json("URL of each transfer location, by alias.")
    node_size: Annotated[JsonObject, Mark(write=BOTH)] = c.json(
        "Size of the agent's own node: {cores, gpus, memory_mb}, 0: unknown; empty if only allocations run jobs. The"
        " agent writes it."
    )
    failing_loops: Annotated[JsonObject, Mark(write=BOTH)] = c.json(
        "Loops of its agent that fail now: {loop: {error, since}}. The agent writes it at each change."
    )
    set_aside: Annotated[JsonObject, Mark(write=BOTH)] = c.json(
        "Records of its agent that could not be read, or that the server refused for good: {count, newest: [{name,"
        " reason, at}]}; empty: none. The agent writes it at each change."
    )
    agent_status: Annotated[JsonObject, Mark(volatile=True)] = c.json(
        "What its agent said of itself with its last heartbeat: {version, unreported, free_disk_mb}: its release, the"
        " number of runs whose reports wait in its outbox, and the free MiB of its folders; empty: it said nothing."
    )
    last_refresh: Annotated[UtcTime | None, Mark(filter=TIME, order=True, volatile=True)] = c.when(
        "Time of the agent's last heartbeat, by the server's clock.", default=None
    )
    version: c.Version = Field(description="Number of changes so far; 1 at creation.")
    creation_date: c.Stamp = c.when("When it was created.")
    last_update: c.Stamp = c.when("When it last changed.")


SITES: Resource = Resource(
    Site,
    entity="site",
    path="sites",
    python_name="Site",
    unique=(("owner_id", "name"),),
    event_versions={"created": 2},
)
