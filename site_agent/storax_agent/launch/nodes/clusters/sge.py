"""Grid Engine: nodes from PE_HOSTFILE, processes by ``qrsh -inherit``."""

from collections.abc import Mapping, Sequence

from storax_agent.launch.nodes.clusters.base import NodeInfo, NodesError, lines_of, visible_gpus


class Sge:
    """Tested with host files as documented. The parallel environment needs ``control_slaves TRUE``."""

    def present(self, environment: Mapping[str, str]) -> bool:
        """Inside a job with a parallel environment."""
        return "PE_HOSTFILE" in environment

    def nodes(self, environment: Mapping[str, str]) -> list[NodeInfo]:
        """Lines of host, slots, queue, processors; a host with slots in two queues has two lines."""
        slots: dict[str, int] = {}
        for fields in lines_of(environment, "PE_HOSTFILE"):
            try:
                slots[fields[0]] = slots.get(fields[0], 0) + int(fields[1])
            except (IndexError, ValueError):
                raise NodesError(f"the line {' '.join(fields)[:100]!r} of PE_HOSTFILE is no host with slots") from None
        if not slots:
            raise NodesError("the file that PE_HOSTFILE names lists no node")
        return [NodeInfo(name, number, gpus=visible_gpus(environment)) for name, number in slots.items()]

    def on_node(self, node: str, argv: Sequence[str]) -> list[str]:
        """Counted as a task of the job, ended with it."""
        return ["qrsh", "-inherit", "-V", node, *argv]
