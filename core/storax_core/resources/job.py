"""Job: one run of an App at a Site. The wide spec and the small hot state live in two tables with one id."""

from typing import Annotated, Literal

from pydantic import Strict
from pydantic.fields import FieldInfo
from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from storax_core.lifecycle.states import JOB_MOVES, JOB_RUNNABLE, JOB_TAKEABLE, JobState
from storax_core.resources import columns as c
from storax_core.resources.base import (
    BOTH,
    CREATE,
    EQ,
    JSON,
    NUMBER,
    TEXT,
    TIME,
    JoinFilter,
    Link,
    Mark,
    Resource,
    StateMachine,
)
from storax_core.resources.base import UPDATE as UPDATE_ONLY
from storax_core.resources.types import (
    BigId,
    Count,
    ExitCodes,
    Flag,
    InsidePath,
    JsonObject,
    JsonValue,
    ShortText,
    Tags,
    TextMap,
    UtcTime,
    Whole,
)

Small = Annotated[int, Strict(), Field(ge=0, le=1_000_000)]
Minutes = Annotated[int, Strict(), Field(ge=0, le=5_256_000)]
Megabytes = Annotated[int, Strict(), Field(ge=0, le=1 << 30)]
Gpus = Annotated[float, Strict(), Field(ge=0, le=100_000)]
Priority = Annotated[int, Strict(), Field(ge=-1000, le=1000)]

# What a site may take: the states, the condition and the order, in SQL; ``queues.score`` is the order of the hints.
_RUN, _TAKE = (f"({', '.join(repr(str(state)) for state in states)})" for states in (JOB_RUNNABLE, JOB_TAKEABLE))
FREE = f"state IN {_TAKE} AND session_id IS NULL"
RUNNABLE = f"{FREE} AND (not_before IS NULL OR not_before <= now())"
HOOK_IS_NEXT = f"state NOT IN {_RUN}"  # of what is runnable


def first_in_line(alias: str) -> str:
    """The order in which runnable jobs are taken: by priority, then age."""
    return f"{alias}.priority DESC, {alias}.id"


class Job(SQLModel, table=True):
    """One run of an App at a Site."""

    __tablename__ = "job"
    __table_args__ = (Index("job_tags", "tags", postgresql_using="gin", postgresql_ops={"tags": "jsonb_path_ops"}),)

    id: c.Id = c.big("Server id, never reused.", primary_key=True)
    owner_id: int = c.big("User who owns it.")
    app_id: Annotated[BigId, Mark(filter=EQ, write=CREATE, order=True)] = c.big("App it runs; fixed once created.")
    workdir: Annotated[InsidePath, Mark(filter=TEXT, write=BOTH, order=True)] = c.text(
        "Working folder, relative to the site's data folder."
    )
    tags: Annotated[Tags, Mark(filter=JSON, write=BOTH)] = c.json("Labels to find it by.")
    parameters: Annotated[JsonObject, Mark(filter=JSON, write=BOTH)] = c.json("Values for the App's parameters.")
    data: Annotated[JsonObject, Mark(filter=JSON, write=BOTH)] = c.json("Anything the user wants to keep with it.")
    return_value: Annotated[JsonValue, Mark(write=UPDATE_ONLY)] = Field(
        default=None, sa_type=JSONB(none_as_null=True), nullable=True, description="JSON result the process wrote."
    )
    launch_params: Annotated[TextMap, Mark(write=BOTH)] = c.json("Extra arguments for the site's launcher.")
    parent_ids: Annotated[list[BigId], Mark(write=CREATE)] = c.json("Jobs that must finish first.", list)
    on_parent_failure: Annotated[Literal["fail", "run"], Mark(write=BOTH)] = c.text(
        "What happens when a parent fails or is deleted: fail too, or run all the same.", default="fail"
    )
    pending_file_cleanup: Annotated[Flag, Mark(filter=EQ, write=BOTH)] = Field(
        default=True, description="Whether the App's cleanup_files are still to be removed."
    )


