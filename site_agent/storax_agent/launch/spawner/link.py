"""The launcher's end of its one conversation: lines of JSON with the agent, over a unix socket that never blocks."""

import json
import os
import select
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

SOCKET = "launcher.sock"
BLOCK = 1 << 20


def listen(state: Path) -> socket.socket:
    """A listening socket in the state folder; the caller holds the lock, so an old socket file is a dead one."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    here = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    place = Path(f"/proc/self/fd/{here}/{SOCKET}")  # a socket's path is limited to 108 bytes, a folder's is not
    with suppress(FileNotFoundError):
        place.unlink()
    listener.bind(str(place))
    place.chmod(0o600)
    os.close(here)
    listener.listen(4)
    listener.setblocking(False)
    return listener


def dial(state: Path) -> socket.socket:
    """The agent's end of the conversation. Raises OSError when no launcher listens."""
    dialled = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    here = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        dialled.connect(f"/proc/self/fd/{here}/{SOCKET}")
    except OSError:
        dialled.close()
        raise
    finally:
        os.close(here)
    return dialled


class Lines:
    """Bytes in, whole lines out."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, block: bytes) -> list[Any]:
        """The records completed by ``block``."""
        self._rest += block
        if b"\n" not in block:
            return []
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        return [json.loads(line) for line in lines if line]


class AgentLink:
    """At most one agent at a time; a new one takes the place of the old."""

    def __init__(self, listener: socket.socket, epoll: select.epoll) -> None:
        self._listener = listener
        self._epoll = epoll
        self._agent: socket.socket | None = None
        self._lines = Lines()
        self._outgoing = bytearray()
        epoll.register(listener.fileno(), select.EPOLLIN)

    @property
    def connected(self) -> bool:
        """Whether an agent is there."""
        return self._agent is not None

    def is_caller(self, handle: int) -> bool:
        """Whether a new agent waits behind this ready descriptor."""
        return handle == self._listener.fileno()

    def accept(self) -> None:
        """Let the new agent in."""
        self._agent, _ = self._listener.accept()
        self._agent.setblocking(False)
        self._epoll.register(self._agent.fileno(), select.EPOLLIN)

    def drop(self) -> None:
        """Forget the agent and what was not yet sent to it."""
        if self._agent is not None:
            self._epoll.unregister(self._agent.fileno())
            self._agent.close()
        self._agent = None
        self._lines = Lines()
        self._outgoing.clear()

    def receive(self, mask: int) -> list[Any] | None:
        """What the agent sent; None when it is gone."""
        if self._agent is None:
            return []
        if mask & select.EPOLLOUT:
            self.send(b"")
        if not mask & ~select.EPOLLOUT:
            return []
        try:
            block = self._agent.recv(BLOCK)
        except BlockingIOError:
            return []
        except OSError:
            return None
        return self._lines.feed(block) if block else None

    def send(self, lines: bytes) -> None:
        """Send what fits now, the rest when the agent has room; nothing when there is no agent."""
        if self._agent is None:
            return
        self._outgoing += lines
        with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):  # the read side notices a lost agent
            del self._outgoing[: self._agent.send(self._outgoing, socket.MSG_NOSIGNAL)]
        more = select.EPOLLOUT if self._outgoing else 0
        if more or not lines:
            self._epoll.modify(self._agent.fileno(), select.EPOLLIN | more)
