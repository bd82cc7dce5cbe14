"""The launcher of an allocation: packs work onto its nodes and starts it there.

    serial  one persistent launcher process per node, reached over the batch system's remote start; each job is one
            process, started by the launcher of its node
    mpi     the launcher of the first node alone; each job is one launch command (mpiexec, srun) over its nodes

What is free is known here and nowhere else, so the launchers of the nodes are told where each process goes. When this
process dies they keep what runs for half a session's life, for a runner that takes its place; then they end it, before
the server offers those jobs anew.
"""

import json
import logging
import select
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from storax_agent.launch.base import (
    Cause,
    Ended,
    Events,
    LauncherLostError,
    Lease,
    Opened,
    Place,
    Started,
    Work,
    stage_of,
)
from storax_agent.launch.mpi.base import Launch, Ranks
from storax_agent.launch.nodes.clusters.base import NodeInfo
from storax_agent.launch.nodes.link import NodeLink
from storax_agent.launch.packing import Capacity, Node, Packer, Queue
from storax_agent.launch.spawner.journal import ended_of, started_of
from storax_agent.launch.spawner.start import START_SEC

LOG = logging.getLogger(__name__)
Mode = Literal["serial", "mpi"]
Record = dict[str, Any]


@dataclass
class Placed:
    """Work that was given to a node. ``work`` is kept until its process is known to run."""

    link: str
    place: Place
    workdir: str
    work: Work | None
    stop: Record | None = None
    stage: str = ""


