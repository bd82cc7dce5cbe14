"""Slurm: nodes from SLURM_JOB_NODELIST, processes by ``srun --overlap``."""

import re
from collections.abc import Mapping, Sequence
from itertools import chain, repeat

from storax_agent.launch.nodes.clusters.base import NodeInfo, NodesError, visible_gpus
from storax_agent.launch.nodes.clusters.hostlist import expand

COUNT = re.compile(r"(\d+)(?:\(x(\d+)\))?")


class Slurm:
    """Counts a CPU as a core, as Slurm does. ``--overlap`` needs Slurm 20.11 or newer."""

    def present(self, environment: Mapping[str, str]) -> bool:
        """Inside a Slurm job."""
        return "SLURM_JOB_NODELIST" in environment

    def nodes(self, environment: Mapping[str, str]) -> list[NodeInfo]:
        """Names from the node list, cores from SLURM_JOB_CPUS_PER_NODE as ``4(x2),2``."""
        names = expand(environment.get("SLURM_JOB_NODELIST", ""))
        if not names:
            raise NodesError("SLURM_JOB_NODELIST names no node")
        counts = [
            int(times or 1) * [int(number)]
            for number, times in COUNT.findall(environment.get("SLURM_JOB_CPUS_PER_NODE", ""))
        ]
        gpus_on_node = environment.get("SLURM_GPUS_ON_NODE", "")
        gpus = int(gpus_on_node) if gpus_on_node.isdigit() else visible_gpus(environment)
        threads = environment.get("SLURM_THREADS_PER_CORE", "")
        return [
            NodeInfo(name, cores, int(threads or 1), gpus, _memory_mb(environment, cores, gpus))
            for name, cores in zip(names, chain(chain.from_iterable(counts), repeat(0)), strict=False)
        ]

    def on_node(self, node: str, argv: Sequence[str]) -> list[str]:
        """One task, beside whatever else runs in the job; unbuffered, or its answers would wait for a full block."""
        options = ["--nodes=1", "--ntasks=1", f"--nodelist={node}", "--overlap", "--unbuffered", "--mem=0"]
        # Without these it would hold the node's worker to one CPU, and every job with it.
        return ["srun", *options, "--cpu-bind=none", "--export=ALL", "--quiet", *argv]


def _memory_mb(environment: Mapping[str, str], cores: int, gpus: int) -> int:
    """MiB of a node, by the one of ``--mem``, ``--mem-per-cpu`` and ``--mem-per-gpu`` that the allocation was asked
    with; 0, as for a whole node's memory, leaves it to the settings."""
    units = {"SLURM_MEM_PER_NODE": 1, "SLURM_MEM_PER_CPU": cores, "SLURM_MEM_PER_GPU": gpus}
    values = {name: environment.get(name, "") for name in units}
    return next((int(text) * units[name] for name, text in values.items() if text.isdigit()), 0)
