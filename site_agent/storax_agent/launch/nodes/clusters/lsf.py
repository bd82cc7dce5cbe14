"""IBM Spectrum LSF: nodes from LSB_DJOB_HOSTFILE or LSB_HOSTS, processes by ``blaunch``."""

from collections.abc import Mapping, Sequence

from storax_agent.launch.nodes.clusters.base import NodeInfo, NodesError, counted, lines_of, visible_gpus


class Lsf:
    """Tested with host files as documented; there is no LSF to run here."""

    def present(self, environment: Mapping[str, str]) -> bool:
        """Inside an LSF job."""
        return "LSB_DJOB_HOSTFILE" in environment or "LSB_HOSTS" in environment

    def nodes(self, environment: Mapping[str, str]) -> list[NodeInfo]:
        """A name for each slot; the file comes first, for LSB_HOSTS is left out of large jobs."""
        if "LSB_DJOB_HOSTFILE" in environment:
            hosts = [fields[0] for fields in lines_of(environment, "LSB_DJOB_HOSTFILE")]
        else:
            hosts = environment.get("LSB_HOSTS", "").split()
        if not hosts:
            raise NodesError("neither LSB_DJOB_HOSTFILE nor LSB_HOSTS names a node")
        return counted(hosts, gpus=visible_gpus(environment))

    def on_node(self, node: str, argv: Sequence[str]) -> list[str]:
        """By LSF's own remote start, which belongs to the job."""
        return ["blaunch", node, *argv]
