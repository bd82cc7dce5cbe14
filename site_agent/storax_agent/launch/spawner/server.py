"""The launcher's process: spawns, reaps, stops, and outlives the agent.

Why a process of its own. An exit code goes to the parent alone, so whoever spawns must live as long as the jobs do,
while the agent is restarted, upgraded and killed. This process is small (standard library only, no network), holds the
cores, so that no agent can overcommit them, and keeps what happened in a journal until an agent has stored it.
With a wrapper around each job instead, every job would cost one more exec; here it costs one line of JSON.

If it is killed itself, its jobs run on. The next one finds them by journal and start time (or by environment, when the
kill came between spawn and journal), watches them by pidfd and reads their exit code from /proc or, on Linux 6.15 and
later, from the pidfd. Only when neither tells is the end ``lost``.

It talks to one agent at a time over ``launcher.sock`` in the state folder, in lines of JSON. Work not yet started is
forgotten when the agent goes: nobody renews its lease.
"""

import fcntl
import gc
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storax_agent.launch.base import Call, Ended, Lease, Place, Started, Work, stage_of
from storax_agent.launch.packing import Node, Packer, Queue
from storax_agent.launch.process_context import Ground
from storax_agent.launch.spawner import processes
from storax_agent.launch.spawner.journal import Journal, encode
from storax_agent.launch.spawner.link import AgentLink, listen
from storax_agent.launch.spawner.orphans import Escapes, become_subreaper
from storax_agent.launch.spawner.outputs import Outputs
from storax_agent.launch.spawner.watch import Watch
from storax_agent.launch.spawner.worker_pool import Warm, left_answer, sweep

FLUSH_SEC = 0.004  # while work is queued, ticks closer together than this share one line
ALONE_SEC = 60.0  # with no agent and no process for this long, it ends; the journal stays
ORPHAN_SEC = 0.5  # between looks at processes that left their job's group
LEASH_GRACE_SEC = 3.0
PONG = encode({"pong": 1})


