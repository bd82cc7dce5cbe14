"""Settings of a site's scheduler and of the loops that ask it for allocations by themselves."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

NO_WINDOWS = ("lsf", "sge")  # these tell of no idle nodes
Minutes = Annotated[int, Field(ge=1, le=5_256_000)]
Nodes = Annotated[int, Field(ge=1, le=1_000_000)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")


NODE = ("cores", "gpus", "memory_mb")


class QueueLimits(_Table):
    """What an allocation in one queue may ask for and what its nodes have; the scheduler says what is not set."""

    max_nodes: Nodes | None = Field(default=None, description="Most nodes of one allocation.")
    max_walltime: Minutes | None = Field(default=None, description="Longest allocation, in minutes.")
    max_queued_jobs: int | None = Field(default=None, ge=1, description="Most that wait at once; more wait their turn.")
    cores: int | None = Field(default=None, ge=1, le=2**31 - 1, description="Cores of each node.")
    gpus: int | None = Field(default=None, ge=0, le=2**31 - 1, description="GPUs of each node.")
    memory_mb: int | None = Field(default=None, ge=1, le=2**31 - 1, description="Memory of each node in MiB.")

    def limits(self) -> dict[str, int]:
        """Those that are set."""
        return self.model_dump(exclude_none=True)


class SchedulerSettings(_Table):
    """Who gives out allocations, and what may be asked of it."""

    kind: Literal["local", "slurm", "pbs", "lsf", "sge"] = Field(
        default="local", description="Who gives out allocations; each kind is a file of schedulers/."
    )
    command_timeout_sec: float = Field(default=20.0, gt=0, le=600, description="After so long a command is killed.")
    outlook_poll_sec: float = Field(
        default=60.0, gt=0, description="Seconds between looks at idle nodes and limits, for the Site's row."
    )
    forget_after_sec: float = Field(
        default=3600.0, gt=0, description="After so long unknown to all, an allocation is given up as lost."
    )
    idle_sec: float = Field(default=60.0, gt=0, description="An allocation without work for so long ends early.")
    margin_sec: float = Field(
        default=5.0, ge=0, le=3600,
        description="Seconds before an allocation's end at which its jobs are ended and reported; none runs into them.",
    )  # fmt: skip
    default_queue: str = Field(default="", description="Queue of a BatchJob that names none.")
    default_project: str = Field(default="", description="Project of a BatchJob that names none.")
    projects: list[str] | None = Field(default=None, description="Projects a BatchJob may charge; unset: any.")
    queues: dict[str, QueueLimits] = Field(
        default={}, description="Queues a BatchJob may use, with limits; none: all that the scheduler has."
    )
    optional_params: dict[str, str] = Field(
        default={}, description="Parameters of the job template that a BatchJob may set, and their defaults."
    )


class _Shape(_Table):
    """What the BatchJobs of a loop look like."""

    enabled: bool = Field(default=False, description="Whether the loop runs.")
    every_sec: float = Field(default=60.0, gt=0, description="Seconds between looks.")
    queue: str = Field(default="", description="Queue to ask.")
    project: str = Field(default="", description="Project to charge.")
    job_mode: Literal["mpi", "serial"] = Field(default="serial", description="How their jobs are launched.")
    wall_time_min: Minutes = Field(default=60, description="Length in minutes.")
    filter_tags: dict[str, str] = Field(default={}, description="Only jobs with these tags count, and run in them.")
    optional_params: dict[str, str] = Field(default={}, description="Parameters of the job template.")


class ElasticSettings(_Shape):
    """Allocations as the runnable work needs them: one table, or several that are told apart by their tags."""

    min_nodes: Nodes = Field(default=1, description="Smallest allocation.")
    max_nodes: Nodes = Field(default=1, description="Largest allocation.")
    max_pending: int = Field(default=1, ge=1, description="Most that wait for submission or for nodes.")
    max_queue_wait_min: Minutes | None = Field(
        default=None, description="Cancel one of its own that has waited for longer, in minutes; unset: never."
    )
    use_backfill: bool = Field(default=False, description="Ask only for what is idle now, and size to it.")
    wall_time_pad_min: int = Field(default=5, ge=0, description="Minutes left free at the end of an idle window.")

    @model_validator(mode="after")
    def _in_order(self) -> "ElasticSettings":
        if self.min_nodes > self.max_nodes:
            raise ValueError(f"min_nodes = {self.min_nodes} is above max_nodes = {self.max_nodes}")
        return self


def _told_apart(queues: list[ElasticSettings]) -> list[ElasticSettings]:
    seen: list[dict[str, str]] = []
    for queue in queues:
        if queue.enabled and queue.filter_tags in seen:
            raise ValueError(
                f"two [[elastic_queue]] have filter_tags {queue.filter_tags} and would both ask for the same work; "
                "give each tags of its own"
            )
        seen += [queue.filter_tags] if queue.enabled else []
    return queues


# One table, or an array of tables.
ElasticQueues = Annotated[
    list[ElasticSettings],
    BeforeValidator(lambda value: [value] if isinstance(value, dict) else value),
    AfterValidator(_told_apart),
]


class MaintainerSettings(_Shape):
    """So many equal allocations wait or run at any time."""

    num_queued_jobs: int = Field(default=1, ge=1, le=1000, description="How many.")
    num_nodes: Nodes = Field(default=1, description="Nodes of each.")
