"""What is drawn: a node for each job, or above 300 of them a node for each pair of state and App."""

from collections import Counter
from dataclasses import dataclass, field

from storax_api.web.graph.reading import Jobs

MOST_NODES = 300
Place = tuple[str, int]  # state and App


@dataclass(frozen=True)
class Node:
    """A job, or ``number`` jobs of one App in one state; ``parents`` are keys of nodes and numbers of edges."""

    key: str
    state: str
    app_id: int
    app: str
    number: int = 1
    workdir: str = ""
    parents: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """The nodes, and whether each stands for many jobs."""

    nodes: list[Node]
    collapsed: bool
    missing: int = 0


def graph_of(jobs: Jobs) -> Graph:
    """Return the nodes of jobs; parents outside of them are left out."""
    return _collapsed(jobs) if len(jobs.rows) > MOST_NODES else Graph([_node(jobs, one) for one in jobs.rows], False)


def _node(jobs: Jobs, job_id: int) -> Node:
    job = jobs.rows[job_id]
    parents = {str(parent): 1 for parent in job["parent_ids"] if parent in jobs.rows}
    app = jobs.apps.get(job["app_id"], str(job["app_id"]))
    return Node(str(job_id), job["state"], job["app_id"], app, 1, job["workdir"], parents)


def _collapsed(jobs: Jobs) -> Graph:
    place_of: dict[int, Place] = {job_id: (job["state"], job["app_id"]) for job_id, job in jobs.rows.items()}
    numbers = Counter(place_of.values())
    shown = {place: f"{place[1]}-{place[0]}" for place, _ in numbers.most_common(MOST_NODES)}
    edges: dict[Place, Counter[str]] = {place: Counter() for place in shown}
    for job_id, job in jobs.rows.items():
        for parent in job["parent_ids"]:
            if parent in place_of and {place_of[parent], place_of[job_id]} <= shown.keys():
                edges[place_of[job_id]][shown[place_of[parent]]] += 1
    nodes = [
        Node(key, place[0], place[1], jobs.apps.get(place[1], str(place[1])), numbers[place], "", dict(edges[place]))
        for place, key in shown.items()
    ]
    return Graph(nodes, True, sum(numbers.values()) - sum(node.number for node in nodes))
