"""No launch command: the process itself, once. It may start its own threads and ranks on the cores it was given."""

from collections.abc import Sequence

from storax_agent.launch.mpi.base import Launched, Ranks


class Local:
    """For one machine without MPI."""

    def command(self, argv: Sequence[str], ranks: Ranks) -> Launched:  # noqa: ARG002
        """The process itself."""
        return Launched(list(argv), {})
