"""The runner's end of its line to one node: never blocks, and starts the line anew when it broke."""

import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from storax_agent.launch.base import LauncherLostError
from storax_agent.launch.spawner.journal import encode
from storax_agent.launch.spawner.link import BLOCK, Lines
from storax_agent.launch.spawner.start import START_SEC, Machine, Starter

GREETING_SEC = 60.0
CLOSE_SEC = 1.0
TRIES = 4
FIRST_PAUSE_SEC, LONGEST_PAUSE_SEC = 0.2, 5.0
LEASH_GRACE_SEC = 5.0  # from the end of the leash until all it held has been killed
SILENCES = 4  # pings without any answer, after which a line counts as broken


class Wire:
    """A stream to a launcher, and the process that carries it, if there is one."""

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
        """Let go; returns how the carrier ended."""
        self.stream.close()
        if self.carrier is None:
            return "the launcher ended"
        with suppress(ProcessLookupError):
            os.kill(self.carrier, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(self.carrier, 0)[1])
        return "the line broke" if code in (0, -signal.SIGKILL) else f"its remote start ended with code {code}"


def here(machine: Machine) -> Callable[[], Wire]:
    """How to reach the launcher of this very node."""
    starter = Starter(machine.state, machine.data, machine.log)
    return lambda: Wire(starter.connect(time.monotonic() + START_SEC))


def there(argv: Sequence[str], log: Path) -> Callable[[], Wire]:
    """How to reach the launcher of another node: through the stdin and stdout of ``argv``."""

    def connect() -> Wire:
        ours, theirs = socket.socketpair()
        handle = theirs.fileno()
        out = (os.POSIX_SPAWN_OPEN, 2, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        actions = [(os.POSIX_SPAWN_DUP2, handle, 0), (os.POSIX_SPAWN_DUP2, handle, 1), out]
        try:
            return Wire(ours, os.posix_spawnp(argv[0], list(argv), os.environ, file_actions=actions, setsid=True))
        except OSError as error:
            ours.close()
            raise LauncherLostError(f"{argv[0]!r} cannot be run: {error.strerror}") from error
        finally:
            theirs.close()

    return connect


class NodeLink:
    """One node. ``up`` once its launcher has greeted, ``dead`` when it will not be tried again, ``why`` tells."""

    def __init__(self, machine: Machine, connect: Callable[[], Wire], epoll: select.epoll) -> None:
        self.machine = machine
        self.name = machine.node
        self.acked = self.journal = ""
        self.seq = 0
        self.up = self.dead = False
        self.why = ""
        self._connect, self._epoll = connect, epoll
        self._wire: Wire | None = None
        self._lines = Lines()
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
        return -1 if self._wire is None else self._wire.stream.fileno()

    def attend(self, now: float) -> bool:
        """What time brings: the next try to connect, a ping, the end of patience. True when the line broke by it."""
        if self.dead:
            return False
        if self._wire is None:
            return now >= self._next_try and not self._open(now)
        every = self.machine.leash_sec / 4 or GREETING_SEC / 4
        if now - self._heard > (SILENCES * every if self.up else GREETING_SEC):
            self.broke("it does not answer")
            return True
        if now - self._pinged >= every:
            self._pinged = now
            self.send({"ping": 1})
        return False

    def receive(self) -> list[dict[str, Any]] | None:
        """What came; None when the line broke."""
        if self._wire is None:
            return []
        self._flush()
        try:
            block = self._wire.stream.recv(BLOCK)
        except BlockingIOError:
            return []
        except OSError as error:
            self.broke(str(error))
            return None
        try:
            records = self._lines.feed(block) if block else None
        except ValueError:
            self.broke("what came over the line is not ours; its shell may print something at login")
            return None
        if records is None:
            self.broke("")
            return None
        self._heard = time.monotonic()
        self._ends_by = self._heard + self.machine.leash_sec + LEASH_GRACE_SEC if self.machine.leash_sec else 0.0
        return [record for record in records if "pong" not in record]

    def greeted(self) -> None:
        """The launcher is there."""
        self.up, self._tries, self.why = True, 0, ""

    def send(self, order: dict[str, Any]) -> None:
        """Queue an order, send what fits now."""
        if self._wire is not None:
            self._outgoing += encode(order)
            self._flush()

    def broke(self, why: str) -> None:
        """The line is gone; try again soon, or give the node up."""
        if self._wire is not None:
            with suppress(OSError):
                self._epoll.unregister(self._wire.stream.fileno())
            told = self._wire.close()
            why = why or told
        self._wire, self.up, self.why = None, False, why
        self._outgoing.clear()
        self._tries += 1
        now = time.monotonic()
        # What runs there may be cut off from us alone: it is not called lost before its own leash has ended it.
        self.dead = self._tries >= TRIES and now >= self._ends_by
        self._next_try = now + min(LONGEST_PAUSE_SEC, FIRST_PAUSE_SEC * 4 ** (self._tries - 1))

    def close(self) -> None:
        """Let go for good."""
        if self._wire is not None:
            self._epoll.unregister(self.fileno)
            self._wire.finish(bytes(self._outgoing))
        self._wire, self.up, self.dead = None, False, True

    def _open(self, now: float) -> bool:
        try:
            self._wire = self._connect()
        except LauncherLostError as error:
            self.broke(str(error))
            return False
        self._lines, self._full = Lines(), False
        self._heard = self._pinged = now
        self._epoll.register(self.fileno, select.EPOLLIN)
        self.send(self.machine.hello(self.cursor))
        return True

    def _flush(self) -> None:
        assert self._wire is not None  # noqa: S101
        with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):  # the read side notices a broken line
            while self._outgoing:
                del self._outgoing[: self._wire.stream.send(self._outgoing, socket.MSG_NOSIGNAL)]
        if bool(self._outgoing) != self._full:
            self._full = bool(self._outgoing)
            self._epoll.modify(self.fileno, select.EPOLLIN | (select.EPOLLOUT if self._full else 0))
