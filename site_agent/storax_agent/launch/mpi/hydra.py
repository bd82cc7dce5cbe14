"""MPICH's ``mpiexec`` (Hydra), also of Intel MPI and MVAPICH."""

from collections.abc import Sequence

from storax_agent.launch.mpi.base import Launched, Ranks

# After a rank failed, mpiexec may write to a proxy that has ended already; SIGPIPE would kill it (one time in a hundred
# on a busy machine), and the exit code of the rank would be lost. Its proxies give ranks the default disposition again.
IGNORING_SIGPIPE = ("sh", "-c", 'trap "" PIPE; exec "$@"', "mpiexec")


class Hydra:
    """Starts its proxies over the batch system it finds, or by ssh."""

    def command(self, argv: Sequence[str], ranks: Ranks) -> Launched:
        """``-hosts`` with the number of ranks on each, so that they are filled node by node."""
        prefix = [*IGNORING_SIGPIPE, "mpiexec", "-n", str(ranks.total), "-ppn", str(ranks.per_node)]
        if ranks.nodes:
            prefix += ["-hosts", ",".join(f"{node}:{ranks.per_node}" for node in ranks.nodes)]
        if ranks.chunks:
            prefix += ["-bind-to", "user:" + ",".join("+".join(map(str, chunk)) for chunk in ranks.chunks)]
        return Launched([*prefix, *ranks.options, *argv], {})
