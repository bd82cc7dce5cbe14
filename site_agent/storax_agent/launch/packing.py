"""Which work goes where: the nodes of an allocation, what is free on each, and the queue of work that waits.

Pure: no clock but the one passed in, no file, no process. A node is never given more than it has, in four measures:
cores; GPUs, each a sum of shares of at most one device; occupancy, the sum of 1/node_packing_count of its jobs; and the
memory that its jobs ask for, where the node's own is known.
Work for several nodes takes whole idle ones.

This is the one definition of what fits a node at a site; what a job needs of one is ``storax/_runtime/footprint.py``.
The server has the same rule in SQL (``queries/capacity.py`` of core), because it counts over all jobs of a site without
reading them; tests compare the two.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from storax._runtime.footprint import DEVICE
from storax_agent.launch.footprint import Footprint
from storax_agent.launch.work import Lease, Place, Work

ONE_MACHINE = ("",)
LOOK_AHEAD = 64
PASSED_OVER_SEC = 30.0
SLACK = 1e-9  # of sums like 1/3 + 1/3 + 1/3


class Capacity(NamedTuple):
    """What a node has for jobs. ``memory_mb`` is in MiB, 0 where nobody knows."""

    cores: int
    gpus: int = 0
    memory_mb: int = 0


def shortage(
    work: Work | Footprint, *, cores: int, gpus: Mapping[int, int], memory_mb: int | None, occupied: float = 0.0
) -> str:
    """What a node with this much free lacks for ``work``: ``cores``, ``occupancy``, ``memory`` or ``gpus``; empty where
    it fits. The one definition of what fits a node. ``gpus`` are free shares in millionths, ``memory_mb`` None bounds
    nothing, ``occupied`` is the sum of 1/node_packing_count of what runs."""
    if work.cores > cores:
        return "cores"
    if work.packing and occupied + 1 / work.packing > 1 + SLACK:
        return "occupancy"
    if memory_mb is not None and work.memory_mb > max(0, memory_mb):
        return "memory"
    if work.gpus and devices_for(work.gpus, gpus) is None:
        return "gpus"
    return ""


def lacks(size: Capacity, work: Work | Footprint) -> str:
    """``shortage`` of an idle node of this size."""
    gpus = dict.fromkeys(range(size.gpus), DEVICE)
    return shortage(work, cores=size.cores, gpus=gpus, memory_mb=size.memory_mb or None)


def devices_for(shares: Sequence[int], free: Mapping[int, int]) -> dict[int, int] | None:
    """A device for each share, the fullest that still has room, so that whole devices stay free for whole asks."""
    left = dict(free)
    taken: Counter[int] = Counter()
    for share in sorted(shares, reverse=True):
        gpu = min((gpu for gpu in left if left[gpu] >= share), key=left.__getitem__, default=None)
        if gpu is None:
            return None
        left[gpu] -= share
        taken[gpu] += share
    return dict(taken)


class Node:
    """What is free on one node. Cores and GPUs are counted from 0; memory that is not known (0) bounds nothing.

    Adopted work may occupy more than there is after a change of settings; then nothing starts until it ends.
    """

    def __init__(self, name: str = "", *, cores: int = 0, gpus: int = 0, memory_mb: int = 0) -> None:
        self.name = name
        self.jobs = 0
        self.memory_used = 0
        self._cores_used: Counter[int] = Counter()
        self._gpus_used: Counter[int] = Counter()
        self._packings: Counter[int] = Counter()
        self.resize(cores, gpus, memory_mb)

    def resize(self, cores: int, gpus: int, memory_mb: int = 0) -> None:
        """A new agent may come with new settings."""
        self.cores, self.gpus, self.memory_mb = cores, gpus, memory_mb
        self.free = [core for core in range(cores) if not self._cores_used[core]]

    @property
    def idle(self) -> bool:
        """Whether nothing runs on it."""
        return self.jobs == 0

    @property
    def occupancy(self) -> float:
        """Sum of 1/node_packing_count; summed anew each time, so that no error builds up."""
        return sum(number / count for count, number in self._packings.items())

    def fit(self, work: Work | Footprint) -> Place | None:
        """Where on this node ``work`` could run now, or None. Takes nothing."""
        gpus_left = self.gpus_left() if work.gpus else {}
        memory_left = self.memory_mb - self.memory_used if self.memory_mb else None
        occupied = self.occupancy if work.packing else 0.0
        if shortage(work, cores=len(self.free), gpus=gpus_left, memory_mb=memory_left, occupied=occupied):
            return None
        gpus = devices_for(work.gpus, gpus_left) or {}
        nodes = (self.name,) if self.name else ()
        return Place(self.free[: work.cores], gpus, work.packing, nodes, work.memory_mb)

    def take(self, place: Place) -> None:
        """Count what runs at ``place``, whether it fits or was found running."""
        self.jobs += 1
        self._count(place, 1)
        for core in place.cores:
            if core in self.free:
                self.free.remove(core)

    def give_back(self, place: Place) -> None:
        """What ran at ``place`` has ended."""
        self.jobs -= 1
        self._count(place, -1)
        self.free += [core for core in place.cores if core < self.cores and not self._cores_used[core]]
        self.free.sort()

    @property
    def size(self) -> Capacity:
        """What it has when nothing runs."""
        return Capacity(self.cores, self.gpus, self.memory_mb)

    @property
    def whole(self) -> Place:
        """All of it."""
        return Place(range(self.cores), dict.fromkeys(range(self.gpus), DEVICE), 1, memory_mb=self.memory_mb)

    def _count(self, place: Place, sign: int) -> None:
        for core in place.cores:
            self._cores_used[core] += sign
        for gpu, share in place.gpus.items():
            self._gpus_used[gpu] += sign * share
        if place.packing:
            self._packings[place.packing] += sign
        self.memory_used += sign * place.memory_mb

    def gpus_left(self) -> dict[int, int]:
        """The free share of each device, in millionths."""
        return {gpu: DEVICE - self._gpus_used[gpu] for gpu in range(self.gpus)}


class Packer:
    """The nodes of one launcher."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes: dict[str, Node] = {node.name: node for node in nodes}

    def add(self, node: Node) -> None:
        """A node came up."""
        self.nodes[node.name] = node

    def remove(self, name: str) -> None:
        """A node is gone."""
        self.nodes.pop(name, None)

    @property
    def full(self) -> bool:
        """Whether nothing at all could start."""
        for node in self.nodes.values():  # noqa: SIM110 - once per start and end, where any() costs twice as much
            if node.free:
                return False
        return True

    def fit(self, work: Work) -> Place | None:
        """Where ``work`` could run now, or None. Takes nothing."""
        if work.nodes > 1:
            return self._fit_whole(work)
        best: tuple[int, Place] | None = None
        for node in self.nodes.values():
            # The fullest node it fits on: idle ones stay whole for work that needs several.
            if work.cores <= len(node.free) and (best is None or len(node.free) < best[0]):
                place = node.fit(work)
                best = best if place is None else (len(node.free), place)
        return None if best is None else best[1]

    def _fit_whole(self, work: Work) -> Place | None:
        idle = [n.name for n in self.nodes.values() if n.idle and not lacks(n.size, work)]
        return Place(nodes=idle[: work.nodes]) if len(idle) >= work.nodes else None

    def take(self, place: Place) -> None:
        """Count what runs at ``place``; nodes that are not there are passed over."""
        for node in self._nodes_of(place):
            node.take(node.whole if len(place.nodes) > 1 else place)

    def give_back(self, place: Place) -> None:
        """What ran at ``place`` has ended."""
        for node in self._nodes_of(place):
            node.give_back(node.whole if len(place.nodes) > 1 else place)

    def _nodes_of(self, place: Place) -> list[Node]:
        return [self.nodes[name] for name in place.nodes or ONE_MACHINE if name in self.nodes]


