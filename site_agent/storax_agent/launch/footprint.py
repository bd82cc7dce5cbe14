"""What a job takes of a node: cores, shares of GPUs, occupancy, memory."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from storax._runtime.footprint import cores, shares


class Footprint(NamedTuple):
    """Per node, for each of ``nodes``. The names are those of ``Work``."""

    cores: int
    gpus: list[int]
    packing: int
    nodes: int
    ranks: int
    threads: int
    params: dict[str, str]
    memory_mb: int


def footprint(job: Mapping[str, Any], *, whole_nodes: bool = False) -> Footprint:
    """The footprint of a leased job.

    ``node_packing_count`` 1 is its default and states no occupancy, so that jobs of one core share a node; with
    ``whole_nodes`` it means that the job has its node for itself, as it does in Balsam.
    """
    nodes, ranks = job.get("num_nodes") or 1, job.get("ranks_per_node") or 1
    threads, per_core = job.get("threads_per_rank") or 1, job.get("threads_per_core") or 1
    packing = job.get("node_packing_count") or 1
    occupies = packing if packing > 1 or whole_nodes else 0
    gpus = shares(job.get("gpus_per_rank") or 0.0, ranks)
    params = {str(name): str(value) for name, value in (job.get("launch_params") or {}).items()}
    memory_mb = job.get("mem_per_node_mb") or 0
    return Footprint(cores(ranks, threads, per_core), gpus, occupies, nodes, ranks, threads, params, memory_mb)
