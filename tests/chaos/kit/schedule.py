"""Which faults a storm brings, and when: all of it follows from the seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

PARTS = ("api", "agent", "launcher", "feeder", "postgres", "valkey", "tasks", "supervisor")
FREEZABLE = ("api", "agent", "launcher", "feeder", "postgres", "valkey", "tasks")
LOCKS = ("lock feed", "lock jobs", "hold a transaction")
EVERYWHERE = (
    *(f"kill {part}" for part in PARTS), *(f"freeze {part}" for part in FREEZABLE), *LOCKS,
    "end connections", "empty valkey", "kill away", "kill away launcher", "freeze away", "freeze away launcher",
    "cut network", "freeze network", "half-open network",
)  # fmt: skip
OF_A_DISK, OF_A_LINK = ("fill disk",), ("partition away",)
SHORTEST_SEC, LONGEST_SEC = 0.2, 4.0


@dataclass(frozen=True)
class Fault:
    """One fault of a schedule.

    Attributes:
        at: Seconds after the begin; a fault that is late follows the one before it at once.
        name: What it is.
        seconds: How long it lasts, unless it is a kill.
    """

    at: float
    name: str
    seconds: float

    def __str__(self) -> str:
        return self.name if self.name.startswith(("kill", "end", "empty")) else f"{self.name} for {self.seconds:.1f} s"


def schedule(seed: int, seconds: float, *, names: Sequence[str]) -> list[Fault]:
    """The faults of a seed."""
    rng, at, faults = random.Random(seed), 0.0, []
    while (at := at + rng.uniform(0.3, 3.0)) < seconds:
        faults.append(Fault(at, rng.choice(names), rng.uniform(SHORTEST_SEC, LONGEST_SEC)))
    return faults
