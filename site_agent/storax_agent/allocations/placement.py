"""Where jobs of a site can run at all, as far as its own settings tell; and nodes in the words of the server."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from storax_agent.launch.footprint import Footprint
from storax_agent.launch.packing import Capacity, objection
from storax_agent.launch.work import Work
from storax_agent.schedulers.base import Limits
from storax_agent.settings.scheduler import QueueLimits
from storax_agent.settings.site import SiteSettings

MOST_SIZES = 64  # that the server takes in one list
ANY_NUMBER = 1_000_000  # of nodes; the server takes no larger one
LARGEST = 2**31 - 1  # of cores, GPUs or MiB


class Placement(NamedTuple):
    """The agent itself, or the allocations of one queue: so many nodes of one size."""

    name: str
    size: Capacity
    num_nodes: int = 1

    def objection(self, work: Work | Footprint) -> str:
        """Why it can never hold this work, or an empty text."""
        there = [self.size] * min(self.num_nodes, work.nodes)
        return objection(there, work, where=self.name, mend={})


def placements_of(settings: SiteSettings) -> list[Placement] | None:
    """All of them, by ``site.toml`` alone: what a scheduler says of its nodes may change by the hour. None where that
    does not name every queue with the cores and GPUs of its nodes; then a job may fit somewhere."""
    own = Placement("this site", own_size(settings))
    if settings.scheduler.kind == "local":
        return [own]
    queues = settings.scheduler.queues
    if not queues or any(queue.cores is None or queue.gpus is None for queue in queues.values()):
        return None
    placements = [own] if settings.run_jobs else []
    for name, queue in queues.items():
        size = Capacity(queue.cores or 0, queue.gpus or 0, queue.memory_mb or 0)
        placements.append(Placement(f"queue {name!r}", size, queue.max_nodes or ANY_NUMBER))
    return placements


def own_size(settings: SiteSettings) -> Capacity:
    """What the agent gives to jobs that it runs itself."""
    return Capacity(settings.slots, settings.gpus, settings.memory_mb)


def node_rows(nodes: Iterable[Capacity]) -> list[dict[str, Any]]:
    """Nodes as the server takes them, counted by size; the most common sizes where there are very many."""
    return [_row(size, number) for size, number in Counter(nodes).most_common(MOST_SIZES)]


def placement_rows(places: Sequence[Placement]) -> list[dict[str, Any]]:
    """Each as one such row."""
    return [_row(place.size, place.num_nodes) for place in places]


def _row(size: Capacity, number: int) -> dict[str, Any]:
    return {"num_nodes": number, **{name: min(value, LARGEST) for name, value in size._asdict().items()}}


def queue_of(settings: SiteSettings, queue: str) -> str:
    """The queue that is meant where none is named; empty where only the scheduler knows."""
    return queue or settings.scheduler.default_queue or ("local" if settings.scheduler.kind == "local" else "")


def default_size(settings: SiteSettings, queue: str) -> Capacity:
    """What a node of an allocation has where the batch system does not tell."""
    own, said = own_size(settings), settings.scheduler.queues.get(queue_of(settings, queue), QueueLimits())
    stated = (said.cores, said.gpus, said.memory_mb)
    return Capacity(*(theirs if ours is None else ours for ours, theirs in zip(stated, own, strict=True)))


def node_of(settings: SiteSettings, queue: str, limits: Limits) -> dict[str, Any]:
    """A node of a queue in the words of the server, before there is an allocation: by ``site.toml``, then its cores by
    the scheduler's ``limits``. An allocation may have GPUs and memory that ``site.toml`` does not name, so these are
    not known then."""
    size, name = default_size(settings, queue), queue_of(settings, queue)
    if settings.scheduler.kind == "local":
        return _row(size, 1)
    said = settings.scheduler.queues.get(name, QueueLimits())
    cores = said.cores or limits.get(name, {}).get("cores") or size.cores
    row = _row(Capacity(cores, size.gpus, said.memory_mb or 0), 1)
    return row if said.gpus is not None or size.gpus else {**row, "gpus": None}
