"""The limits of a runner that works inside a BatchJob."""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from storax_agent.allocations.placement import node_rows
from storax_agent.launch.nodes.clusters.base import NodeInfo, NodesError
from storax_agent.launch.packing import Capacity
from storax_agent.schedulers.base import BEGAN
from storax_agent.settings.site import SiteError, SiteSettings

IDLE_SEC = 60.0  # without work for this long, the allocation ends before its time
MARGIN_SEC = 5.0  # before the wall time, so that what happened is reported before the scheduler kills the runner
NO_LIMIT_NODES = 1e9
Mode = Literal["serial", "mpi"]
ORDERS: dict[str, dict[str, Any]] = {
    "age": {},
    "long_first": {"sort_by": "long_large_first"},
    "small_first": {"max_aggregate_nodes": NO_LIMIT_NODES},  # packing order without a bound
}


@dataclass
class Allocation:
    """One BatchJob from the inside, or the part of it that is one of its partitions.

    Times are seconds of the monotonic clock. ``num_nodes`` 0 means all nodes, ``first_node`` counts from 0.
    """

    batch_job_id: int
    wall_sec: float
    filter_tags: Mapping[str, str] = field(default_factory=dict)
    idle_sec: float = IDLE_SEC
    began: float = field(default_factory=time.monotonic)
    margin_sec: float = MARGIN_SEC
    mode: Mode = "serial"
    first_node: int = 0
    num_nodes: int = 0
    order: str = "age"
    queue: str = ""
    scheduler_id: str = ""

    @classmethod
    def of(cls, row: Mapping[str, Any], *, partition: int | None = None, order: str = "age") -> "Allocation":
        """From the BatchJob as the server gives it; ``partition`` counts from 0.

        Raises:
            NodesError: it has no such partition.
        """
        wall_sec = 60.0 * row["wall_time_min"]
        tags = row.get("filter_tags") or {}
        mode: Mode = row.get("job_mode") or "serial"
        queue, scheduler_id = row.get("queue") or "", row.get("scheduler_id") or ""
        if partition is None:
            return cls(row["id"], wall_sec, tags, mode=mode, order=order, queue=queue, scheduler_id=scheduler_id)
        parts = row.get("partitions") or []
        if partition >= len(parts):
            raise NodesError(f"BatchJob {row['id']} has {len(parts)} partitions; there is no number {partition}")
        part, before = parts[partition], parts[:partition]
        return cls(
            row["id"], wall_sec, {**tags, **(part.get("filter_tags") or {})}, mode=part.get("job_mode") or mode,
            first_node=sum(nodes_in(other) for other in before), num_nodes=nodes_in(part), order=order, queue=queue,
            scheduler_id=scheduler_id,
        )  # fmt: skip

    @classmethod
    def at_site(cls, row: Mapping[str, Any], settings: SiteSettings, *, partition: int | None = None) -> "Allocation":
        """The same as its site wants it, in a process inside it.

        Raises:
            NodesError: as ``of``.
            SiteError: it is for jobs that this site does not run.
        """
        allocation = cls.of(row, partition=partition, order=settings.launcher.order)
        allocation.idle_sec, allocation.margin_sec = settings.scheduler.idle_sec, settings.scheduler.margin_sec
        try:
            allocation.filter_tags = settings.tags_with(allocation.filter_tags)
        except ValueError as error:
            raise SiteError(str(error)) from error
        allocation.begin(os.environ)
        return allocation

    def begin(self, environment: Mapping[str, str]) -> None:
        """Count from when the script began, as it says in the environment, not from when this process did. What cannot
        be (the future, longer ago than the wall time) is not believed: somebody set the clock."""
        with suppress(KeyError, ValueError):
            ago = time.time() - float(environment[BEGAN])
            if 0.0 <= ago <= self.wall_sec:
                self.began = time.monotonic() - ago

    @property
    def left_sec(self) -> float:
        """Seconds until the runner must be done."""
        return self.began + self.wall_sec - self.margin_sec - time.monotonic()

    def part_of(self, nodes: Sequence[NodeInfo]) -> list[NodeInfo]:
        """The nodes that are ours. Raises ``NodesError`` when the allocation has fewer than its partitions say."""
        last = self.first_node + self.num_nodes
        if last > len(nodes):
            raise NodesError(
                f"the partitions of BatchJob {self.batch_job_id} ask for {last} nodes; its allocation has {len(nodes)}"
            )
        return list(nodes[self.first_node : last] if self.num_nodes else nodes)

    def limits(self, nodes: Sequence[Capacity]) -> dict[str, Any]:
        """What may be leased: jobs with the tags that these nodes can hold and that still end in time; whole minutes,
        and never zero for "no limit"."""
        shape = {"serial_only": True} if self.mode == "serial" else {}
        left = max(0, int(self.left_sec // 60))
        tags = dict(self.filter_tags)
        return {
            "max_wall_time_min": left,
            "filter_tags": tags,
            "nodes": node_rows(nodes),
            **shape,
            **ORDERS[self.order],
        }

    def end_reason(self, *, lost: str = "") -> str:
        """Why it ends now, for the jobs that are stopped with it. ``lost`` says why its nodes are gone."""
        name = (
            f"allocation {self.scheduler_id}"
            if self.scheduler_id
            else f"the allocation of BatchJob {self.batch_job_id}"
        )
        minutes = f"{self.wall_sec / 60:g} min"
        if lost:
            return f"{name} lost its nodes: {lost}"
        if self.left_sec <= 0:
            return f"{name} reached its wall time of {minutes}"
        return f"{name} was ended after {(time.monotonic() - self.began) / 60:.1f} of its {minutes}"

    def over(self, *, busy: bool, active: float) -> bool:
        """Whether it is time to end: the wall time, or no work since ``active``."""
        return self.left_sec <= 0 or (not busy and time.monotonic() - active > self.idle_sec)


def nodes_in(partition: Mapping[str, Any]) -> int:
    """How many nodes a partition has."""
    return max(1, int(partition.get("num_nodes") or 1))
