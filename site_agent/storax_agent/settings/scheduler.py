"""Settings of a site's scheduler and of the loops that ask it for allocations by themselves."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from storax._runtime.suggestions import nearest
from storax_agent.settings.scheduler_kinds import KINDS, LOCAL

Minutes = Annotated[int, Field(ge=1, le=5_256_000)]
Nodes = Annotated[int, Field(ge=1, le=1_000_000)]


def _existing_kind(kind: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"there is no kind of scheduler {kind!r}. {nearest(kind, KINDS)}")
    return kind


Kind = Annotated[str, AfterValidator(_existing_kind), WithJsonSchema({"enum": [*KINDS]})]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")


NODE = ("cores", "gpus", "memory_mb")


class QueueLimits(_Table):
    """Limits of one queue, and the size of its nodes. Unset values come from the scheduler."""

    max_nodes: Nodes | None = Field(default=None, description="Largest number of nodes of one allocation.")
    max_walltime: Minutes | None = Field(default=None, description="Longest wall time, in minutes.")
    max_queued_jobs: int | None = Field(
        default=None, ge=1, description="Largest number of queued BatchJobs; further ones wait."
    )
    cores: int | None = Field(default=None, ge=1, le=2**31 - 1, description="Cores of each node.")
    gpus: int | None = Field(default=None, ge=0, le=2**31 - 1, description="GPUs of each node.")
    memory_mb: int | None = Field(default=None, ge=1, le=2**31 - 1, description="Memory of each node in MiB.")

    def limits(self) -> dict[str, int]:
        """Those that are set."""
        return self.model_dump(exclude_none=True)


class SchedulerSettings(_Table):
    """Who gives out allocations, and what may be asked of it."""

    kind: Kind = Field(default=LOCAL, description="Who gives out allocations; each kind is a file of schedulers/.")
    command_timeout_sec: float = Field(default=20.0, gt=0, le=600, description="Seconds until a command is killed.")
    outlook_poll_sec: float = Field(
        default=60.0, gt=0, description="Seconds between updates of idle nodes and limits in the Site's row."
    )
    forget_after_sec: float = Field(
        default=3600.0, gt=0, description="Seconds after which an unknown allocation counts as lost."
    )
    idle_sec: float = Field(
        default=60.0, gt=0, description="Seconds without work after which an allocation ends early."
    )
    margin_sec: float = Field(
        default=5.0, ge=0, le=3600,
        description="Seconds before the end of an allocation at which its jobs are ended and reported.",
    )  # fmt: skip
    default_queue: str = Field(default="", description="Default queue of a BatchJob.")
    default_project: str = Field(default="", description="Default project of a BatchJob.")
    projects: list[str] | None = Field(default=None, description="Projects that a BatchJob may charge; unset: any.")
    queues: dict[str, QueueLimits] = Field(
        default={}, description="Queues a BatchJob may use, with limits; none: all that the scheduler has."
    )
    optional_params: dict[str, str] = Field(
        default={}, description="Parameters of the job template that a BatchJob may set, with their defaults."
    )


class _Shape(_Table):
    """What the BatchJobs of a loop look like."""

    enabled: bool = Field(default=False, description="Whether the loop runs.")
    every_sec: float = Field(default=60.0, gt=0, description="Seconds between rounds.")
    queue: str = Field(default="", description="Queue of the scheduler.")
    project: str = Field(default="", description="Project to charge.")
    job_mode: Literal["mpi", "serial"] = Field(default="serial", description="Mode of the allocations.")
    wall_time_min: Minutes = Field(default=60, description="Wall time, in minutes.")
    filter_tags: dict[str, str] = Field(
        default={}, description="Only jobs with these tags count, and run in the allocations."
    )
    optional_params: dict[str, str] = Field(default={}, description="Parameters of the job template.")


class ElasticSettings(_Shape):
    """Allocations for the runnable jobs: one table, or several tables with different tags."""

    min_nodes: Nodes = Field(default=1, description="Smallest allocation.")
    max_nodes: Nodes = Field(default=1, description="Largest allocation.")
    max_pending: int = Field(default=1, ge=1, description="Largest number of waiting allocations.")
    max_queue_wait_min: Minutes | None = Field(
        default=None, description="Minutes after which a waiting allocation is withdrawn; unset: never."
    )
    use_backfill: bool = Field(default=False, description="Request only nodes that are idle now.")
    wall_time_pad_min: int = Field(default=5, ge=0, description="Minutes to leave free at the end of an idle window.")

    @model_validator(mode="after")
    def _in_order(self) -> "ElasticSettings":
        if self.min_nodes > self.max_nodes:
            raise ValueError(f"min_nodes = {self.min_nodes} is above max_nodes = {self.max_nodes}")
        return self


def _with_different_tags(queues: list[ElasticSettings]) -> list[ElasticSettings]:
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
    AfterValidator(_with_different_tags),
]


class MaintainerSettings(_Shape):
    """A fixed number of equal allocations that wait or run."""

    num_queued_jobs: int = Field(default=1, ge=1, le=1000, description="Number of allocations.")
    num_nodes: Nodes = Field(default=1, description="Number of nodes of each.")
