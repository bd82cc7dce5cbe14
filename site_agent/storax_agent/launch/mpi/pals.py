"""HPE's PALS ``mpiexec``, of Cray EX machines. Tested for its arguments alone; there is no PALS to run here."""

from collections.abc import Sequence

from storax_agent.launch.mpi.base import Launched, Ranks


class Pals:
    """Inside a PBS allocation."""

    def command(self, argv: Sequence[str], ranks: Ranks) -> Launched:
        """CPUs by list, where they are given. Else a job that has its nodes alone gets as many hardware threads for
        each rank as it has threads; packed jobs would all get the first ones so, and are not bound."""
        prefix = ["mpiexec", "-n", str(ranks.total), "--ppn", str(ranks.per_node)]
        if ranks.nodes:
            prefix += ["--hosts", ",".join(ranks.nodes)]
        if ranks.chunks:
            prefix += ["--cpu-bind", "list:" + ":".join(",".join(map(str, chunk)) for chunk in ranks.chunks)]
        elif ranks.shared:
            prefix += ["--cpu-bind", "none"]
        else:
            prefix += ["--depth", str(ranks.threads), "--cpu-bind", "depth"]
        return Launched([*prefix, *ranks.options, *argv], {})
