"""The spawner's end of its one conversation with an agent, over a unix socket that never blocks."""

import os
import select
import socket
import sys
from contextlib import suppress
from pathlib import Path

from storax_agent.launch.protocol.messages import VERSION, Events, ProtocolError, Refusal, Reply, Request
from storax_agent.launch.protocol.stream import LineBuffer
from storax_agent.launch.protocol.versions import encode, read_request

SOCKET = "launcher.sock"
BLOCK = 1 << 20


def listen(state: Path) -> socket.socket:
    """A listening socket in the state folder; the caller holds the lock, so an old socket file is a dead one."""
    here = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    place = Path(f"/proc/self/fd/{here}/{SOCKET}")  # a socket's path is limited to 108 bytes, a folder's is not
    try:
        with suppress(FileNotFoundError):
            place.unlink()
        listener.bind(str(place))
        place.chmod(0o600)
    except OSError:
        listener.close()
        raise
    finally:
        os.close(here)
    listener.listen(4)
    listener.setblocking(False)
    return listener


def connect(state: Path) -> socket.socket:
    """The agent's end of the conversation. Raises OSError when no launcher listens."""
    here = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(f"/proc/self/fd/{here}/{SOCKET}")
    except OSError:
        connection.close()
        raise
    finally:
        os.close(here)
    return connection


class AgentLink:
    """At most one agent at a time; a new one takes the place of the old. ``version`` is that of what is sent to it."""

    def __init__(self, listener: socket.socket, epoll: select.epoll) -> None:
        self._listener = listener
        self._epoll = epoll
        self._agent: socket.socket | None = None
        self._lines = LineBuffer()
        self._outgoing = bytearray()
        self.version = 1
        epoll.register(listener.fileno(), select.EPOLLIN)

    @property
    def connected(self) -> bool:
        """Whether an agent is there."""
        return self._agent is not None

    def is_caller(self, handle: int) -> bool:
        """Whether a new agent waits behind this ready descriptor."""
        return handle == self._listener.fileno()

    def accept(self) -> None:
        """Accept the new agent."""
        self._agent, _ = self._listener.accept()
        self._agent.setblocking(False)
        self._epoll.register(self._agent.fileno(), select.EPOLLIN)

    def drop(self) -> None:
        """Forget the agent and what was not yet sent to it."""
        if self._agent is not None:
            self._epoll.unregister(self._agent.fileno())
            self._agent.close()
        self._agent = None
        self._lines = LineBuffer()
        self._outgoing.clear()
        self.version = 1

    def receive(self, mask: int) -> list[Request] | None:
        """What the agent sent; None when it is gone, or speaks no version that this release knows."""
        if self._agent is None:
            return []
        if mask & select.EPOLLOUT:
            self._send(b"")
        if not mask & ~select.EPOLLOUT:
            return []
        try:
            block = self._agent.recv(BLOCK)
        except BlockingIOError:
            return []
        except OSError:
            return None
        try:
            return [read_request(line) for line in self._lines.feed(block)] if block else None
        except ProtocolError as error:
            sys.stderr.write(f"storax launcher: dropping the agent: {error}\n")
            return None

    def send(self, message: Reply) -> None:
        """Send what fits now, the rest when the agent has room; nothing when there is no agent."""
        self._send(encode(message, self.version))

    def send_events(self, events: Events, line: bytes) -> None:
        """As ``send``, for events whose ``line`` of the newest version is at hand."""
        self._send(line if self.version == VERSION else encode(events, self.version))

    def send_refusal(self, refusal: Refusal) -> None:
        """Send it in the newest version: the agent knows none of them."""
        self._send(encode(refusal))

    def _send(self, lines: bytes) -> None:
        if self._agent is None:
            return
        self._outgoing += lines
        with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):  # the read side notices a lost agent
            del self._outgoing[: self._agent.send(self._outgoing, socket.MSG_NOSIGNAL)]
        more = select.EPOLLOUT if self._outgoing else 0
        if more or not lines:
            self._epoll.modify(self._agent.fileno(), select.EPOLLIN | more)
