"""EventLog: one record for every create, update, delete and transition. Appended once, never changed."""

from typing import Annotated
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index, SmallInteger, text
from sqlmodel import Field, SQLModel

from storax_core.resources import columns as c
from storax_core.resources.base import EQ, JSON, NUMBER, TIME, JoinFilter, Mark, Resource
from storax_core.resources.types import BigId, JsonObject, ShortText, Tags, UtcTime

# What a row was is kept with its end: {"last": {...}}.
REMEMBERED = "('job.deleted', 'batch_job.deleted')"


class Event(SQLModel, table=True):
    """One change of one resource: who changed it, when, in which call, and what changed."""

    __tablename__ = "event_log"
    __table_args__ = (
        Index("event_entity_version", "entity", "entity_id", "version", unique=True),
        Index("event_owner", "owner_id", "position"),
        Index("event_actor", "owner_id", "actor", "position"),
        Index("event_command", "command_id"),
        Index("event_of_no_job", "owner_id", "entity", "position", postgresql_where=text("entity <> 'job'")),
        Index("event_time", "timestamp", postgresql_using="brin"),
        Index(
            "event_last",
            "data",
            postgresql_using="gin",
            postgresql_ops={"data": "jsonb_path_ops"},
            postgresql_where=text(f"type IN {REMEMBERED}"),
        ),
        Index(
            "event_taken",
            text("((data ->> 'batch_job_id')::bigint)"),
            postgresql_where=text("type = 'job.leased' AND (data ->> 'batch_job_id') IS NOT NULL"),
        ),
    )

    # The transaction id is drawn before the position: a writer owns an xid before it holds a place in the order.
    tx: Annotated[str | None, Mark(secret=True)] = Field(
        sa_column=Column("tx", c.Xid8(), nullable=False, server_default=text("pg_current_xact_id()"))
    )
    position: Annotated[int, Mark(filter=NUMBER, order=True)] = Field(
        sa_column=Column(BigInteger, Identity(always=True), primary_key=True),
        description="Position in the log; grows, with gaps.",
    )
    timestamp: Annotated[UtcTime, Mark(filter=TIME, order=True)] = c.when(
        "Time of the change, by the database's clock."
    )
    owner_id: int = c.big("User whose thing changed.")
    site_id: Annotated[BigId | None, Mark(filter=EQ)] = c.big("Site of the resource.", default=None)
    entity: Annotated[ShortText, Mark(filter=EQ)] = c.text("Kind of resource: job, app, site, ...")
    entity_id: Annotated[BigId, Mark(filter=EQ)] = c.big("Id of the resource.")
    version: Annotated[int, Mark(filter=NUMBER)] = Field(description="Version of the resource after this event.")
    type: Annotated[ShortText, Mark(filter=EQ)] = c.text("Type, such as job.state_changed.")
    schema_version: Annotated[int, Mark()] = Field(
        default=1, sa_type=SmallInteger, description="Version of this event type's data."
    )
    actor: Annotated[ShortText, Mark(filter=EQ)] = c.text(
        "Who made the change: user:<id>, session:<id> or system:<part>."
    )
    command_id: Annotated[UUID | None, Mark(filter=EQ)] = Field(
        default=None, description="Id of the call; all events of one call share it."
    )
    from_state: Annotated[ShortText | None, Mark(filter=EQ)] = c.text("State before a transition.", default=None)
    to_state: Annotated[ShortText | None, Mark(filter=EQ)] = c.text("State after a transition.", default=None)
    data: Annotated[JsonObject, Mark(filter=JSON)] = c.json("The changed fields, and the reason.")


# The App of an event's job, which never changes: of the job's row, or where that is deleted of its first event.
_APP_OF = """coalesce((SELECT j.app_id FROM job j WHERE j.id = {entity_id}),
  (SELECT (e.data->>'app_id')::bigint FROM event_log e
    WHERE e.entity = 'job' AND e.entity_id = {entity_id} AND e.version = 1))"""
# Functions that search the log as well, so that a deleted job is found by its last tags.
_JOBS = "({{entity}} = 'job' AND {{entity_id}} = ANY(ARRAY(SELECT {function})))"
EVENTS: Resource = Resource(
    Event,
    entity="event",
    path="events",
    python_name="EventLog",
    default_order="-position",
    verbs=("list", "read"),
    computed={
        "id": (int, "{position}", "Same as position."),
        "job_id": (int | None, "CASE WHEN {entity} = 'job' THEN {entity_id} END", "Id of the job, if a job changed."),
        # Null here; queries/changes.py fills it in.
        "changes": (
            JsonObject,
            "NULL::jsonb",
            "Each changed field with its values before and after: {field: {before, after}}. Lists have it on request.",
        ),
    },
    on_request=("changes",),
    join_filters=(
        JoinFilter("id", BigId, "{position} = ANY({value}::bigint[])", "Same as position.", many=True),
        JoinFilter(
            "job_id",
            BigId,
            "({entity} = 'job' AND {entity_id} = ANY({value}::bigint[]))",
            "Events of this job.",
            many=True,
        ),
        JoinFilter(
            "app_id",
            BigId,
            f"({{entity}} = 'job' AND {_APP_OF} = ANY({{value}}::bigint[]))",
            "Events of jobs of this App, or of any of a list. Events of a job that is deleted match until its first is"
            " archived.",
            many=True,
        ),
        JoinFilter(
            "batch_job_id",
            BigId,
            _JOBS.format(function="jobs_taken_by({value}::bigint[])"),
            "Events of jobs that this BatchJob leased, also if they were deleted or ran in another later.",
            many=True,
        ),
        JoinFilter(
            "scheduler_id",
            ShortText,
            _JOBS.format(function="jobs_taken_by(ARRAY(SELECT batch_jobs_called({value}::text[])))"),
            "As batch_job_id, by the BatchJob's id at the scheduler.",
            many=True,
        ),
        JoinFilter(
            "tags",
            Tags,
            _JOBS.format(function="jobs_ever_tagged({value}::jsonb)"),
            "Events of jobs whose tags contain all of these, now or at their deletion.",
        ),
    ),
)
