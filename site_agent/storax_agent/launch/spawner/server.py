"""The spawner: the process that starts jobs, reaps and stops them, and outlives the agent.

Why a process of its own. An exit code goes to the parent alone, so whoever starts jobs must live as long as they do,
while the agent is restarted, upgraded and killed. This process is small (no network; msgspec beside the standard
library), holds the cores, so that no agent can overcommit them, and keeps what happened in a journal until an agent has
stored it. With a wrapper around each job instead, every job would cost one more exec; here it costs one line of JSON.

If it is killed itself, its jobs run on. The next one finds them by journal and start time (or by environment, when the
kill came between start and journal), watches them by pidfd and reads their exit code from /proc or, on Linux 6.15 and
later, from the pidfd. Only when neither tells is the end ``lost``.

It talks to one agent at a time over ``launcher.sock`` in the state folder; ``protocol`` has the messages. Work not yet
started is forgotten when the agent goes: nobody renews its lease.
"""

import gc
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from storax._runtime.locks import lock
from storax_agent.files.locks import write_pid
from storax_agent.launch.protocol.messages import (
    VERSIONS,
    Abort,
    Acknowledge,
    End,
    Events,
    Hello,
    Ping,
    Pong,
    Refusal,
    Request,
    Start,
    Stop,
    Welcome,
)
from storax_agent.launch.protocol.versions import common_version
from storax_agent.launch.signals import do_nothing, reset_signals
from storax_agent.launch.spawner.adoption import adopt
from storax_agent.launch.spawner.agent_link import AgentLink, listen
from storax_agent.launch.spawner.jobs import Jobs
from storax_agent.launch.spawner.journal import Journal, JournalVersionError
from storax_agent.launch.spawner.orphans import become_subreaper
from storax_agent.launch.spawner.recorder import Recorder

ALONE_SEC = 60.0  # with no agent and no process for this long, it ends; the journal stays
TIMEOUT_GRACE_SEC = 3.0  # from SIGTERM to SIGKILL of jobs whose runner is silent


class Spawner:
    """The loop. ``state`` and ``data`` are absolute folders; ``listener`` is bound and listening."""

    def __init__(self, state: Path, data: Path, listener: socket.socket) -> None:
        self._state = state
        self._epoll = select.epoll()
        self._link = AgentLink(listener, self._epoll)
        self._journal = Journal(state / "launcher.journal")
        self._recorder = Recorder(self._journal, self._send_events)
        self._jobs = Jobs(self._epoll, state, data, self._recorder)
        self._alone_since = self._heard_at = time.monotonic()
        self._heartbeat_timeout = 0.0
        self._remote = self._ending = self._aborted = self._welcomed = False
        adopt(self._jobs, self._journal, self._recorder, state=state, data=data)

    def run(self) -> None:
        """Work until asked to end, or alone for a minute."""
        while not self._is_over():
            for handle, mask in self._epoll.poll(self._wait_sec()):
                self._handle(handle, mask)
            self._check_heartbeat()
            self._jobs.turn()
        self._jobs.workers.close()
        self._journal.close()
        if self._remote and self._ending and (self._aborted or not self._journal.unacknowledged):
            from shutil import rmtree  # slow to import, and most spawners never need it

            rmtree(self._state, ignore_errors=True)

    def _is_over(self) -> bool:
        if self._jobs.watch or self._recorder.pending:
            return False
        return self._ending or (not self._link.connected and time.monotonic() - self._alone_since > ALONE_SEC)

    def _wait_sec(self) -> float | None:
        """Seconds the next wait may last; None for ever."""
        due = self._jobs.next_due()
        if not self._link.connected and not self._jobs.watch:
            due.append(self._alone_since + ALONE_SEC + 0.1)
        if self._heartbeat_timeout and self._jobs.watch:
            due.append(self._heard_at + self._heartbeat_timeout)
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _handle(self, handle: int, mask: int) -> None:
        """One ready file descriptor."""
        if self._jobs.owns(handle):
            self._jobs.handle(handle)
        elif self._link.is_caller(handle):
            self._on_disconnect()
            self._link.accept()
        else:
            requests = self._link.receive(mask)
            for request in requests or ():
                self._on_request(request)
            if requests is None:
                self._on_disconnect()

    def _check_heartbeat(self) -> None:
        """End the jobs of a runner that has been silent for too long."""
        now = time.monotonic()
        if self._heartbeat_timeout and self._jobs.watch and now > self._heard_at + self._heartbeat_timeout:
            self._heard_at = now
            self._jobs.stop_all(TIMEOUT_GRACE_SEC)

    def _send_events(self, events: Events, line: bytes) -> None:
        if self._welcomed:
            self._link.send_events(events, line)

    def _on_disconnect(self) -> None:
        """The agent is gone: what was not started is forgotten, what runs goes on."""
        self._link.drop()
        self._welcomed = False
        self._jobs.forget_waiting()
        self._alone_since = time.monotonic()

    def _on_request(self, request: Request) -> None:
        self._heard_at = time.monotonic()
        match request:
            case Start(works):
                self._jobs.submit(works)
            case Acknowledge(seq):
                self._journal.acknowledge(seq)
            case Stop(leases, cause, grace_sec):
                for lease in leases:
                    self._jobs.stop(lease, cause=cause, grace_sec=grace_sec)
            case Ping():
                self._link.send(Pong())
            case Hello():
                self._on_hello(request)
            case Abort(grace_sec):
                self._aborted = self._ending = True
                self._jobs.stop_all(grace_sec)
            case End():
                self._ending = True

    def _on_hello(self, hello: Hello) -> None:
        """Give a new agent what it missed, then what runs; refuse one that knows none of our versions."""
        version = common_version(hello.versions)
        if version is None:
            self._link.send_refusal(Refusal(VERSIONS))
            return
        self._link.version = version
        self._jobs.forget_waiting()
        self._jobs.configure(hello)
        self._heartbeat_timeout, self._remote = hello.heartbeat_timeout_sec, hello.remote
        # A batch system that ends an allocation signals all of it; who watches the jobs outlives them.
        signal.signal(signal.SIGTERM, do_nothing if self._heartbeat_timeout else signal.SIG_DFL)
        self._ending = False
        self._recorder.flush()
        for events in self._journal.after(hello.cursor):
            self._link.send(events)
        self._welcomed = True
        running, cpus = list(self._journal.running.values()), len(self._jobs.context.cpus)
        self._link.send(Welcome(self._journal.id, running, cpus, version))


def main(arguments: Sequence[str]) -> int:
    """Run ``spawner STATE DATA``; exit code 3 when another spawner holds this state folder."""
    state, data = (Path(argument) for argument in arguments)
    handle = lock(state / "launcher.lock")
    if handle is None:
        return 3
    write_pid(handle)
    # Jobs inherit what is ignored here, and Python ignores these two.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    reset_signals()
    become_subreaper()
    gc.set_threshold(100_000)
    try:
        Spawner(state, data, listen(state)).run()
    except JournalVersionError as error:
        sys.stderr.write(f"storax launcher: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
