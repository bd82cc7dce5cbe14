"""Jobs and their parents: those around one job, and every parent before its children."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from storax.errors import InvalidInput

T = TypeVar("T")


class GraphJob(NamedTuple):
    """A job of a graph; some of its parents may not be in it."""

    id: int
    state: str
    app_id: int
    workdir: str
    parent_ids: list[int]


class JobGraph(NamedTuple):
    """A job and those around it, by id; ``cut``: there are more, and some are missing."""

    jobs: dict[int, GraphJob]
    cut: bool

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "JobGraph":
        """Return what an answer says."""
        jobs = (GraphJob(**{name: row[name] for name in GraphJob._fields}) for row in answer["jobs"])
        return cls({job.id: job for job in jobs}, answer["cut"])

    @property
    def edges(self) -> list[tuple[int, int]]:
        """Return the pairs of parent and child that are both in it."""
        return [(parent, job.id) for job in self.jobs.values() for parent in job.parent_ids if parent in self.jobs]


def parents_first(items: Sequence[T], parents: Callable[[T], Sequence[T]]) -> list[T]:
    """Sort ``items`` so that every parent comes before its children; keep their order where it does so already.

    Raises:
        InvalidInput: there is a cycle; the message names its members.
    """
    index = {id(item): i for i, item in enumerate(items)}
    if all(index[id(p)] < i for i, item in enumerate(items) for p in parents(item)):
        return list(items)
    from graphlib import CycleError, TopologicalSorter

    graph = {index[id(item)]: [index[id(p)] for p in parents(item)] for item in items}
    try:
        return [items[i] for i in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        names = " <- ".join(repr(items[i]) for i in error.args[1][:6])
        hint = "No job can wait for one that waits for it."
        raise InvalidInput(f"There is a cycle: {names}.", hint=hint) from None
