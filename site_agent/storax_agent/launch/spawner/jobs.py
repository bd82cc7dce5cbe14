"""The jobs of one node: the queue, the start of what fits, the watch over it, and its end."""

import os
import select
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from storax._runtime.output_files import PLAIN
from storax_agent.files.free_space import FreeSpace
from storax_agent.launch.packing import Node, Packer, Queue
from storax_agent.launch.process_context import ProcessContext
from storax_agent.launch.process_identity import now_since_boot
from storax_agent.launch.protocol.messages import Hello
from storax_agent.launch.spawner import processes
from storax_agent.launch.spawner.orphans import OrphanReaper
from storax_agent.launch.spawner.output_names import Names
from storax_agent.launch.spawner.outputs import OutputLimit
from storax_agent.launch.spawner.recorder import Recorder
from storax_agent.launch.spawner.watch import Watch
from storax_agent.launch.spawner.worker_pool import WorkerPool, left_answer
from storax_agent.launch.work import Cause, Ended, Lease, Outcome, Place, Raised, Started, Work

ORPHAN_SEC = 0.5  # between looks at processes that left their job's group


class Jobs:
    """``state`` and ``data`` are absolute folders. While one of them is full, nothing starts, what waits goes on
    waiting, and the end of a process says so in its message."""

    def __init__(self, epoll: select.epoll, state: Path, data: Path, recorder: Recorder) -> None:
        self._data = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._recorder = recorder
        self._results = state / "results"
        self.watch = Watch(epoll, self._on_end)
        self.context = ProcessContext(launcher=str(state), data=self._data)
        self.outputs = OutputLimit(data)
        self.space = FreeSpace([data, state], changed=lambda: _log_room(self.space.reason))
        self.orphans = OrphanReaper(str(state), self.watch.__contains__)
        self.workers = WorkerPool(epoll, self._results, on_answer=self._on_answer, on_death=self.watch.reap)
        self._node = Node()
        self.packer = Packer([self._node])
        self.queue = Queue(time.monotonic)
        self._placed: deque[Work] = deque()  # work that has its place and waits for room on the disk

    def configure(self, hello: Hello) -> None:
        """Take the sizes, limits and environment that a new agent names."""
        self.context.configure(
            environment=hello.environment, node=hello.node, gpus=hello.gpus, pin=hello.pin, remote=hello.remote
        )
        self._node.resize(hello.cores, hello.gpus, hello.memory_mb)
        self.outputs.limit = hello.output_bytes
        self.space.require(hello.min_free_bytes)
        self.workers.most_idle = 2 * (hello.cores or len(self.context.cpus))

    def submit(self, works: Sequence[Work]) -> None:
        """Take work, which ``turn`` starts: at once what has its place already."""
        self._placed.extend(work for work in works if work.place is not None)
        self.queue.extend(work for work in works if work.place is None)

    def forget_waiting(self) -> None:
        """Forget what was not started."""
        self._placed.clear()
        self.queue.clear()

    def stop(self, lease: Lease, *, cause: Cause, grace_sec: float) -> None:
        """End a process; queued work ends unstarted."""
        work = self.queue.remove(lease) or next((work for work in self._placed if work.lease == lease), None)
        if work is not None and work in self._placed:
            self._placed.remove(work)
        if work is None:
            self.watch.stop(lease, cause=cause, grace=grace_sec)
        else:
            self._recorder.ended(Ended(lease, time.time(), None, cause, "", work.workdir, False, work.stage))

    def stop_all(self, grace_sec: float) -> None:
        """End every process."""
        for started in self.watch.running:
            self.watch.stop(started.lease, cause="stopped", grace=grace_sec)

    def next_due(self) -> list[float]:
        """When ``turn`` has something to do, by the monotonic clock."""
        due = [self.watch.next_due(), self.workers.next_due(), self._recorder.next_due()]
        if self.orphans.left:
            due.append(time.monotonic() + ORPHAN_SEC)
        if self.watch:
            due.append(self.outputs.due())
        if self.space.reason and (self._placed or self.queue):
            due.append(self.space.next_check)
        return [at for at in due if at is not None]

    def owns(self, handle: int) -> bool:
        """Whether a ready descriptor is a process's or a worker's."""
        return self.watch.owns(handle) or self.workers.owns(handle)

    def handle(self, handle: int) -> None:
        """A process has ended, or a worker has something to say."""
        if self.watch.owns(handle):
            self.watch.reap(handle)
        else:
            self.workers.handle(handle)

    def turn(self) -> None:
        """One round: enforce limits, start what fits, write down what happened."""
        self.watch.expire()
        self.workers.expire()
        self._enforce_limits()
        if self._placed or self.queue:
            self._start_fitting()
        if self.workers.pending:
            # Written down before a worker hears of it.
            self._recorder.flush()
            self.workers.send()
        self._recorder.flush(wait=bool(self.queue))

    def take_over(self, started: Started, handle: int) -> None:
        """Watch a process that is not our child."""
        self.packer.take(started.place)
        self.watch.add(started, handle, adopted=True)

    def ended(self, ended: Ended) -> None:
        """Record an end, with the answer that a worker left when its spawner was killed."""
        answer = left_answer(self._results, ended.lease) if ended.stage else None
        self._recorder.ended(ended if answer is None else replace(ended, cause="exit", outcome=answer))

    def _enforce_limits(self) -> None:
        if self.outputs.limit:
            for started, reason in self.outputs.exceeded(self.watch.running, now=time.monotonic()):
                self.watch.stop(started.lease, cause="output", grace=0.0, message=reason)
        if self._recorder.ends_pending or self.orphans.left:
            self.orphans.sweep(self.watch.pids, spared=self.workers.pids)

    def _start_fitting(self) -> None:
        """Start what has its place, then what fits, until a disk is full."""
        while not self.space.is_full() and self._placed:
            work = self._placed.popleft()
            assert work.place is not None  # noqa: S101
            self._start(work, work.place)
        while not self.space.is_full() and (fitting := self.queue.next_fit(self.packer)):
            self._start(*fitting)

    def _start(self, work: Work, place: Place) -> None:
        at, since_boot = time.time(), now_since_boot()
        try:
            if work.call is not None:
                self._call(work, place, at)
                return
            intended = Started(work.lease, at, 0, since_boot, work.workdir, place, work.wall_sec)
            self._recorder.starting(intended)
            pid = self.context.spawn(work, place)
        except processes.StartError as error:
            if error.full and self.space.check(write=True):
                self._placed.appendleft(replace(work, place=place))
                return
            ended = Ended(work.lease, at, error.code, error.cause, str(error), work.workdir, False, work.stage)
            self._recorder.ended(ended)
            return
        except Exception as error:  # one job's strange fields must not end those of all others
            message = f"it cannot be started: {error!r}"[:1000]
            self._recorder.ended(Ended(work.lease, at, None, "system", message, work.workdir, False, work.stage))
            return
        self._count(replace(intended, pid=pid), os.pidfd_open(pid))

    def _call(self, work: Work, place: Place, at: float) -> None:
        """Give a call to a worker, which hears of it once it is written down."""
        environment = self.context.environment_of(work, place)
        worker = self.workers.assign(work, environment, *self._opened(work))
        self.context.pin(worker.pid, place)
        started = Started(
            work.lease, at, worker.pid, worker.start_time, work.workdir, place, work.wall_sec, work.stage
        )  # fmt: skip
        self._count(started, worker.handle, worker=True)

    def _opened(self, work: Work) -> tuple[int, Names]:
        """The open workdir of a call, and the names of its output files there; a hook has a log of its own."""
        folder = processes.open_workdir(work, self._data)
        if work.stage != "run":
            return folder, PLAIN
        try:
            return folder, processes.claim(folder, work, self.context.outputs)
        except processes.StartError:
            os.close(folder)
            raise

    def _count(self, started: Started, handle: int, *, worker: bool = False) -> None:
        self.packer.take(started.place)
        self._recorder.started(started)
        self.watch.add(started, handle, worker=worker)

    def _on_answer(self, lease: Lease, outcome: Outcome) -> None:
        """A worker has performed its call."""
        started, cause, message = self.watch.release(lease)
        self.packer.give_back(started.place)
        message = message or self.space.reason_at_end(failed=isinstance(outcome, Raised))
        self._recorder.ended(
            Ended(lease, time.time(), None, cause or "exit", message, started.workdir, True, started.stage, outcome)
        )
        if cause:
            self.workers.retire(started.pid)

    def _on_end(self, started: Started, ended: Ended) -> None:
        """A process under watch ended."""
        self.packer.give_back(started.place)
        if ended.cause == "exit":
            ended = replace(ended, message=self.space.reason_at_end(failed=ended.code != 0))
        self.ended(ended)
        if ended.cause != "exit":
            self.orphans.stopped(started.lease)
        if ended.cause == "output":
            self.outputs.cut(started)


def _log_room(reason: str) -> None:
    sys.stderr.write(f"storax launcher: {f'nothing starts: {reason}' if reason else 'there is room again'}\n")