class JobRow(SQLModel, table=True):
    """The part of a Job that changes while it runs, and what the queue sorts by."""

    __tablename__ = "job_state"
    __table_args__ = (
        Index("job_state_ready", "site_id", text("priority DESC"), "id", postgresql_where=text(FREE)),
        Index("job_state_leased", "session_id", postgresql_where=text("session_id IS NOT NULL")),
        Index("job_state_state", "owner_id", "state", "id"),
        Index("job_state_update", "owner_id", "last_update", "id"),
        {"postgresql_with": {"fillfactor": "80"}},
    )

    id: c.Id = c.big("Server id, never reused.", primary_key=True, sa_column_kwargs={"autoincrement": False})
    owner_id: int = c.big("User who owns it.")
    site_id: Annotated[BigId, Mark(filter=EQ, order=True)] = c.big("Site it runs at, from its App.")
    state: Annotated[JobState, Mark(filter=EQ, write=UPDATE_ONLY, order=True)] = c.text("Where it is in its life.")
    num_nodes: Annotated[Count, Mark(filter=NUMBER, write=BOTH, order=True)] = Field(default=1, description="Nodes.")
    ranks_per_node: Annotated[Count, Mark(filter=NUMBER, write=BOTH)] = Field(
        default=1, description="MPI ranks per node."
    )
    threads_per_rank: Annotated[Count, Mark(filter=NUMBER, write=BOTH)] = Field(
        default=1, description="Threads per rank."
    )
    threads_per_core: Annotated[Count, Mark(write=BOTH)] = Field(
        default=1, description="Hardware threads used per core."
    )
    node_packing_count: Annotated[Count, Mark(filter=NUMBER, write=BOTH)] = Field(
        default=1, description="How many such jobs may share one node."
    )
    gpus_per_rank: Annotated[Gpus, Mark(filter=NUMBER, write=BOTH)] = Field(default=0.0, description="GPUs per rank.")
    mem_per_node_mb: Annotated[Megabytes, Mark(filter=NUMBER, write=BOTH)] = Field(
        default=0, description="Memory on each node in MiB; 0 asks for none. It is kept free for it, not enforced."
    )
    wall_time_min: Annotated[Minutes, Mark(filter=NUMBER, write=BOTH, order=True)] = Field(
        default=0, description="Longest run in minutes; 0 sets no limit."
    )
    priority: Annotated[Priority, Mark(filter=NUMBER, write=BOTH, order=True)] = Field(
        default=0, description="Higher runs first, -1000 to 1000."
    )
    max_attempts: Annotated[Count, Mark(filter=NUMBER, write=BOTH)] = Field(
        default=1, description="How often it is run before an error makes it FAILED."
    )
    retry_delay_sec: Annotated[Small, Mark(write=BOTH)] = Field(
        default=0, description="Seconds before the second attempt; doubles with each further one."
    )
    retry_exit_codes: Annotated[ExitCodes, Mark(write=BOTH)] = c.json(
        "Exit codes after which it is run again; empty: after any error.", list
    )
    retry_on_timeout: Annotated[Flag, Mark(write=BOTH)] = Field(
        default=True, description="Whether reaching its wall time counts as a reason to run it again."
    )
    attempt: Annotated[int, Mark(filter=NUMBER, order=True)] = Field(default=0, description="Runs started so far.")
    not_before: Annotated[UtcTime | None, Mark(filter=TIME)] = c.when("Earliest next start (back-off).", default=None)
    return_code: Annotated[Whole | None, Mark(filter=NUMBER, write=UPDATE_ONLY)] = Field(
        default=None, description="Exit code of the last run; -N for signal N."
    )
    batch_job_id: Annotated[BigId | None, Mark(filter=EQ)] = c.big("BatchJob that last took it.", default=None)
    session_id: Annotated[BigId | None, Mark(filter=EQ)] = c.big("Session that holds its lease.", default=None)
    lease_epoch: Annotated[int, Mark()] = Field(
        default=0, description="Grows with every lease; a report must carry it."
    )
    cancel_requested: Annotated[bool, Mark(filter=EQ)] = Field(
        default=False, description="Whether its running process is being stopped."
    )
    stage_in: Annotated[bool, Mark()] = Field(default=False, description="Whether files come in before the run.")
    stage_out: Annotated[bool, Mark()] = Field(default=False, description="Whether files go out after the run.")
    hooks: Annotated[ShortText, Mark()] = c.text("Hooks of its App when it was created, parted by spaces.", default="")
    version: c.Version = Field(description="Number of changes so far; 1 at creation.")
    creation_date: c.Stamp = c.when("When it was created.")
    last_update: c.Stamp = c.when("When it last changed.")


JOBS: Resource = Resource(
    Job,
    entity="job",
    path="jobs",
    python_name="Job",
    state_model=JobRow,
    parent=Link("app_id", "app"),
    machine=StateMachine(JOB_MOVES, effects=("attempt", "cancel_requested", "lease_epoch", "not_before", "session_id")),
    verbs=("list", "read", "create", "update", "delete", "cancel", "footprint"),
    extra_create={
        "transfers": (
            dict[str, JsonValue],
            FieldInfo(default_factory=dict, description='Files by App slot: "alias:/path" or {location_alias, path}.'),
        ),
        "parent_refs": (
            list[Annotated[int, Strict()]],
            FieldInfo(default_factory=list, description="Parents by their place earlier in this list."),
        ),
    },
    filter_sql={"tags": "{id} IN (SELECT jobs_with_tags({value}::jsonb))"},
    join_filters=(
        JoinFilter(
            "parent_id",
            BigId,
            "{id} = ANY(ARRAY(SELECT child_id FROM job_parent WHERE parent_id = ANY({value}::bigint[])))",
            "Children of this job, or of any of a list.",
            many=True,
        ),
        JoinFilter(
            "app_name",
            ShortText,
            "{app_id} = ANY(ARRAY(SELECT id FROM app WHERE name = ANY({value}::text[])))",
            "Name of its App, or any of a list. A name that no App of yours has or had is an error.",
            many=True,
            names="app",
        ),
        JoinFilter(
            "site_name",
            ShortText,
            "{site_id} = ANY(ARRAY(SELECT id FROM site WHERE name = ANY({value}::text[])))",
            "Name of its site, or any of a list. A name that no site of yours has or had is an error.",
            many=True,
            names="site",
        ),
    ),
)
