"""What every launch command must do: turn a job's own argv and its place into the argv that starts its ranks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


@dataclass(frozen=True)
class Ranks:
    """What to start and where. ``nodes`` empty means this machine.

    ``cores`` are the CPU numbers given on each node, empty for whole nodes or where nobody is held to them.
    ``params`` are the job's ``launch_params``: options of the command, a name with an empty value stands alone.
    ``shared``: other jobs may run on its nodes, so that a command must not choose CPUs by itself.
    """

    nodes: Sequence[str]
    per_node: int
    threads: int = 1
    cores: Sequence[int] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    shared: bool = False

    @property
    def total(self) -> int:
        """All ranks."""
        return self.per_node * max(1, len(self.nodes))

    @property
    def chunks(self) -> list[list[int]]:
        """The CPUs of each rank of a node, equally many; empty when they do not divide."""
        width, rest = divmod(len(self.cores), self.per_node)
        if rest or not width:
            return []
        return [list(self.cores[n * width : (n + 1) * width]) for n in range(self.per_node)]

    @property
    def options(self) -> list[str]:
        """The job's own options, after ours, so that they win."""
        return [word for name, value in self.params.items() for word in ((name, value) if value else (name,))]


class Launched(NamedTuple):
    """What to run, and what to add to its environment."""

    argv: list[str]
    environment: dict[str, str]


class Launch(Protocol):
    """One launch command."""

    def command(self, argv: Sequence[str], ranks: Ranks) -> Launched:
        """How to start ``argv`` in all ranks."""
