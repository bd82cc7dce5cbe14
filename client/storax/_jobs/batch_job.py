"""The methods of BatchJob: the check against a site's limits, the partitions as command-line arguments."""

import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from storax._jobs.sites.presence import warn_of_absence
from storax._orm.instance import Model
from storax._runtime.suggestions import nearest
from storax.errors import InvalidInput

if TYPE_CHECKING:
    from storax.client import Client


class BatchJobBase(Model):
    """The hand-written half of BatchJob."""

    __slots__ = ()

    site_id: Any
    queue: Any
    project: Any
    num_nodes: Any
    job_mode: Any
    wall_time_min: Any
    partitions: Any
    optional_params: Any

    def _insert(self, client: "Client") -> None:
        super()._insert(client)
        warn_of_absence(client, {self.site_id})

    @classmethod
    def _created(cls, items: Sequence[Any]) -> None:
        warn_of_absence(items[0]._home(), {item.site_id for item in items})

    def validate(
        self,
        allowed_queues: Mapping[str, Mapping[str, Any]],
        allowed_projects: Collection[str],
        optional_batch_job_params: Mapping[str, Any],
    ) -> None:
        """Check it against the limits of its site; the arguments are the Site's fields of these names.

        Raises:
            InvalidInput: The message names the limit.
        """
        if self.queue not in allowed_queues:
            raise InvalidInput(f"There is no queue {self.queue!r}.", hint=nearest(self.queue, allowed_queues))
        limits = allowed_queues[self.queue]
        for value, limit in ((self.num_nodes, "max_nodes"), (self.wall_time_min, "max_walltime")):
            if limit in limits and value > limits[limit]:
                raise InvalidInput(f"{value} is above the {limit} of queue {self.queue!r}, {limits[limit]}.")
        if self.project not in allowed_projects:
            raise InvalidInput(f"There is no project {self.project!r}.", hint=nearest(self.project, allowed_projects))
        parts = sum(int(part.get("num_nodes", 1)) for part in self.partitions or ())
        if self.partitions and parts != self.num_nodes:
            raise InvalidInput(f"The partitions have {parts} nodes, the BatchJob {self.num_nodes}.")
        for name in self.optional_params:
            if name not in optional_batch_job_params:
                raise InvalidInput(f"There is no parameter {name!r}.", hint=nearest(name, optional_batch_job_params))

    def partitions_to_cli_args(self) -> str:
        """Return the partitions as arguments of `storax queue submit`, ``--part MODE:NODES[:key=value...] ...``."""
        return " ".join(f"--part {_part(part, self.job_mode)}" for part in self.partitions or ())


def _part(part: Mapping[str, Any], job_mode: str) -> str:
    tags = (f"{key}={value}" for key, value in (part.get("filter_tags") or {}).items())
    return shlex.quote(":".join([str(part.get("job_mode", job_mode)), str(part.get("num_nodes", 1)), *tags]))
