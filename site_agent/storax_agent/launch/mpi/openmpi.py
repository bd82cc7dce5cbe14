"""Open MPI's ``mpiexec``, of version 4 (ORTE) and 5 (PRRTE)."""

import os
from collections.abc import Sequence

from storax_agent.launch.mpi.base import Launched, Ranks

AS_ROOT = ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "PRTE_ALLOW_RUN_AS_ROOT",
           "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM")  # fmt: skip


class OpenMpi:
    """Ranks are bound by the launcher's own CPUs, which its local ranks inherit; whole nodes are left to Open MPI."""

    def command(self, argv: Sequence[str], ranks: Ranks) -> Launched:
        """``--oversubscribe``: a node's slots are counted by us, not by what Open MPI finds there."""
        prefix = ["mpiexec", "-n", str(ranks.total), "--oversubscribe"]
        if ranks.nodes:
            prefix += ["--host", ",".join(f"{node}:{ranks.per_node}" for node in ranks.nodes)]
            prefix += ["--map-by", f"ppr:{ranks.per_node}:node"]
        prefix += ["--bind-to", "none"]
        # An agent of root, as in a container, runs jobs of root; Open MPI asks to be told so.
        environment = dict.fromkeys(AS_ROOT, "1") if os.geteuid() == 0 else {}
        return Launched([*prefix, *ranks.options, *argv], environment)
