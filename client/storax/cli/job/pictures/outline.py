"""The lines of a tree: a graph of jobs as an outline, in which a job with several ways to it stands in full once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Edges = Mapping[int, Sequence[int]]


@dataclass(frozen=True)
class Line:
    """A job in an outline: how deep it stands, 1 for the nearest, and whether an earlier line has what is below it."""

    depth: int
    job_id: int
    again: bool = False


@dataclass(frozen=True)
class Outline:
    """Lines from top to bottom, and the number of jobs that no line names."""

    lines: Sequence[Line]
    hidden: int

    def cut(self, most: int) -> "Outline":
        """Return it with no more than ``most`` lines."""
        left = {line.job_id for line in self.lines[most:]} - {line.job_id for line in self.lines[:most]}
        return Outline(self.lines[:most], self.hidden + len(left))


def upwards(job_id: int, jobs: Mapping[int, Mapping[str, Any]], parents: Sequence[int]) -> Edges:
    """Return the edges from a job and its ancestors to their parents, as far as those are among ``jobs``."""
    every = {job_id: parents} | {number: row["parent_ids"] for number, row in jobs.items()}
    return {number: [parent for parent in ids if parent in jobs] for number, ids in every.items()}


def downwards(job_id: int, jobs: Mapping[int, Mapping[str, Any]]) -> Edges:
    """Return the edges from a job and its descendants to their children."""
    edges: dict[int, list[int]] = {number: [] for number in (job_id, *jobs)}
    for number, row in jobs.items():
        for parent in row["parent_ids"]:
            if parent in edges:
                edges[parent].append(number)
    return edges


def outline(job_id: int, edges: Edges, most: int) -> Outline:
    """Return the lines below a job, ``most`` at most: each job is followed by those that its edges lead to."""
    lines: list[Line] = []
    named: set[int] = set()
    waiting = _next(1, edges[job_id])
    while waiting and len(lines) < most:
        depth, number = waiting.pop()
        lines.append(Line(depth, number, again=number in named))
        if number not in named:
            named.add(number)
            waiting += _next(depth + 1, edges.get(number, ()))
    return Outline(lines, len(edges.keys() - named - {job_id}))


def _next(depth: int, numbers: Collection[int]) -> list[tuple[int, int]]:
    return [(depth, number) for number in sorted(numbers, reverse=True)]


def share(above: Outline, below: Outline, most: int) -> tuple[Outline, Outline]:
    """Return both with no more than ``most`` lines together: half for each; what one does not need is the other's."""
    first = min(len(above.lines), max(most // 2, most - len(below.lines)))
    return above.cut(first), below.cut(most - first)
