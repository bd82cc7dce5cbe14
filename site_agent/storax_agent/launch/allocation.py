"""The launcher of an allocation: packs work onto its nodes and starts it there.

    serial  one persistent spawner per node, reached over the batch system's remote start; each job is one process,
            started by the spawner of its node
    mpi     the spawner of the first node alone; each job is one launch command (mpiexec, srun) over its nodes

What is free is known here and nowhere else, so each piece of work is sent to a spawner with its place. When this
process dies they keep what runs for half a session's life, for a runner that takes its place; then they end it, before
the server offers those jobs anew.
"""

import json
import logging
import select
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from msgspec.structs import replace

from storax_agent.launch.base import LauncherEvents, LauncherLostError, Opened
from storax_agent.launch.mpi.base import Launch, Ranks
from storax_agent.launch.nodes.clusters.base import NodeInfo
from storax_agent.launch.nodes.placements import Placements
from storax_agent.launch.nodes.spawner_connection import NodeLink
from storax_agent.launch.packing import Capacity, Queue
from storax_agent.launch.protocol.messages import Acknowledge, End, Events, Reply, Start, Stop, Welcome
from storax_agent.launch.spawner.start import START_SEC
from storax_agent.launch.work import Cause, Ended, Lease, Place, Started, Work

LOG = logging.getLogger(__name__)
Mode = Literal["serial", "mpi"]


class AllocationLauncher:
    """See above. ``links`` are the nodes with a spawner of their own, the first one ours; ``left`` returns the seconds
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
        self._serial, self._launch, self._pin, self._left = mode == "serial", launch, pin, left
        self._epoll = select.epoll()
        self._links = {link.name: link for link in links(self._epoll)}
        self._head = next(iter(self._links))
        self._queue = Queue(time.monotonic)
        self._placements = Placements(nodes, serial=self._serial)
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
        return Opened(self._epoll.fileno(), [row for row in self._started if row.lease in self._placements])

    def start(self, works: Sequence[Work]) -> None:
        """Queue processes."""
        self._queue.extend(work for work in works if work.lease not in self._placements)
        self._fill()

    def stop(self, leases: Sequence[Lease], *, cause: Cause, grace_sec: float) -> None:
        """End processes; queued work ends unstarted."""
        for lease in leases:
            if (work := self._queue.remove(lease)) is not None:
                self._ended.append(Ended(lease, time.time(), None, cause, "", work.workdir, False))
            elif name := self._placements.stop(stop := Stop([lease], cause, grace_sec), lease):
                self._links[name].send(stop)

    def poll(self) -> LauncherEvents:
        """Events so far."""
        self._turn(0)
        self._end_late()
        self._fill()
        self._turn(0)
        events = LauncherEvents(self._started, self._ended, self._cursor() if self._started or self._ended else "")
        self._started, self._ended = [], []
        return events

    def ack(self, cursor: str) -> None:
        """Events up to ``cursor`` are stored."""
        for name, seen in json.loads(cursor).items():
            link = self._links.get(name)
            if link is not None and link.up and link.acked != seen:
                link.acked = seen
                link.send(Acknowledge(int(seen.partition(":")[2])))

    def close(self, *, end: bool) -> None:
        """Disconnect; with ``end`` the spawners of the nodes end too."""
        for link in self._links.values():
            if end:
                link.send(End())
        for link in self._links.values():
            link.close()
        self._epoll.close()

    # What the nodes say

    def _turn(self, seconds: float) -> None:
        ready = {handle for handle, _ in self._epoll.poll(seconds)}
        now = time.monotonic()
        for link in self._links.values():
            if link.fileno in ready:
                replies = link.receive()
                for reply in replies or ():
                    self._on_reply(link, reply)
                if replies is None:
                    self._on_lost(link)
            if link.supervise(now):
                self._on_lost(link)

    def _on_reply(self, link: NodeLink, reply: Reply) -> None:
        match reply:
            case Welcome():
                self._on_welcome(link, reply)
            case Events(seq, started, ended):
                for one in started:
                    self._placements.started(link.name, one)
                for end in ended:
                    self._placements.ended(end.lease)
                self._started += started
                self._ended += ended
                link.seq = seq

    def _on_welcome(self, link: NodeLink, welcome: Welcome) -> None:
        """A node is there, new or again: count what runs on it, ask again for what was on its way."""
        link.on_welcome(welcome.journal, welcome.version)
        new, requests, lost = self._placements.joined(link.name, welcome.running, cpus=welcome.cpus)
        self._started += new
        self._ended += lost
        for request in requests:
            link.send(request)

    def _on_lost(self, link: NodeLink) -> None:
        """A connection is lost. Nothing new starts there; what runs there ends when the node is given up."""
        LOG.warning("node %s: %s%s", link.name, link.why, "; given up" if link.dead else "; trying again")
        self._placements.leave(link.name)
        if link.dead:
            again, lost = self._placements.give_up(link.name, link.why, restart=not self._all_dead)
            self._queue.extend(again)
            self._ended += lost

    # What starts next

    def _end_late(self) -> None:
        """What cannot end inside the allocation any more may run elsewhere meanwhile."""
        left = self._left()
        for work in self._queue.take_late(left):
            minutes, remaining = work.expected_sec / 60, max(0.0, left) / 60
            why = f"its wall_time_min of {minutes:g} is more than the {remaining:.1f} minutes left to the allocation"
            self._ended.append(Ended(work.lease, time.time(), None, "no_time", why, work.workdir, False, work.stage))

    def _fill(self) -> None:
        batches: dict[str, list[Work]] = {}
        while fitting := self._queue.next_fit(self._placements.packer, left=self._left()):
            work, place = fitting
            name, work = self._prepared(work, place)
            self._placements.add(name, work, place)
            batches.setdefault(name, []).append(work)
        for name, works in batches.items():
            self._links[name].send(Start(works))

    def _prepared(self, work: Work, place: Place) -> tuple[str, Work]:
        """The node whose spawner starts it, and what that one starts."""
        if self._serial:
            return place.nodes[0], replace(work, place=place)
        if work.call is not None:
            return self._head, replace(work, place=place)  # a worker is one process, beside the ranks of others
        cores = place.cores if self._pin else ()
        ranks = Ranks(place.nodes, work.ranks, work.threads, cores, work.params, shared=bool(place.cores))
        argv, more = self._launch.command(work.argv, ranks)
        return self._head, replace(work, place=place, argv=argv, environment={**work.environment, **more})

    def _cursor(self) -> str:
        return json.dumps({link.name: link.cursor for link in self._links.values() if link.cursor})


def sizes_of(nodes: Iterable[NodeInfo], *, default: Capacity) -> list[NodeInfo]:
    """The nodes with what the batch system did not tell, from the site's settings."""
    return [
        node._replace(
            cores=node.cores or default.cores, gpus=node.gpus or default.gpus,
            memory_mb=node.memory_mb or default.memory_mb,
        )
        for node in nodes
    ]  # fmt: skip
