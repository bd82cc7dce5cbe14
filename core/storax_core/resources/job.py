"""Job: one run of an App at a Site. The wide specification and the small state are two tables with one id."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Strict
from pydantic.fields import FieldInfo
from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from storax_core.lifecycle.states import (
    JOB_DONE,
    JOB_RUNNABLE,
    JOB_TAKEABLE,
    JOB_TRANSITIONS,
    JOB_UNSUCCESSFUL,
    JobState,
)
from storax_core.resources import columns as c
from storax_core.resources.base import (
    BOTH,
    BY_KEY,
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
    Losses,
    ParentIds,
    ParentRefs,
    RetryDelay,
    ShortText,
    Tags,
    TextMap,
    UtcTime,
    Whole,
)

SMALLEST_SHARE = 1e-6  # of a GPU


def _a_share_of_a_device(value: float) -> float:
    if 0 < value < SMALLEST_SHARE:
        raise ValueError(f"a GPU is shared in millionths; give 0, or at least {SMALLEST_SHARE:f}")
    return value


Minutes = Annotated[int, Strict(), Field(ge=0, le=5_256_000)]
Megabytes = Annotated[int, Strict(), Field(ge=0, le=1 << 30)]
Gpus = Annotated[float, Strict(), Field(ge=0, le=100_000), AfterValidator(_a_share_of_a_device)]
Priority = Annotated[int, Strict(), Field(ge=-1000, le=1000)]
MAX_LOSSES = 100

# States in SQL. Which jobs a site may take (to run them, or a hook of theirs), and in which order; ``queues.score`` is
# the same order as a number. The table's index has the condition without ``not_before``: an index cannot ask for the
# time.
_RUN, _TAKE, ENDED, UNSUCCESSFUL = (
    f"({', '.join(repr(str(state)) for state in states)})"
    for states in (JOB_RUNNABLE, JOB_TAKEABLE, JOB_DONE, JOB_UNSUCCESSFUL)
)
UNLEASED = f"state IN {_TAKE} AND session_id IS NULL"
TAKEABLE = f"{UNLEASED} AND (not_before IS NULL OR not_before <= now())"
# The same of jobs that are known by their ids. No index has this condition: with one that has, a plan that was made for
# empty tables would go through the whole queue for a few ids.
STILL_TAKEABLE = f"({TAKEABLE}) IS TRUE"
# Unsuccessful parents of the job {}. OFFSET 0 keeps it apart, to be looked up job by job.
_UNSUCCESSFUL_PARENTS = f"""SELECT p.id FROM job_parent e, job_state p
WHERE e.child_id = {{}} AND p.id = e.parent_id AND p.state IN {UNSUCCESSFUL} OFFSET 0"""  # noqa: S608
_ROOT_CAUSES = f"""WITH RECURSIVE above(id) AS (
  SELECT p.id FROM unnest({{value}}::bigint[]) AS v(id), LATERAL ({_UNSUCCESSFUL_PARENTS.format("v.id")}) p
  UNION SELECT p.id FROM above a, LATERAL ({_UNSUCCESSFUL_PARENTS.format("a.id")}) p)
