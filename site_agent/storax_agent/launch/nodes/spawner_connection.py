"""The runner's connection to the spawner of one node: never blocks, and is made anew when it broke."""

import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from storax_agent.launch.base import LauncherLostError, LauncherVersionError
from storax_agent.launch.protocol.messages import Ping, Pong, ProtocolError, Refusal, Reply, Request
from storax_agent.launch.protocol.stream import LineBuffer
from storax_agent.launch.protocol.versions import encode, read_reply
from storax_agent.launch.spawner.agent_link import BLOCK
from storax_agent.launch.spawner.start import START_SEC, NodeResources, Starter
from storax_agent.settings.environment_secrets import without_secrets

GREETING_SEC = 60.0
CLOSE_SEC = 1.0
TRIES = 4
FIRST_PAUSE_SEC, LONGEST_PAUSE_SEC = 0.2, 5.0
TIMEOUT_GRACE_SEC = 5.0  # from the heartbeat timeout until all jobs of the node have been killed
MAX_UNANSWERED_PINGS = 4  # after which a connection counts as lost


class Connection:
    """A stream to a spawner, and the process that carries it, if there is one."""

    def __init__(self, stream: socket.socket, carrier: int | None = None) -> None:
        stream.setblocking(False)
        self.stream, self.carrier = stream, carrier

    def finish(self, rest: bytes) -> None:
        """Send what is left, and give the other side a moment to take it in and end."""
        with suppress(OSError):
            self.stream.settimeout(CLOSE_SEC)
            self.stream.sendall(rest)
            self.stream.shutdown(socket.SHUT_WR)
            while self.carrier is not None and self.stream.recv(BLOCK):
                pass
        self.close()

    def close(self) -> str:
        """Close the stream; returns how the carrier ended."""
        self.stream.close()
        if self.carrier is None:
            return "the launcher ended"
        with suppress(ProcessLookupError):
            os.kill(self.carrier, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(self.carrier, 0)[1])
        return "the connection was lost" if code in (0, -signal.SIGKILL) else f"its remote start ended with code {code}"


def local_connection(machine: NodeResources) -> Callable[[], Connection]:
    """How to reach the spawner of this very node."""
    starter = Starter(machine.state, machine.data, machine.log)
    return lambda: Connection(starter.connect(time.monotonic() + START_SEC))


