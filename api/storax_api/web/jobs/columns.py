"""The columns of the list of jobs."""

from collections.abc import Sequence
from dataclasses import dataclass

from storax_core.resources import JOBS


@dataclass(frozen=True)
class Column:
    """A field of a job as a column. ``kind`` decides how its values are written."""

    name: str
    label: str
    kind: str = "text"

    @property
    def is_sorted_by(self) -> bool:
        """Whether the list can be ordered by it."""
        return self.name in JOBS.orderings


COLUMNS = {
    column.name: column
    for column in (
        Column("id", "Job", "link"),
        Column("state", "State", "state"),
        Column("app_id", "App", "app"),
        Column("site_id", "Site", "site"),
        Column("workdir", "Workdir", "cut"),
        Column("tags", "Tags", "tags"),
        Column("attempt", "Attempt", "number"),
        Column("losses", "Lost runs", "number"),
        Column("return_code", "Exit code", "number"),
        Column("num_nodes", "Nodes", "number"),
        Column("ranks_per_node", "Ranks per node", "number"),
        Column("gpus_per_rank", "GPUs per rank", "number"),
        Column("wall_time_min", "Minutes", "number"),
        Column("priority", "Priority", "number"),
        Column("parameters", "Parameters", "json"),
        Column("batch_job_id", "BatchJob", "number"),
        Column("loss_reason", "Why lost", "cut"),
        Column("creation_date", "Created", "time"),
        Column("last_update", "Changed", "time"),
    )
}
DEFAULT = ("id", "state", "app_id", "site_id", "workdir", "tags", "attempt", "return_code", "last_update")
ALWAYS = ("id", "state")  # a row is nothing without them


def chosen(names: Sequence[str]) -> list[Column]:
    """Return the columns that a URL names, in our order; the default ones where it names none that there is."""
    wanted = [name for name in COLUMNS if name in (*ALWAYS, *names)]
    return [COLUMNS[name] for name in (wanted if len(wanted) > len(ALWAYS) else DEFAULT)]


def fields(columns: Sequence[Column]) -> list[str]:
    """Return the fields to read for these columns."""
    return [column.name for column in columns]