def objection(sizes: Sequence[Capacity], work: Work | Footprint, *, where: str, mend: Mapping[str, str]) -> str:
    """Why ``work`` can never run on nodes of these sizes, or an empty text. ``where`` names them, ``mend`` has what to
    say further of ``cores``, ``gpus`` or ``memory``."""
    if work.nodes > len(sizes):
        return f"needs {work.nodes} nodes; {where} has {len(sizes)}"
    per_node = " on each node" if work.nodes > 1 else ""
    lacking = [(size, lacks(size, work)) for size in sizes]
    if sum(not lack for _, lack in lacking) >= work.nodes:
        return ""
    with_cores = [(size, lack) for size, lack in lacking if lack != "cores"]
    if len(with_cores) < work.nodes:
        most = max((size.cores for size in sizes), default=0)
        return f"needs {work.cores} cores{per_node}; {where} has {most}{mend.get('cores', '')}"
    if sum(lack != "memory" for _, lack in with_cores) < work.nodes:
        most = max(size.memory_mb for size, _ in with_cores)
        return f"needs {work.memory_mb} MiB of memory{per_node}; {where} has {most}{mend.get('memory', '')}"
    devices = -(-sum(work.gpus) // DEVICE)
    most = max(size.gpus for size in sizes)
    return f"needs {devices} GPUs{per_node}; {where} has {most}{mend.get('gpus', '')}"


class Queue:
    """Work in order of arrival. The first that fits goes first, but nobody is passed over for longer than 30 s.

    ``clock`` gives seconds. Work whose wall time is longer than ``left`` is not started.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._works: deque[Work] = deque()
        self._clock = clock
        self._waiting: tuple[Lease, float] | None = None

    def __len__(self) -> int:
        return len(self._works)

    def extend(self, works: Iterable[Work]) -> None:
        """Add at the end."""
        self._works.extend(works)

    def clear(self) -> None:
        """Forget all."""
        self._works.clear()

    def remove(self, lease: Lease) -> Work | None:
        """Take out one by its lease."""
        for place, work in enumerate(self._works):
            if work.lease == lease:
                del self._works[place]
                return work
        return None

    def take_late(self, left: float) -> list[Work]:
        """Take out all that cannot end within ``left`` seconds any more."""
        late = [work for work in self._works if not _ends_within(work, left)]
        if late:
            self._works = deque(work for work in self._works if _ends_within(work, left))
        return late

    def next_fit(self, packer: Packer, *, left: float | None = None) -> tuple[Work, Place] | None:
        """Take out the next work that fits and ends within ``left`` seconds, with its place; or None."""
        if not self._works or packer.full:
            return None
        head = 0 if left is None else self._first_in_time(left)
        if head is None:
            return None
        work = self._works[head]
        if (place := packer.fit(work)) is not None:
            self._waiting = None
            del self._works[head]
            return work, place
        return None if self._patience_over(work.lease) else self._overtake(packer, head + 1, left)

    def _first_in_time(self, left: float) -> int | None:
        return next((place for place, work in enumerate(self._works) if _ends_within(work, left)), None)

    def _overtake(self, packer: Packer, start: int, left: float | None) -> tuple[Work, Place] | None:
        for number, work in enumerate(islice(self._works, start, start + LOOK_AHEAD), start):
            if left is not None and not _ends_within(work, left):
                continue
            if (place := packer.fit(work)) is not None:
                del self._works[number]
                return work, place
        return None

    def _patience_over(self, first: Lease) -> bool:
        now = self._clock()
        if self._waiting is None or self._waiting[0] != first:
            self._waiting = (first, now)
        return now - self._waiting[1] > PASSED_OVER_SEC


def _ends_within(work: Work, left: float) -> bool:
    """Whether it may start: its expected run time fits. A hook may at any time: one that is cut off runs again."""
    return work.expected_sec <= left or work.stage not in ("", "run")