class Spawner:
    """The loop. ``state`` and ``data`` are absolute folders; ``listener`` is bound and listening."""

    def __init__(self, state: Path, data: Path, listener: socket.socket) -> None:
        self.state, self.data_path = state, data
        self.data = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.journal = Journal(state / "launcher.journal")
        self.epoll = select.epoll()
        self.link = AgentLink(listener, self.epoll)
        self.watch = Watch(self.epoll, self.on_end)
        self.ground = Ground(launcher=str(state), data=self.data)
        self.outputs = Outputs(data)
        self.escapes = Escapes(str(state), self.watch.__contains__)
        self.node = Node()
        self.packer = Packer([self.node])
        self.queue = Queue(time.monotonic)
        self.results = state / "results"
        self.warm = Warm(self.epoll, self.results, on_answer=self.on_answer, on_death=self.watch.reap)
        self.started: list[Started] = []
        self.ended: list[Ended] = []
        self.last_flush = 0.0
        self.alone_since = time.monotonic()
        self.heard = time.monotonic()
        self.leash = 0.0
        self.remote = False
        self.ending = self.forsaken = False
        self.greeted = False
        self.adopt(str(state))

    def run(self) -> None:
        """Work until told to end, or alone for a minute."""
        while not self.over():
            for handle, mask in self.epoll.poll(self.patience()):
                self.handle(handle, mask)
            self.watch.expire()
            self.warm.expire()
            self.look()
            self.fill()
            self.send_calls()
            self.flush()
        self.warm.close()
        self.journal.close()
        if self.remote and self.ending and (self.forsaken or not self.journal.unacked):
            shutil.rmtree(self.state, ignore_errors=True)

    def over(self) -> bool:
        """True when nothing is left to do."""
        if self.watch or self.started or self.ended:
            return False
        return self.ending or (not self.link.connected and time.monotonic() - self.alone_since > ALONE_SEC)

    def patience(self) -> float | None:
        """Seconds the next wait may last; None for ever."""
        due = [when for when in (self.watch.next_due(), self.warm.next_due()) if when is not None]
        if self.started or self.ended:
            due.append(self.last_flush + FLUSH_SEC)
        if not self.link.connected and not self.watch:
            due.append(self.alone_since + ALONE_SEC + 0.1)
        if self.escapes.left:
            due.append(time.monotonic() + ORPHAN_SEC)
        if self.watch:
            due += [self.heard + self.leash] if self.leash else []
            due += [when] if (when := self.outputs.due()) is not None else []
        return max(0.0, min(due) - time.monotonic()) if due else None

    def handle(self, handle: int, mask: int) -> None:
        """One ready file descriptor."""
        if self.watch.owns(handle):
            self.watch.reap(handle)
        elif self.warm.owns(handle):
            self.warm.handle(handle)
        elif self.link.is_caller(handle):
            self.let_go()
            self.link.accept()
        else:
            orders = self.link.receive(mask)
            if orders is None:
                self.let_go()
            for order in orders or ():
                self.obey(order)

    def look(self) -> None:
        """What no descriptor tells: a broken leash, floods of output, processes that left their group."""
        now = time.monotonic()
        if self.leash and self.watch and now > self.heard + self.leash:
            self.heard = now
            self.stop_all(LEASH_GRACE_SEC)
        for started, why in self.outputs.floods(self.watch.running, now=now) if self.outputs.limit else ():
            self.watch.stop(started.lease, cause="output", grace=0.0, message=why)
        if self.ended or self.escapes.left:
            self.escapes.sweep(self.watch.pids, spared=self.warm.pids)

    def let_go(self) -> None:
        """The agent is gone: what was not started is forgotten, what runs goes on."""
        self.link.drop()
        self.greeted = False
        self.queue.clear()
        self.alone_since = time.monotonic()

    def obey(self, order: dict[str, Any]) -> None:
        """One order of the agent."""
        self.heard = time.monotonic()
        if work := order.get("work"):
            self.take([work_of(row) for row in work])
        if stop := order.get("stop"):
            for lease in stop["leases"]:
                self.stop(Lease(*lease), stop)
        if ack := order.get("ack"):
            self.journal.ack(ack)
        if "ping" in order:
            self.link.send(PONG)
        if hello := order.get("hello"):
            self.welcome(hello)
        if grace := order.get("forsake"):  # the allocation is over, and no runner comes to ask what became of it
            self.forsaken = True
            self.stop_all(grace)
        self.ending = self.ending or self.forsaken or bool(order.get("end"))

    def welcome(self, hello: dict[str, Any]) -> None:
        """Give a new agent what it missed, then what runs."""
        self.queue.clear()
        self.ground.prepare(
            environment=hello["environment"], node=hello["node"], gpus=hello["gpus"], pin=hello["pin"],
            remote=hello["remote"],
        )  # fmt: skip
        self.node.resize(hello["cores"], hello["gpus"], hello["memory"])
        self.leash, self.outputs.limit, self.remote = hello["leash"], hello["output"], hello["remote"]
        # A batch system that ends an allocation signals all of it; who watches the jobs outlives them.
        signal.signal(signal.SIGTERM, _outlive if self.leash else signal.SIG_DFL)
        self.warm.most = 2 * (hello["cores"] or len(self.ground.cpus))
        self.ending = False
        self.flush(now=True)
        missed = self.journal.after(hello["cursor"])
        self.greeted = True
        running = encode({"journal": self.journal.id, "running": list(self.journal.running.values()),
                          "cpus": len(self.ground.cpus)})  # fmt: skip
        self.link.send(b"".join([*missed, running]))

    def take(self, works: Sequence[Work]) -> None:
        """Start what has its place already, queue what has not."""
        for work in works:
            if work.place is not None:
                self.start(work, work.place)
        self.queue.extend(work for work in works if work.place is None)

    def stop(self, lease: Lease, order: dict[str, Any]) -> None:
        """End a process; queued work ends unstarted."""
        work = self.queue.remove(lease)
        if work is None:
            self.watch.stop(lease, cause=order["cause"], grace=order["grace"])
        else:
            self.ended.append(Ended(lease, time.time(), None, order["cause"], "", work.workdir, False, stage_of(work)))

    def stop_all(self, grace: float) -> None:
        """End every process."""
        for started in self.watch.running:
            self.watch.stop(started.lease, cause="stopped", grace=grace)

    def flush(self, *, now: bool = False) -> None:
        """Write down what happened and tell the agent."""
        if not (self.started or self.ended):
            return
        clock = time.monotonic()
        if not now and self.queue and clock - self.last_flush < FLUSH_SEC:
            return
        line = self.journal.append(self.started, self.ended)
        self.started, self.ended, self.last_flush = [], [], clock
        if self.greeted:
            self.link.send(line)

    def fill(self) -> None:
        """Start what fits."""
        if not self.queue:
            return
        while found := self.queue.next_fit(self.packer):
            self.start(*found)

    def start(self, work: Work, place: Place) -> None:
        """Start one process, or say why not."""
        at, born = time.time(), processes.now_since_boot()
        try:
            if work.call is not None:
                self.prepare(work, place, at)
                return
            pid = self.ground.spawn(work, place)
        except processes.StartError as error:
            told = Ended(work.lease, at, error.code, error.cause, str(error), work.workdir, False, stage_of(work))
            self.ended.append(told)
            return
        started = Started(work.lease, at, pid, born, work.workdir, place, work.wall_sec)
        self.packer.take(place)
        self.started.append(started)
        self.watch.add(started, os.pidfd_open(pid))

    def prepare(self, work: Work, place: Place, at: float) -> None:
        """Give a call to a warm worker, which hears of it once it is written down."""
        environment = self.ground.given(work, place)
        worker = self.warm.prepare(work, environment, processes.open_workdir(work, self.data))
        self.ground.hold(worker.pid, place)
        started = Started(work.lease, at, worker.pid, worker.born, work.workdir, place, work.wall_sec, stage_of(work))
        self.packer.take(place)
        self.started.append(started)
        self.watch.add(started, worker.handle, warm=True)

    def send_calls(self) -> None:
        """Tell the workers of what is written down by now."""
        if self.warm.pending:
            self.flush(now=True)
            self.warm.send()

    def on_answer(self, lease: Lease, outcome: dict[str, Any]) -> None:
        """A warm worker has performed its call."""
        started, cause, why = self.watch.leave(lease)
        self.packer.give_back(started.place)
        told = Ended(lease, time.time(), None, cause or "exit", why, started.workdir, True, started.stage, outcome)
        self.ended.append(told)
        if cause:
            self.warm.retire(started.pid)

    def on_end(self, started: Started, ended: Ended) -> None:
        """A process under watch ended."""
        self.packer.give_back(started.place)
        self.ended.append(self.with_answer(ended))
        if ended.cause != "exit":
            self.escapes.stopped(started.lease)
        if ended.cause == "output":
            self.outputs.cut(started.workdir)

    def with_answer(self, ended: Ended) -> Ended:
        """With the answer that a worker left when its launcher was killed."""
        answer = left_answer(self.results, ended.lease) if ended.stage else None
        return ended if answer is None else ended._replace(cause="exit", outcome=answer)

    def adopt(self, launcher: str) -> None:
        """Take over what an earlier launcher left; end what is gone without a trace."""
        for started in list(self.journal.running.values()):
            handle = processes.same_process(started.pid, born=started.born) if self.journal.same_boot else None
            if handle is not None:
                self.take_over(started, handle)
                continue
            message = "the process ended while nobody watched it"
            told = Ended(started.lease, time.time(), None, "lost", message, started.workdir, True, started.stage)
            self.ended.append(self.with_answer(told))
        for lease, pid, born in processes.strays(launcher):
            handle = processes.same_process(pid, born=born) if lease not in self.watch else None
            if handle is not None:
                self.adopt_stray(lease, pid, born, handle)
        sweep(self.results, self.journal.running)
        self.flush(now=True)

    def adopt_stray(self, lease: Lease, pid: int, born: float, handle: int) -> None:
        """Take over a process that was started but never written down."""
        workdir = os.path.relpath(Path(f"/proc/{pid}/cwd").resolve(), self.data_path.resolve())
        started = Started(lease, time.time(), pid, born, workdir, Place([0]), 0.0)
        self.started.append(started)
        self.take_over(started, handle)

    def take_over(self, started: Started, handle: int) -> None:
        """Watch a process that is not our child."""
        self.packer.take(started.place)
        self.watch.add(started, handle, adopted=True)


def _outlive(*_: object) -> None:
    """Nothing. Unlike an ignored signal, this is not passed on to the jobs."""


def work_of(row: list[Any]) -> Work:
    """A ``Work`` from its JSON row."""
    work = Work(Lease(*row[0]), *row[1:])
    call = Call(*work.call) if work.call is not None else None
    return work._replace(call=call, place=Place(*work.place) if work.place is not None else None)


def main(arguments: Sequence[str]) -> int:
    """``spawner STATE DATA``: exit code 3 when another launcher holds this state folder."""
    state, data = (Path(argument) for argument in arguments)
    lock = os.open(state / "launcher.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 3
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    # Jobs inherit what is ignored here, and Python ignores these two.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    become_subreaper()
    gc.set_threshold(100_000)
    Spawner(state, data, listen(state)).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
