"""No batch system: the allocation is this machine, of the size that site.toml gives."""

import socket
from collections.abc import Mapping, Sequence

from storax_agent.launch.nodes.clusters.base import NodeInfo


class SingleNode:
    """One node. Its cores and GPUs are the site's ``slots`` and ``gpus``."""

    def present(self, environment: Mapping[str, str]) -> bool:  # noqa: ARG002
        """Always: the last to be asked."""
        return True

    def nodes(self, environment: Mapping[str, str]) -> list[NodeInfo]:  # noqa: ARG002
        """This machine."""
        return [NodeInfo(socket.gethostname())]

    def on_node(self, node: str, argv: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Here."""
        return list(argv)
