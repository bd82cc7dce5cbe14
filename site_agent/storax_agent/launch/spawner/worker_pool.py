"""The pool of workers: Python processes that have an App loaded and perform its calls, one at a time each.

The spawner holds them beside the processes it starts for commands, so that both share its cores, journal and watch. A
call is written down before a worker hears of it: should the spawner be killed, the next one knows by the worker's pid
which call it was performing, and finds the answer as a file. A worker that dies takes its own call with it, no other.
"""

import os
import select
import signal
import socket
import struct
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

from storax_agent.launch.process_identity import now_since_boot
from storax_agent.launch.protocol.messages import ProtocolError
from storax_agent.launch.protocol.stream import LineBuffer
from storax_agent.launch.protocol.worker_messages import VERSION, Answer, CallMethod, Recycle, decode_answer, encode
from storax_agent.launch.spawner import processes
from storax_agent.launch.spawner.agent_link import BLOCK
from storax_agent.launch.spawner.output_names import Names
from storax_agent.launch.work import Lease, Outcome, Raised, Work

IDLE_SEC = 60.0
SEND_SEC = 10
SUFFIX = ".fn.json"


class Worker:
    """One worker process; ``lease`` is what it works on, None while idle; ``recycled``: it is about to end."""

    __slots__ = ("handle", "key", "lease", "lines", "pid", "recycled", "since", "socket", "start_time")

    def __init__(self, key: str, pid: int, start_time: float, line: socket.socket) -> None:
        self.key, self.pid, self.start_time, self.socket = key, pid, start_time, line
        self.handle = os.pidfd_open(pid)
        self.lines = LineBuffer()
        self.lease: Lease | None = None
        self.since = time.monotonic()
        self.recycled = False


