"""What every batch system must tell from inside an allocation."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from storax.errors import StoraxError


class NodesError(StoraxError):
    """The allocation's nodes cannot be read from the environment; the message names the variable."""


class NodeInfo(NamedTuple):
    """One node of an allocation, as far as the batch system tells; 0 where it does not.

    ``cores`` are what it counts out to jobs, ``threads`` hardware threads in each, ``memory_mb`` MiB.
    """

    name: str
    cores: int = 0
    threads: int = 1
    gpus: int = 0
    memory_mb: int = 0


class Cluster(Protocol):
    """One batch system."""

    def present(self, environment: Mapping[str, str]) -> bool:
        """Whether this process is inside one of its allocations."""

    def nodes(self, environment: Mapping[str, str]) -> list[NodeInfo]:
        """The allocation's nodes, in its order, each once. Raises ``NodesError``."""

    def on_node(self, node: str, argv: Sequence[str]) -> list[str]:
        """The command that runs ``argv`` on ``node`` with our stdin and stdout, and ends when ``argv`` ends."""


def lines_of(environment: Mapping[str, str], variable: str) -> list[list[str]]:
    """The words of each line of the file that ``variable`` names. Raises ``NodesError``."""
    try:
        text = Path(environment[variable]).read_text(encoding="utf-8")
    except (KeyError, OSError, UnicodeDecodeError) as error:
        raise NodesError(f"the nodes of this allocation cannot be read from ${variable}: {error}") from error
    return [fields for line in text.splitlines() if (fields := line.split())]


def counted(hosts: Sequence[str], *, gpus: int = 0) -> list[NodeInfo]:
    """Nodes from a list that names each once for every core."""
    return [NodeInfo(name, hosts.count(name), gpus=gpus) for name in dict.fromkeys(hosts)]


def visible_gpus(environment: Mapping[str, str] = os.environ) -> int:
    """How many GPUs this node was given; batch systems that give any set this variable."""
    return len([name for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()])