class AllocationLauncher:
    """See above. ``links`` are the nodes with a launcher of their own, the first one ours; ``left`` tells the seconds
    in which work must end. Not safe for threads."""

    def __init__(
        self,
        nodes: Sequence[NodeInfo],
        links: Callable[[select.epoll], Sequence[NodeLink]],
        *,
        mode: Mode,
        launch: Launch,
        pin: bool,
        left: Callable[[], float],
    ) -> None:
        self._nodes = {node.name: node for node in nodes}
        self._mode, self._launch, self._pin, self._left = mode, launch, pin, left
        self._epoll = select.epoll()
        self._links = {link.name: link for link in links(self._epoll)}
        self._head = next(iter(self._links))
        self._packer = Packer([])
        self._queue = Queue(time.monotonic)
        self._placed: dict[Lease, Placed] = {}
        self._started: list[Started] = []
        self._ended: list[Ended] = []

    @property
    def gone(self) -> str:
        """Why nothing can run here any more, or an empty text."""
        return "; ".join(f"node {link.name}: {link.why}" for link in self._links.values()) if self._all_dead else ""

    @property
    def _all_dead(self) -> bool:
        return all(link.dead for link in self._links.values())

    # What the agent asks

    def open(self, cursor: str) -> Opened:
        """Reach the nodes, all at once. Those that are not up within 15 s join later.

        Raises:
            LauncherLostError: none can be reached.
        """
        for name, seen in (json.loads(cursor) if cursor else {}).items():
            if name in self._links:
                self._links[name].resume(seen)
        deadline = time.monotonic() + START_SEC
        while time.monotonic() < deadline and not all(link.up or link.dead for link in self._links.values()):
            self._turn(0.05)
        if self._all_dead:
            raise LauncherLostError(f"no node of the allocation can be reached: {self.gone}")
        return Opened(self._epoll.fileno(), [row for row in self._started if row.lease in self._placed])

    def start(self, works: Sequence[Work]) -> None:
        """Queue processes."""
        self._queue.extend(work for work in works if work.lease not in self._placed)
        self._fill()

    def stop(self, leases: Sequence[Lease], *, cause: Cause, grace_sec: float) -> None:
        """End processes; queued work ends unstarted."""
        for lease in leases:
            placed, work = self._placed.get(lease), self._queue.remove(lease)
            if work is not None:
                self._ended.append(Ended(lease, time.time(), None, cause, "", work.workdir, False))
            elif placed is not None and placed.stop is None:
                placed.stop = {"stop": {"leases": [lease], "cause": cause, "grace": grace_sec}}
                self._links[placed.link].send(placed.stop)

    def poll(self) -> Events:
        """Events so far."""
        self._turn(0)
        self._give_back()
        self._fill()
        self._turn(0)
        events = Events(self._started, self._ended, self._cursor() if self._started or self._ended else "")
        self._started, self._ended = [], []
        return events

    def ack(self, cursor: str) -> None:
        """Events up to ``cursor`` are stored."""
        for name, seen in json.loads(cursor).items():
            link = self._links.get(name)
            if link is not None and link.up and link.acked != seen:
                link.acked = seen
                link.send({"ack": int(seen.partition(":")[2])})

    def close(self, *, end: bool) -> None:
        """Let go; with ``end`` the launchers of the nodes end too."""
        for link in self._links.values():
            if end:
                link.send({"end": True})
        for link in self._links.values():
            link.close()
        self._epoll.close()

    # What the nodes say

    def _turn(self, seconds: float) -> None:
        ready = {handle for handle, _ in self._epoll.poll(seconds)}
        now = time.monotonic()
        for link in self._links.values():
            if link.fileno in ready:
                records = link.receive()
                for record in records or ():
                    self._take(link, record)
                if records is None:
                    self._lost(link)
            if link.attend(now):
                self._lost(link)

    def _take(self, link: NodeLink, record: Record) -> None:
        if "running" in record:
            self._greeted(link, record)
            return
        for started in map(started_of, record["s"]):
            self._runs(link, started)
        for ended in map(ended_of, record["e"]):
            self._done(ended)
        link.seq = record["n"]

    def _runs(self, link: NodeLink, started: Started) -> None:
        known = self._placed.get(started.lease)
        if known is None:
            self._placed[started.lease] = Placed(link.name, started.place, started.workdir, None, stage=started.stage)
            self._packer.take(started.place)
        else:
            known.work = None
        self._started.append(started)

    def _done(self, ended: Ended) -> None:
        placed = self._placed.pop(ended.lease, None)
        if placed is not None:
            self._packer.give_back(placed.place)
        self._ended.append(ended)

    def _greeted(self, link: NodeLink, record: Record) -> None:
        """A node is there, new or again: count what runs on it, ask again for what was on its way."""
        link.greeted()
        link.journal = record["journal"]
        for node in self._joining(link, record["cpus"]):
            self._packer.add(node)
            for placed in self._placed.values():
                self._recount(node, placed)
        running = {row.lease: row for row in map(started_of, record["running"])}
        for row in running.values():
            if row.lease not in self._placed:
                self._runs(link, row)
        for lease, placed in [(key, value) for key, value in self._placed.items() if value.link == link.name]:
            self._catch_up(link, lease, placed, runs=lease in running)

    def _joining(self, link: NodeLink, cpus: int) -> list[Node]:
        infos = [self._nodes[link.name]] if self._mode == "serial" else list(self._nodes.values())
        new = [info for info in infos if info.name not in self._packer.nodes]
        return [Node(n.name, cores=n.cores or cpus, gpus=n.gpus, memory_mb=n.memory_mb) for n in new]

    @staticmethod
    def _recount(node: Node, placed: Placed) -> None:
        if node.name in placed.place.nodes:
            node.take(node.whole if len(placed.place.nodes) > 1 else placed.place)

    def _catch_up(self, link: NodeLink, lease: Lease, placed: Placed, *, runs: bool) -> None:
        if not runs and placed.work is not None:
            link.send({"work": [placed.work]})
        elif not runs:
            self._done(_lost_end(lease, placed, "it ended while its node could not be reached"))
        if placed.stop is not None:
            link.send(placed.stop)

    def _lost(self, link: NodeLink) -> None:
        """A line broke. Nothing new starts there; what runs there ends when the node is given up."""
        LOG.warning("node %s: %s%s", link.name, link.why, "; given up" if link.dead else "; trying again")
        for name in [link.name] if self._mode == "serial" else list(self._packer.nodes):
            self._packer.remove(name)
        if not link.dead:
            return
        for lease, placed in [(key, value) for key, value in self._placed.items() if value.link == link.name]:
            if placed.work is not None and not self._all_dead and placed.stop is None:
                del self._placed[lease]
                self._queue.extend([_unplaced(placed.work)])
            else:
                self._done(_lost_end(lease, placed, f"node {link.name} was lost: {link.why}"))

    # What starts next

    def _give_back(self) -> None:
        """What cannot end inside the allocation any more may run elsewhere meanwhile."""
        left = self._left()
        for work in self._queue.take_late(left):
            why = (
                f"its {work.wall_sec / 60:g} minutes are more than the {max(0.0, left) / 60:.1f} left to the allocation"
            )
            told = Ended(work.lease, time.time(), None, "no_time", why, work.workdir, False, stage_of(work))
            self._ended.append(told)

    def _fill(self) -> None:
        batches: dict[str, list[Work]] = {}
        while found := self._queue.next_fit(self._packer, left=self._left()):
            work, place = found
            self._packer.take(place)
            name, work = self._prepared(work, place)
            self._placed[work.lease] = Placed(name, place, work.workdir, work, stage=stage_of(work))
            batches.setdefault(name, []).append(work)
        for name, works in batches.items():
            self._links[name].send({"work": works})

    def _prepared(self, work: Work, place: Place) -> tuple[str, Work]:
        """The node whose launcher starts it, and what that one starts."""
        if work.call is not None and self._mode != "serial":
            return self._head, work._replace(place=place)  # a worker is one process, beside the ranks of others
        if self._mode == "serial":
            return place.nodes[0], work._replace(place=place)
        cores = place.cores if self._pin else ()
        ranks = Ranks(place.nodes, work.ranks, work.threads, cores, work.params, shared=bool(place.cores))
        argv, more = self._launch.command(work.argv, ranks)
        environment = {**work.environment, **more}
        return self._head, work._replace(place=place, argv=argv, environment=environment)

    def _cursor(self) -> str:
        return json.dumps({link.name: link.cursor for link in self._links.values() if link.cursor})


def _lost_end(lease: Lease, placed: Placed, why: str) -> Ended:
    return Ended(lease, time.time(), None, "lost", why, placed.workdir, True, placed.stage)


def _unplaced(work: Work) -> Work:
    return work._replace(place=None)


def sizes_of(nodes: Iterable[NodeInfo], *, default: Capacity) -> list[NodeInfo]:
    """The nodes with what the batch system did not tell, from the site's settings."""
    return [
        node._replace(
            cores=node.cores or default.cores, gpus=node.gpus or default.gpus,
            memory_mb=node.memory_mb or default.memory_mb,
        )
        for node in nodes
    ]  # fmt: skip
