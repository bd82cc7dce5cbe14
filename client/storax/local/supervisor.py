"""The process that keeps a stack running: it starts or adopts parts, restarts those that die, stops all in order."""

import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from storax._runtime.processes import Process, end, identify, orphans
from storax.local.errors import LocalError
from storax.local.folder import Folder
from storax.local.processes.child import Child, Phase
from storax.local.processes.stopping import stop_parts
from storax.local.stack_parts import Part
from storax.local.state import PartRecord, Stack

_POLL_SEC = 0.02


class Supervisor:
    """Keeps the parts of one stack running until a signal stops it.

    The caller holds the folder's lock. Parts that still run under an earlier supervisor are adopted if they are the
    same and answer; its other processes are stopped first.

    Args:
        parts: The parts, in the order people should read them.
        folder: The data folder, locked.
        stack: The stack, which the supervisor records in the folder.
        owner: The process whose end stops the stack; None, the default, keeps the stack running.
    """

    def __init__(self, parts: Sequence[Part], *, folder: Folder, stack: Stack, owner: Process | None = None) -> None:
        self._folder = folder
        self._stack = stack
        self._owner = owner
        self._stopping = False
        self._recorded: object = None
        self._wake, self._waker = socket.socketpair()
        self._children = [self._child(part) for part in parts]

    def run(self, started: Callable[[], None] = lambda: None) -> None:
        """Supervise until a SIGTERM or the end of the owner, then stop every part.

        Args:
            started: Called once ``stack.json`` names this process as the supervisor.

        Raises:
            LocalError: a part did not start; those started here were stopped again.
        """
        self._install_signal_handlers()
        self._stack.supervisor, self._stack.error = identify(os.getpid()), ""
        self._enter("starting")
        started()
        try:
            self._stop_leftovers()
            self._serve()
        except Exception as error:
            self._abort(error)
            raise
        self._stop_all()

    def _child(self, part: Part) -> Child:
        stack, record = self._stack, self._stack.parts.get(part.name)
        log = self._folder.log(part.name)
        return Child(part, stack_id=stack.id, version=stack.version, log=log, record=record)

    def _install_signal_handlers(self) -> None:
        self._waker.setblocking(False)
        self._wake.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._request_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only so that it wakes the poll

    def _request_stop(self, *_: object) -> None:
        self._stopping = True

    def _stop_leftovers(self) -> None:
        """Stop processes of this folder that are in no plan: parts no longer configured, orphans of a killed part."""
        planned = {child.part.name for child in self._children if not child.part.once}
        recorded = self._stack.parts
        commands = [part.argv for part in recorded.values()] + [list(child.part.argv) for child in self._children]
        stop_parts({name: part for name, part in recorded.items() if name not in planned})
        self._stack.parts = {name: part for name, part in recorded.items() if name in planned}
        adoptable = [part.process for part in self._stack.parts.values()]
        left_behind = [process for process in orphans(self._stack.id, commands=commands) if process not in adoptable]
        if left_behind:
            log(f"stopping {len(left_behind)} processes of an earlier supervisor")
            end(left_behind, number=signal.SIGINT, grace=10.0)

    def _serve(self) -> None:
        while not self._stopping:
            self._step()
            if self._stack.phase == "starting" and all(child.settled for child in self._children):
                self._enter("ready")
            self._record()
            self._sleep()

    def _step(self) -> None:
        ready = {child.part.name for child in self._children if child.phase is Phase.READY}
        starting = self._stack.phase == "starting"
        for child in self._children:
            before = child.phase
            child.step(ready=ready, now=time.monotonic(), starting=starting)
            if child.phase is not before:
                log(f"{child.part.name}: {before} -> {child.phase}")
            (ready.add if child.phase is Phase.READY else ready.discard)(child.part.name)

    def _sleep(self) -> None:
        """Wait until a process ends, a signal comes or a restart is due; only briefly while a part starts."""
        poll, handles = select.poll(), []
        poll.register(self._wake, select.POLLIN)
        for process in self._watched():
            try:
                handles.append(os.pidfd_open(process.pid))
            except ProcessLookupError:
                continue
            poll.register(handles[-1], select.POLLIN)
        poll.poll(self._pause() * 1000)
        for handle in handles:
            os.close(handle)
        self._read_wakeups()

    def _watched(self) -> list[Process]:
        watched = [child.process for child in self._children if not child.part.once and child.phase is Phase.READY]
        return [process for process in (*watched, self._owner) if process]

    def _pause(self) -> float:
        if all(child.settled for child in self._children):
            return 60.0
        now = time.monotonic()
        waits = [
            child.due - now if child.phase is Phase.RESTARTING and now < child.due else _POLL_SEC
            for child in self._children
            if not child.settled
        ]
        return max(_POLL_SEC / 4, min(waits))

    def _read_wakeups(self) -> None:
        with suppress(BlockingIOError):
            self._wake.recv(4096)
        if self._owner and not self._owner.alive():
            log("the owner ended")
            self._stopping = True

    def _record(self) -> None:
        for child in self._children:
            runs = child.process is not None and child.process.alive()
            if child.record and (runs or not child.part.once):
                self._stack.parts[child.part.name] = child.record
            elif child.part.once:
                self._stack.parts.pop(child.part.name, None)
        values = self._stack.as_dict()
        if values != self._recorded:
            try:
                self._folder.write(self._stack)
                self._recorded = values
            except OSError as error:  # a full disk: the parts keep running
                log(f"stack.json could not be written: {error}")

    def _enter(self, phase: str) -> None:
        self._stack.phase = phase
        log(f"stack: {phase}")
        self._folder.write(self._stack, durable=phase in {"starting", "ready"})

    def _abort(self, error: Exception) -> None:
        """Stop the parts started here; parts adopted from an earlier supervisor keep running."""
        self._stack.prepared.clear()  # the schema or site may be the cause: the next start prepares both again
        started_here = {
            child.part.name: child.record for child in self._children if child.started_here and child.record
        }
        self._stack.error = str(error) if isinstance(error, LocalError) else f"{type(error).__name__}: {error}"
        log(self._stack.error)
        self._stop(started_here, phase="failed")

    def _stop_all(self) -> None:
        self._enter("stopping")
        self._stop({child.part.name: child.record for child in self._children if child.record}, phase="stopped")

    def _stop(self, records: dict[str, PartRecord], *, phase: str) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        stop_parts(records)
        for child in self._children:
            child.reap()
        for name in records:
            self._stack.parts.pop(name, None)
        if not self._stack.alive():
            self._folder.discard_sockets(self._stack)
        self._enter(phase)


def log(line: str) -> None:
    """Write a line with the time to the supervisor's log, which is its standard output."""
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f} {line}", flush=True)  # noqa: T201