def remote_connection(argv: Sequence[str], log: Path) -> Callable[[], Connection]:
    """How to reach the spawner of another node: through the stdin and stdout of ``argv``."""

    def connect() -> Connection:
        ours, theirs = socket.socketpair()
        handle = theirs.fileno()
        out = (os.POSIX_SPAWN_OPEN, 2, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        actions = [(os.POSIX_SPAWN_DUP2, handle, 0), (os.POSIX_SPAWN_DUP2, handle, 1), out]
        environment = without_secrets(os.environ)  # it may export all of it to another node
        try:
            return Connection(
                ours, os.posix_spawnp(argv[0], list(argv), environment, file_actions=actions, setsid=True)
            )
        except OSError as error:
            ours.close()
            raise LauncherLostError(f"{argv[0]!r} cannot be run: {error.strerror}") from error
        finally:
            theirs.close()

    return connect


class NodeLink:
    """One node. ``up`` once its spawner has answered, ``dead`` when it is not tried again, for the reason ``why``."""

    def __init__(self, machine: NodeResources, connect: Callable[[], Connection], epoll: select.epoll) -> None:
        self.machine = machine
        self.name = machine.node
        self.acked = self.journal = ""
        self.seq = 0
        self.up = self.dead = False
        self.why = ""
        self._connect, self._epoll = connect, epoll
        self._connection: Connection | None = None
        self._lines = LineBuffer()
        self._version = 1
        self._outgoing = bytearray()
        self._full = False
        self._tries = 0
        self._next_try = 0.0
        self._heard = self._pinged = self._ends_by = 0.0

    @property
    def cursor(self) -> str:
        """Up to where its events were read; empty before the first."""
        return f"{self.journal}:{self.seq}" if self.journal else ""

    def resume(self, cursor: str) -> None:
        """Go on after what an earlier runner has stored."""
        self.journal, _, seq = cursor.partition(":")
        self.seq = int(seq)

    @property
    def fileno(self) -> int:
        """The descriptor to wait for; -1 while there is none."""
        return -1 if self._connection is None else self._connection.stream.fileno()

    def supervise(self, now: float) -> bool:
        """Connect again, ping, or give up, as the time says. True when the connection was lost."""
        if self.dead:
            return False
        if self._connection is None:
            return now >= self._next_try and not self._open(now)
        every = self.machine.heartbeat_timeout_sec / 4 or GREETING_SEC / 4
        if now - self._heard > (MAX_UNANSWERED_PINGS * every if self.up else GREETING_SEC):
            self.broke("it does not answer")
            return True
        if now - self._pinged >= every:
            self._pinged = now
            self.send(Ping())
        return False

    def receive(self) -> list[Reply] | None:
        """What came; None when the connection is lost."""
        if self._connection is None:
            return []
        self._flush()
        try:
            replies = self._read()
        except BlockingIOError:
            return []
        except OSError as error:
            self.broke(str(error))
            return None
        self._heard = time.monotonic()
        timeout = self.machine.heartbeat_timeout_sec
        self._ends_by = self._heard + timeout + TIMEOUT_GRACE_SEC if timeout else 0.0
        return [reply for reply in replies if not isinstance(reply, Pong)]

    def _read(self) -> list[Reply]:
        """What came. Raises OSError, as ``LauncherLostError``, where the connection is lost or of no use."""
        assert self._connection is not None  # noqa: S101
        block = self._connection.stream.recv(BLOCK)
        if not block:
            raise LauncherLostError("")
        try:
            replies = [read_reply(line) for line in self._lines.feed(block)]
        except ProtocolError as error:
            message = "its lines are no messages of ours; its shell may print something at login"
            raise LauncherLostError(message) from error
        if refusal := next((reply for reply in replies if isinstance(reply, Refusal)), None):
            raise LauncherVersionError(refusal.versions)
        return replies

    def on_welcome(self, journal: str, version: int) -> None:
        """The spawner has answered, and reads ``version``."""
        self.journal, self._version = journal, version
        self.up, self._tries, self.why = True, 0, ""

    def send(self, request: Request) -> None:
        """Queue a request, send what fits now."""
        if self._connection is not None:
            self._outgoing += encode(request, self._version)
            self._flush()

    def broke(self, why: str) -> None:
        """The connection is lost; try again soon, or give the node up."""
        if self._connection is not None:
            with suppress(OSError):
                self._epoll.unregister(self._connection.stream.fileno())
            ended = self._connection.close()
            why = why or ended
        self._connection, self.up, self.why = None, False, why
        self._outgoing.clear()
        self._tries += 1
        now = time.monotonic()
        # What runs there may be cut off from us alone: it is not lost before its own heartbeat timeout has ended it.
        self.dead = self._tries >= TRIES and now >= self._ends_by
        self._next_try = now + min(LONGEST_PAUSE_SEC, FIRST_PAUSE_SEC * 4 ** (self._tries - 1))

    def close(self) -> None:
        """Disconnect for good."""
        if self._connection is not None:
            self._epoll.unregister(self.fileno)
            self._connection.finish(bytes(self._outgoing))
        self._connection, self.up, self.dead = None, False, True

    def _open(self, now: float) -> bool:
        try:
            self._connection = self._connect()
        except LauncherLostError as error:
            self.broke(str(error))
            return False
        self._lines, self._version, self._full = LineBuffer(), 1, False
        self._heard = self._pinged = now
        self._epoll.register(self.fileno, select.EPOLLIN)
        self.send(self.machine.hello(self.cursor))
        return True

    def _flush(self) -> None:
        assert self._connection is not None  # noqa: S101
        with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):  # the read side notices
            while self._outgoing:
                del self._outgoing[: self._connection.stream.send(self._outgoing, socket.MSG_NOSIGNAL)]
        if bool(self._outgoing) != self._full:
            self._full = bool(self._outgoing)
            self._epoll.modify(self.fileno, select.EPOLLIN | (select.EPOLLOUT if self._full else 0))
