"""The jobs above and below a job, level by level: each level is one query, whatever the number of its jobs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

FIELDS = ("id", "state", "app_id", "site_id", "workdir", "tags", "parent_ids")
AT_ONCE = 10_000  # jobs whose relatives are read in one request
Row = dict[str, Any]
Jobs = dict[int, Row]
# Queries of the relatives of jobs, and how many of their rows are known already.
Step = Callable[[Sequence[Row], Jobs], tuple[list[Any], int]]


@dataclass
class Branch:
    """The ancestors of a job, or its descendants.

    Attributes:
        levels: Rows by distance, the nearest first; each job once, at its nearest level.
        unread: Jobs of the next level, or of the last one, that were counted and not read.
        cut: Whether reading stopped because of their number, and not of the depth.
    """

    levels: list[list[Row]] = field(default_factory=list)
    unread: int = 0
    cut: bool = False

    @property
    def rows(self) -> Jobs:
        """Return all rows by id."""
        return {row["id"]: row for level in self.levels for row in level}


def ancestors(job: Row, depth: int, most: int | None = None) -> Branch:
    """Read the jobs above a job, ``depth`` levels and ``most`` jobs at most; None: all of them, without a count."""
    return _walk(job, _parents, depth, most)


def descendants(job: Row, depth: int, most: int | None = None) -> Branch:
    """Read the jobs below a job, ``depth`` levels and ``most`` jobs at most; None: all of them, without a count."""
    return _walk(job, _children, depth, most)


def _walk(job: Row, step: Step, depth: int, most: int | None) -> Branch:
    known, edge, branch = {job["id"]: job}, [job], Branch()
    while edge and (most is not None or len(branch.levels) < depth):
        queries, repeated = step(edge, known)
        if len(branch.levels) == depth:
            branch.unread = max(0, _count(queries) - repeated)
            break
        room = None if most is None else most - (len(known) - 1)
        limit = None if room is None else room + repeated
        rows = {row["id"]: row for query in queries for row in query.order_by("id")[:limit].values(*FIELDS)}
        edge = [row for number, row in rows.items() if number not in known][:room]
        if len(rows) == limit:
            branch.unread = max(0, _count(queries) - repeated - len(edge))
            branch.cut = branch.unread > 0
        known |= {row["id"]: row for row in edge}
        branch.levels += [edge] if edge else []
        if branch.cut:
            break
    return branch


def _parents(edge: Sequence[Row], known: Jobs) -> tuple[list[Any], int]:
    from storax.models.job import Job

    ids = sorted({parent for row in edge for parent in row["parent_ids"]} - known.keys())
    return [Job.objects.filter(id=part) for part in _parts(ids)], 0


def _children(edge: Sequence[Row], known: Jobs) -> tuple[list[Any], int]:
    from storax.models.job import Job

    ids = sorted(row["id"] for row in edge)
    last = set(ids)
    repeated = sum(not last.isdisjoint(row["parent_ids"]) for row in known.values())
    return [Job.objects.filter(parent_id=part) for part in _parts(ids)], repeated


def _parts(ids: Sequence[int]) -> Iterator[list[int]]:
    for first in range(0, len(ids), AT_ONCE):
        yield list(ids[first : first + AT_ONCE])


def _count(queries: Sequence[Any]) -> int:
    return sum(query.count() for query in queries)
