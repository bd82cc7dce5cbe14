"""PBS Pro, OpenPBS and Torque: nodes from PBS_NODEFILE, processes by ssh.

``pbsdsh`` and ``pbs_tmrsh`` pass no stdin on, by which a node's worker is spoken to. Where ssh between the nodes of an
allocation is not allowed, ``remote_start`` in site.toml can name the site's own way, such as ``mpiexec -n 1 -host``.
"""

from collections.abc import Mapping, Sequence

from storax_agent.launch.nodes.clusters.base import NodeInfo, NodesError, counted, lines_of, visible_gpus
from storax_agent.launch.nodes.clusters.ssh import on_node


class Pbs:
    """Tested with node files as documented; there is no PBS to run here."""

    def present(self, environment: Mapping[str, str]) -> bool:
        """Inside a PBS job."""
        return "PBS_NODEFILE" in environment

    def nodes(self, environment: Mapping[str, str]) -> list[NodeInfo]:
        """A line for each core or, where the job asked for fewer ranks than cores, for each rank; NCPUS tells more."""
        by_cores = counted(
            [fields[0] for fields in lines_of(environment, "PBS_NODEFILE")], gpus=visible_gpus(environment)
        )
        if not by_cores:
            raise NodesError(f"the file {environment['PBS_NODEFILE']} that PBS_NODEFILE names lists no node")
        ncpus = environment.get("NCPUS", "")
        least = int(ncpus) if ncpus.isdigit() else 0
        return [node._replace(cores=max(node.cores, least)) for node in by_cores]

    def on_node(self, node: str, argv: Sequence[str]) -> list[str]:
        """By ssh."""
        return on_node(node, argv)