SELECT id FROM above a WHERE NOT EXISTS ({_UNSUCCESSFUL_PARENTS.format("a.id")})"""  # noqa: S608
HOOK_IS_NEXT = f"state NOT IN {_RUN}"  # of a takeable job


def first_in_line(alias: str) -> str:
    """SQL of the order in which jobs are taken: by priority, then age."""
    return f"{alias}.priority DESC, {alias}.id"


class Job(SQLModel, table=True):
    """One run of an App at a Site."""

    __tablename__ = "job"
    __table_args__ = (Index("job_tags", "tags", postgresql_using="gin", postgresql_ops={"tags": "jsonb_path_ops"}),)

    id: c.Id = c.big("Server id, never reused.", primary_key=True)
    owner_id: int = c.big("User who owns it.")
    app_id: Annotated[BigId, Mark(filter=EQ, write=CREATE, order=True)] = c.big("App that it runs; cannot be changed.")
    workdir: Annotated[InsidePath, Mark(filter=TEXT, write=BOTH, order=True)] = c.text(
        "Working folder, relative to the site's data folder."
    )
    tags: Annotated[Tags, Mark(filter=JSON, write=BY_KEY)] = c.json("Labels.")
    parameters: Annotated[JsonObject, Mark(filter=JSON, write=BY_KEY)] = c.json("Values for the App's parameters.")
    data: Annotated[JsonObject, Mark(filter=JSON, write=BY_KEY)] = c.json("Data of the user.")
    return_value: Annotated[JsonValue, Mark(write=UPDATE_ONLY)] = Field(
        default=None, sa_type=JSONB(none_as_null=True), nullable=True, description="Result of the process, as JSON."
    )
    launch_params: Annotated[TextMap, Mark(write=BY_KEY)] = c.json("Extra arguments for the site's launcher.")
    parent_ids: Annotated[ParentIds, Mark(write=CREATE)] = c.json("Jobs that must finish first.", list)
    on_parent_failure: Annotated[Literal["fail", "run"], Mark(write=BOTH)] = c.text(
        "If a parent fails, is cancelled or is deleted: end too, or run.", default="fail"
    )
    pending_file_cleanup: Annotated[Flag, Mark(filter=EQ, write=BOTH)] = Field(
        default=True, description="Whether the App's cleanup_files are still to be deleted."
    )


class JobStateRow(SQLModel, table=True):
    """The part of a Job that changes while it runs, and what the queue sorts by."""

    __tablename__ = "job_state"
    __table_args__ = (
        Index("job_state_ready", "site_id", text("priority DESC"), "id", postgresql_where=text(UNLEASED)),
        Index("job_state_leased", "session_id", postgresql_where=text("session_id IS NOT NULL")),
        Index("job_state_state", "owner_id", "state", "id"),
        Index("job_state_update", "owner_id", "last_update", "id"),
        {"postgresql_with": {"fillfactor": "80"}},
    )

    id: c.Id = c.big("Server id, never reused.", primary_key=True, sa_column_kwargs={"autoincrement": False})
    owner_id: int = c.big("User who owns it.")
    site_id: Annotated[BigId, Mark(filter=EQ, order=True)] = c.big("Site it runs at, from its App.")
    state: Annotated[JobState, Mark(filter=EQ, write=UPDATE_ONLY, order=True)] = c.text("State.")
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
        default=1, description="Number of such jobs that may share one node."
    )
    gpus_per_rank: Annotated[Gpus, Mark(filter=NUMBER, write=BOTH)] = Field(default=0.0, description="GPUs per rank.")
    mem_per_node_mb: Annotated[Megabytes, Mark(filter=NUMBER, write=BOTH)] = Field(
        default=0, description="Memory on each node, in MiB; 0: none. Reserved, but not enforced."
    )
    wall_time_min: Annotated[Minutes, Mark(filter=NUMBER, write=BOTH, order=True)] = Field(
        default=0,
        description="Expected run time, in minutes; 0: not known. For packing; nothing ends the job after it.",
    )
    wall_time_limit_min: Annotated[Minutes, Mark(filter=NUMBER, write=BOTH)] = Field(
        default=0, description="Hard limit of one run, in minutes; 0: none. A job that reaches it is stopped."
    )
    priority: Annotated[Priority, Mark(filter=NUMBER, write=BOTH, order=True)] = Field(
        default=0, description="Priority, -1000 to 1000; higher runs first."
    )
    max_attempts: Annotated[Count, Mark(filter=NUMBER, write=BOTH)] = Field(
        default=1, description="Number of runs before an error makes it FAILED; lost runs do not count."
    )
    max_losses: Annotated[Losses, Mark(filter=NUMBER, write=BOTH)] = Field(
        default=MAX_LOSSES, description="Number of lost runs that makes it FAILED; 0: no limit."
    )
    retry_delay_sec: Annotated[RetryDelay, Mark(write=BOTH)] = Field(
        default=0, description="Seconds before the run that follows an error; doubles with each error, up to a day."
    )
    retry_exit_codes: Annotated[ExitCodes, Mark(write=BOTH)] = c.json(
        "Exit codes after which it is retried; empty: after any error.", list
    )
    retry_on_timeout: Annotated[Flag, Mark(write=BOTH)] = Field(
        default=True, description="Whether it runs again after wall_time_limit_min."
    )
    attempt: Annotated[int, Mark(filter=NUMBER, order=True)] = Field(
        default=0, description="Number of runs started so far."
    )
    losses: Annotated[int, Mark(filter=NUMBER, order=True)] = Field(
        default=0, description="Number of runs that were lost with their site or allocation, or reached their limit."
    )
    loss_reason: Annotated[ShortText, Mark(filter=TEXT)] = c.text(
        "Why its last run was lost; empty: it was not.", default=""
    )
    not_before: Annotated[UtcTime | None, Mark(filter=TIME)] = c.when("Earliest next start (back-off).", default=None)
    return_code: Annotated[Whole | None, Mark(filter=NUMBER, write=UPDATE_ONLY)] = Field(
        default=None, description="Exit code of the last run; -N for signal N."
    )
    batch_job_id: Annotated[BigId | None, Mark(filter=EQ)] = c.big("BatchJob that last leased it.", default=None)
    session_id: Annotated[BigId | None, Mark(filter=EQ)] = c.big("Session that holds its lease.", default=None)
    lease_epoch: Annotated[int, Mark()] = Field(default=0, description="Epoch of the lease; a report must state it.")
    cancel_requested: Annotated[bool, Mark(filter=EQ)] = Field(
        default=False, description="Whether a cancellation of the running process is requested."
    )
    stage_in: Annotated[bool, Mark()] = Field(default=False, description="Whether files are staged in.")
    stage_out: Annotated[bool, Mark()] = Field(default=False, description="Whether files are staged out.")
    hooks: Annotated[ShortText, Mark()] = c.text("Hooks of its App at its creation, separated by spaces.", default="")
    version: c.Version = Field(description="Number of changes so far; 1 at creation.")
    creation_date: c.Stamp = c.when("When it was created.")
    last_update: c.Stamp = c.when("When it last changed.")


JOBS: Resource = Resource(
    Job,
    entity="job",
    path="jobs",
    python_name="Job",
    state_row=JobStateRow,
    counted=True,
    remembered="(SELECT jsonb_build_object('tags', j.tags) FROM job j WHERE j.id = t.id AND j.tags <> '{}')",
    parent=Link("app_id", "app"),
    event_versions={"created": 2},
    machine=StateMachine(
        JOB_TRANSITIONS,
        effects=("attempt", "cancel_requested", "lease_epoch", "loss_reason", "losses", "not_before", "session_id"),
        first=JobState.CREATED,
    ),
    verbs=(
        "list",
        "read",
        "create",
        "update",
        "delete",
        "cancel",
        "retry",
        "footprint",
        "failures",
        "throughput",
        "metrics",
        "runs",
    ),
    extra_create={
        "transfers": (
            dict[str, JsonValue],
            FieldInfo(default_factory=dict, description='Files by App slot: "alias:/path" or {location_alias, path}.'),
        ),
        "parent_refs": (
            ParentRefs,
            FieldInfo(default_factory=list, description="Parents, by their index earlier in the same list."),
        ),
    },
    filter_sql={"tags": "SELECT jobs_with_tags({value}::jsonb)"},
    join_filters=(
        JoinFilter(
            "parent_id",
            BigId,
            "SELECT child_id FROM job_parent WHERE parent_id = ANY({value}::bigint[])",
            "Children of this job, or of any of a list.",
            many=True,
        ),
        JoinFilter(
            "root_cause_of",
            BigId,
            _ROOT_CAUSES,
            "Failed or cancelled jobs above this one, or any of a list, that have no such parent: retry these.",
            many=True,
        ),
        JoinFilter(
            "app_name",
            ShortText,
            "SELECT id FROM app WHERE name = ANY({value}::text[])",
            "Name of its App, or any of a list. A name that none of your Apps has or had is an error.",
            many=True,
            names="app",
            key="app_id",
        ),
        JoinFilter(
            "site_name",
            ShortText,
            "SELECT id FROM site WHERE name = ANY({value}::text[])",
            "Name of its site, or any of a list. A name that none of your sites has or had is an error.",
            many=True,
            names="site",
            key="site_id",
        ),
        JoinFilter(
            "failure_line",
            ShortText,
            "({state} = 'FAILED' AND failure_line({id}) = ANY({value}::text[]))",
            "FAILED jobs whose error ends with this line, numbers and paths made equal, as `failures` groups them.",
            many=True,
        ),
    ),
)
