"""Which work was sent to which node of an allocation, and what that leaves free."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from storax_agent.launch.nodes.clusters.base import NodeInfo
from storax_agent.launch.packing import Node, Packer
from storax_agent.launch.protocol.messages import Request, Start, Stop
from storax_agent.launch.work import Ended, Lease, Place, Started, Work


@dataclass
class Placed:
    """Work that was sent to a node. ``work`` is kept until its process is known to run."""

    node: str
    place: Place
    workdir: str
    work: Work | None
    stop: Stop | None = None
    stage: str = ""

    def lost(self, lease: Lease, why: str) -> Ended:
        """Its end, of which nothing more is known."""
        return Ended(lease, time.time(), None, "lost", why, self.workdir, True, self.stage)


class Placements:
    """``packer`` knows what is free on the ``nodes`` that can be reached. With ``serial`` each has a spawner of its
    own, else the first one has it for all."""

    def __init__(self, nodes: Sequence[NodeInfo], *, serial: bool) -> None:
        self._nodes = {node.name: node for node in nodes}
        self._serial = serial
        self._placed: dict[Lease, Placed] = {}
        self.packer = Packer([])

    def __contains__(self, lease: Lease) -> bool:
        return lease in self._placed

    def add(self, node: str, work: Work, place: Place) -> None:
        """Work goes to the spawner of ``node``."""
        self.packer.take(place)
        self._placed[work.lease] = Placed(node, place, work.workdir, work, stage=work.stage)

    def stop(self, stop: Stop, lease: Lease) -> str:
        """Work is to stop: the name of its node; empty where it is on none, or was asked to stop before."""
        placed = self._placed.get(lease)
        if placed is None or placed.stop is not None:
            return ""
        placed.stop = stop
        return placed.node

    def started(self, node: str, started: Started) -> None:
        """A process runs: it need not be sent again."""
        placed = self._placed.get(started.lease)
        if placed is None:
            self._placed[started.lease] = Placed(node, started.place, started.workdir, None, stage=started.stage)
            self.packer.take(started.place)
        else:
            placed.work = None

    def ended(self, lease: Lease) -> None:
        """What ran has ended."""
        placed = self._placed.pop(lease, None)
        if placed is not None:
            self.packer.give_back(placed.place)

    def joined(
        self, node: str, running: Sequence[Started], *, cpus: int
    ) -> tuple[list[Started], list[Request], list[Ended]]:
        """A node can be reached, for the first time or again: what of its ``running`` was not known, what to ask of it
        now, and what has ended there meanwhile."""
        self._add_nodes(node, cpus)
        new = [row for row in running if row.lease not in self._placed]
        for row in new:
            self.started(node, row)
        alive = {row.lease for row in running}
        requests: list[Request] = []
        lost: list[Ended] = []
        for lease, placed in self._on(node):
            if lease not in alive and placed.work is not None:
                requests.append(Start([placed.work]))
            elif lease not in alive:
                lost.append(placed.lost(lease, "it ended while its node could not be reached"))
                self.ended(lease)
            if placed.stop is not None:
                requests.append(placed.stop)
        return new, requests, lost

    def leave(self, node: str) -> None:
        """A node cannot be reached: nothing new starts there."""
        for name in [node] if self._serial else list(self.packer.nodes):
            self.packer.remove(name)

    def give_up(self, node: str, why: str, *, restart: bool) -> tuple[list[Work], list[Ended]]:
        """A node is gone for good: what never started there (with ``restart``: to be started elsewhere), and what is
        lost with it."""
        again: list[Work] = []
        lost: list[Ended] = []
        for lease, placed in self._on(node):
            if placed.work is not None and restart and placed.stop is None:
                del self._placed[lease]
                again.append(replace(placed.work, place=None))
            else:
                self.ended(lease)
                lost.append(placed.lost(lease, f"node {node} was lost: {why}"))
        return again, lost

    def _on(self, node: str) -> list[tuple[Lease, Placed]]:
        return [(lease, placed) for lease, placed in self._placed.items() if placed.node == node]

    def _add_nodes(self, name: str, cpus: int) -> None:
        for info in [self._nodes[name]] if self._serial else self._nodes.values():
            if info.name in self.packer.nodes:
                continue
            node = Node(info.name, cores=info.cores or cpus, gpus=info.gpus, memory_mb=info.memory_mb)
            self.packer.add(node)
            for placed in self._placed.values():
                if node.name in placed.place.nodes:
                    node.take(node.whole if len(placed.place.nodes) > 1 else placed.place)
