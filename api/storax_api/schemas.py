"""Bodies of the calls that every resource has."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from storax_core import limits
from storax_core.queries.activity.reads import MOST_BARS, Lane
from storax_core.queries.capacity import NodeSize
from storax_core.resources.site import AgentStatus
from storax_core.resources.types import AsOf, UtcTime


class Selection(BaseModel):
    """The rows that a bulk call is about."""

    model_config = ConfigDict(extra="forbid")

    filter: dict[str, Any] = Field(description="By filter name. Required also where it is {}, which selects all.")
    exclude: list[dict[str, Any]] = Field(default_factory=list, description="Each is NOT (all of its filters).")


class PatchWhere(Selection):
    """One patch for all rows that match."""

    patch: dict[str, Any] = Field(description="New values by field name.")


class Retry(Selection):
    """Ended jobs to run again; those that have not ended are left out."""

    descendants: bool = Field(
        default=True, strict=True, description="Bring back the descendants that failed only because of these jobs."
    )
    finished: bool = Field(default=False, strict=True, description="Also run JOB_FINISHED jobs again.")
    dry_run: bool = Field(default=False, strict=True, description="Count only, and change nothing.")


class CountBy(Selection):
    """Count rows by the values of one field."""

    by: str = Field(default="state", description="A field that has filters.")
    filter: dict[str, Any] = Field(default_factory=dict, description="By filter name; {} counts all.")
    as_of: AsOf = Field(default=None, description="Rows as they were at this position of the log, or at this time.")


class FailureGroups(Selection):
    """FAILED jobs to group by what went wrong."""

    filter: dict[str, Any] = Field(
        default_factory=dict,
        description="By filter name; without last_update_after, the failures of the last 7 days.",
    )
    limit: int = Field(default=100, ge=1, le=1000, description="Groups of the answer; the largest come first.")


class JobFlow(Selection):
    """A window of time, for counts of jobs by time."""

    filter: dict[str, Any] = Field(default_factory=dict, description="site_id alone, one or several; {} counts all.")
    since: UtcTime | None = Field(default=None, description="Begin; unset: 24 hours before the end.")
    until: UtcTime | None = Field(default=None, description="End; unset: now.")
    step_sec: Annotated[int, Field(strict=True, ge=60, le=86_400, multiple_of=60)] | None = Field(
        default=None, description="Seconds of each part, whole minutes; unset: some 96 parts."
    )


class JobMetrics(Selection):
    """A window of time, and the jobs that are measured in it."""

    filter: dict[str, Any] = Field(
        default_factory=dict, description="site_id and app_id, each one or several, and tags; {} measures all."
    )
    since: UtcTime | None = Field(default=None, description="Begin; unset: 24 hours before the end.")
    until: UtcTime | None = Field(default=None, description="End, 31 days after the begin at most; unset: now.")


class JobRuns(JobMetrics):
    """A window of time, and the jobs whose runs in it are read."""

    limit: int = Field(default=MOST_BARS, strict=True, ge=1, le=limits.ROWS, description="Most runs of the answer.")
    by: Lane = Field(default="allocation", description="What a lane is, where there are more runs.")


class Beat(BaseModel):
    """A heartbeat. Agents of earlier releases send an empty one, and later ones may say more."""

    agent: AgentStatus | None = Field(default=None, description="How the agent of a site is; unset: nothing changes.")


class Footprint(Selection):
    """The jobs to count, and the kind of nodes to count them on."""

    node: NodeSize | None = Field(default=None, description="Size of a node; unset: node_packing_count alone counts.")
    whole_nodes: bool = Field(
        default=False, strict=True, description="Whether a packing count of 1 means a whole node."
    )
    fitting: bool = Field(default=False, strict=True, description="Count only jobs that such nodes can hold.")