class WorkerPool:
    """All workers, which leave answers that nobody takes in ``results``.

    It calls ``on_answer(lease, outcome)`` for each answer, and ``on_death(handle)``, which reaps the process and closes
    the handle, for a worker that died during a call."""

    def __init__(
        self,
        epoll: select.epoll,
        results: Path,
        *,
        on_answer: Callable[[Lease, Outcome], None],
        on_death: Callable[[int], None],
    ) -> None:
        results.mkdir(mode=0o700, exist_ok=True)
        self._results = results
        self._epoll, self._on_answer, self._on_death = epoll, on_answer, on_death
        self._by_fd: dict[int, Worker] = {}
        self._idle: dict[int, Worker] = {}  # by pid, the longest idle first
        self._pending: list[tuple[Worker, Work, int, Names]] = []
        self.most_idle = 1

    def assign(self, work: Work, environment: Mapping[bytes, bytes], folder: int, outputs: Names) -> Worker:
        """Choose or start a worker for this call, which ``send`` gives to it. Takes ``folder``, the open workdir, where
        it writes to files named ``outputs``.

        Raises:
            StartError: no worker can be started.
        """
        assert work.call is not None  # noqa: S101
        key = f"{work.call.key}{work.environment.get('CUDA_VISIBLE_DEVICES', '')}"
        # The one that was last used: its memory is warm, and the others come to their end.
        worker = next((w for w in reversed(self._idle.values()) if w.key == key), None)
        if worker is None:
            try:
                worker = self._spawn(key, work, environment)
            except processes.StartError:
                os.close(folder)
                raise
        self._idle.pop(worker.pid, None)
        worker.lease = work.lease
        self._pending.append((worker, work, folder, outputs))
        return worker

    def _spawn(self, key: str, work: Work, environment: Mapping[bytes, bytes]) -> Worker:
        assert work.call is not None  # noqa: S101
        while self._idle and len(self._by_fd) // 2 >= self.most_idle:
            self._drop(next(iter(self._idle.values())))
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.set_inheritable(True)
            start_time = now_since_boot()
            argv = [*work.argv, str(self._results), str(theirs.fileno()), str(int(work.call.pickles)), str(VERSION)]
            try:
                pid = processes.spawn_worker(argv, work.environment, environment)
            except processes.StartError:
                ours.close()
                raise
        worker = Worker(key, pid, start_time, ours)
        # The kernel's own limit: Python's would make every look for an answer wait as long.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SEC, 0))
        for fd in (worker.handle, ours.fileno()):
            self._by_fd[fd] = worker
            self._epoll.register(fd, select.EPOLLIN)
        return worker

    @property
    def pids(self) -> set[int]:
        """All workers' pids."""
        return {worker.pid for worker in self._by_fd.values()}

    @property
    def pending(self) -> bool:
        """Whether calls wait to be sent to their workers."""
        return bool(self._pending)

    def send(self) -> None:
        """Send the calls to their workers; what these are about to do is written down by now."""
        pending, self._pending = self._pending, []
        for worker, work, folder, outputs in pending:
            assert work.call is not None  # noqa: S101
            call = work.call
            line = encode(CallMethod(work.lease.name, call.method, call.parameters, call.job, outputs))
            try:
                # Not send_fds, which drops its flags: a broken pipe is no reason for this process to end.
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", folder))]
                sent = worker.socket.sendmsg([line], rights, socket.MSG_NOSIGNAL)
                if sent < len(line):
                    worker.socket.sendall(line[sent:], socket.MSG_NOSIGNAL)
            except OSError:
                _kill(worker)  # its end is seen as any other
            os.close(folder)

    def owns(self, fd: int) -> bool:
        """Whether a ready descriptor is a worker's."""
        return fd in self._by_fd

    def handle(self, fd: int) -> None:
        """A worker has answered, or ended."""
        worker = self._by_fd[fd]
        self._listen(worker)
        if fd == worker.handle:
            self._bury(worker)

    def _listen(self, worker: Worker) -> None:
        try:
            while block := worker.socket.recv(BLOCK, socket.MSG_DONTWAIT):
                for line in worker.lines.feed(block):
                    self._take(worker, line)
        except (BlockingIOError, InterruptedError):
            return
        except (OSError, ValueError):
            pass
        # It has hung up: it is about to end, or is made to.
        with suppress(KeyError, OSError):
            del self._by_fd[worker.socket.fileno()]
            self._epoll.unregister(worker.socket.fileno())
        self._idle.pop(worker.pid, None)
        if worker.lease is not None:
            _kill(worker)

    def _take(self, worker: Worker, line: bytes) -> None:
        try:
            message = decode_answer(line)
        except ProtocolError as error:
            message = self._unreadable(worker, error)
        if isinstance(message, Recycle):
            worker.recycled = True
            return
        lease = worker.lease
        if lease is None or message.lease != lease.name:
            return
        worker.lease, worker.since = None, time.monotonic()
        if not worker.recycled:
            self._idle[worker.pid] = worker
        self._on_answer(lease, message.outcome)

    @staticmethod
    def _unreadable(worker: Worker, error: ProtocolError) -> Answer:
        """What a worker said is the failure of its call; it says no more."""
        worker.recycled = True
        _kill(worker)
        raised = Raised("ProtocolError", f"what its worker answered cannot be passed on: {error}"[:1000], "", 1)
        return Answer(worker.lease.name if worker.lease else "", raised)

    def _bury(self, worker: Worker) -> None:
        """A worker has ended."""
        self._forget(worker)
        if worker.lease is not None:
            self._on_death(worker.handle)
            return
        _kill(worker)
        with suppress(ChildProcessError):
            os.waitpid(worker.pid, 0)
        os.close(worker.handle)

    def _forget(self, worker: Worker) -> None:
        self._idle.pop(worker.pid, None)
        for fd in (worker.handle, worker.socket.fileno()):
            if self._by_fd.pop(fd, None) is not None:
                self._epoll.unregister(fd)
        worker.socket.close()

    def _drop(self, worker: Worker) -> None:
        """End an idle worker."""
        _kill(worker)
        self._bury(worker)

    def retire(self, pid: int) -> None:
        """A worker that was asked to end its call, and did, is not used again."""
        if (worker := self._idle.get(pid)) is not None:
            self._drop(worker)

    def next_due(self) -> float | None:
        """When ``expire`` has something to do, by the monotonic clock."""
        first = next(iter(self._idle.values()), None)
        return None if first is None else first.since + IDLE_SEC

    def expire(self) -> None:
        """End workers that were idle for a minute."""
        while (due := self.next_due()) is not None and due <= time.monotonic():
            self._drop(next(iter(self._idle.values())))

    def close(self) -> None:
        """End the idle ones."""
        for worker in list(self._idle.values()):
            self._drop(worker)


def _kill(worker: Worker) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(worker.pid, signal.SIGKILL)


def left_answer(results: Path, lease: Lease) -> Outcome | None:
    """The answer of a call whose spawner was killed; None where the worker left none."""
    try:
        answer = decode_answer((results / f"{lease.name}{SUFFIX}").read_bytes())
    except (OSError, ProtocolError):
        return None
    return answer.outcome if isinstance(answer, Answer) and answer.lease == lease.name else None


def remove_answers(results: Path, *, keep: Collection[Lease]) -> None:
    """Remove the answers of calls that nobody asks for any more."""
    names = {f"{lease.name}{SUFFIX}" for lease in keep}
    for path in results.glob(f"*{SUFFIX}"):
        if path.name not in names:
            path.unlink(missing_ok=True)
