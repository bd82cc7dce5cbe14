"""Session: a lease holder. Jobs it acquired are its own until it ends, or is not heard for ``ttl_sec``."""

from typing import Annotated

from pydantic import Strict
from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storax_core.resources import columns as c
from storax_core.resources.base import CREATE, EQ, TIME, Link, Mark, Resource
from storax_core.resources.types import BigId, UtcTime

Ttl = Annotated[int, Strict(), Field(ge=5, le=86_400)]


class Session(SQLModel, table=True):
    """A lease holder. Its leases end when it ends, or after ``ttl_sec`` seconds without a heartbeat."""

    __tablename__ = "session"
    __table_args__ = (Index("session_expiry", "expires_at"), Index("session_owner", "owner_id", "id"))

    id: c.Id = c.big("Server id.", primary_key=True)
    owner_id: int = c.big("User who owns it.")
    site_id: Annotated[BigId, Mark(filter=EQ, write=CREATE)] = c.big("Site whose jobs it acquires.")
    batch_job_id: Annotated[BigId | None, Mark(filter=EQ, write=CREATE)] = c.big("BatchJob it runs in.", default=None)
    ttl_sec: Annotated[Ttl, Mark(write=CREATE)] = Field(
        default=60, description="Seconds without heartbeat until it expires."
    )
    heartbeat: Annotated[UtcTime | None, Mark(filter=TIME, volatile=True)] = c.when(
        "Time of the last heartbeat.", default=None
    )
    expires_at: Annotated[UtcTime | None, Mark(filter=TIME, volatile=True)] = c.when(
        "Time at which its leases end without a further heartbeat.", default=None
    )
    version: c.Version = Field(description="Number of changes so far; 1 at creation.")
    creation_date: c.Stamp = c.when("When it was created.")
    last_update: c.Stamp = c.when("When it last changed.")


SESSIONS: Resource = Resource(
    Session,
    entity="session",
    path="sessions",
    python_name="Session",
    parent=Link("site_id", "site"),
    verbs=("list", "read", "create", "delete"),
)
