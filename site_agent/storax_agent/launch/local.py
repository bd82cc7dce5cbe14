"""The local launcher as the agent sees it: starts the spawner where none runs, and talks to it.

``spawner/server.py`` says why it is a process of its own and what survives which kill.
"""

import socket
import time
from collections.abc import Sequence
from contextlib import suppress

from storax_agent.launch.base import LauncherEvents, LauncherLostError, LauncherVersionError, Opened
from storax_agent.launch.protocol.messages import (
    Acknowledge,
    End,
    Events,
    ProtocolError,
    Refusal,
    Reply,
    Request,
    Start,
    Stop,
    Welcome,
)
from storax_agent.launch.protocol.stream import LineBuffer
from storax_agent.launch.protocol.versions import encode, read_reply
from storax_agent.launch.spawner.agent_link import BLOCK
from storax_agent.launch.spawner.start import START_SEC, NodeResources, Starter
from storax_agent.launch.work import Cause, Ended, Lease, Started, Work


class LocalLauncher:
    """Runs processes on this machine through the spawner process. Not safe for threads."""

    def __init__(self, machine: NodeResources) -> None:
        self._machine = machine
        self._socket: socket.socket | None = None
        self._lines = LineBuffer()
        self._version = 1
        self._starter = Starter(machine.state, machine.data, machine.log)
        self._journal = ""
        self._missed: list[Events] = []

    def open(self, cursor: str) -> Opened:
        """Connect; start the spawner where none listens.

        Raises:
            LauncherLostError: it does not come up within 15 s; its log says why.
            LauncherVersionError: the one that runs is of a release that this one does not understand.
        """
        deadline = time.monotonic() + START_SEC
        while True:
            try:
                return self._open(cursor, deadline)
            except LauncherVersionError:
                raise
            except LauncherLostError:
                # One that is being killed may still have taken the call.
                if time.monotonic() > deadline:
                    raise

    def _open(self, cursor: str, deadline: float) -> Opened:
        self._disconnect()
        self._socket = self._starter.connect(deadline)
        self._lines, self._version = LineBuffer(), 1
        self._send(self._machine.hello(cursor))
        welcome = self._wait_for_welcome()
        self._journal, self._version = welcome.journal, welcome.version
        return Opened(self._socket.fileno(), welcome.running)

    def start(self, works: Sequence[Work]) -> None:
        """Queue processes."""
        self._send(Start(works))

    def stop(self, leases: Sequence[Lease], *, cause: Cause, grace_sec: float) -> None:
        """End processes."""
        if leases:
            self._send(Stop(leases, cause, grace_sec))

    def poll(self) -> LauncherEvents:
        """Events so far."""
        received = (reply for reply in self._receive(socket.MSG_DONTWAIT) if isinstance(reply, Events))
        rounds, self._missed = [*self._missed, *received], []
        started: list[Started] = []
        ended: list[Ended] = []
        for events in rounds:
            started += events.started
            ended += events.ended
        return LauncherEvents(started, ended, f"{self._journal}:{rounds[-1].seq}" if rounds else "")

    def ack(self, cursor: str) -> None:
        """Events up to ``cursor`` are stored."""
        self._send(Acknowledge(int(cursor.partition(":")[2])))

    def close(self, *, end: bool) -> None:
        """Disconnect; with ``end`` the spawner ends too."""
        with suppress(LauncherLostError):
            if end:
                self._send(End())
                self._starter.wait_for_end()
        self._disconnect()

    def _wait_for_welcome(self) -> Welcome:
        """Wait for what runs; the events that the last agent missed come before it, and are kept for ``poll``."""
        self._missed, welcome = [], None
        while welcome is None:
            for reply in self._receive(0):
                match reply:
                    case Welcome():
                        welcome = reply
                    case Events():
                        self._missed.append(reply)
                    case Refusal(versions):
                        raise LauncherVersionError(versions)
        return welcome

    def _receive(self, flags: int) -> list[Reply]:
        assert self._socket is not None  # noqa: S101
        try:
            block = self._socket.recv(BLOCK, flags)
        except BlockingIOError:
            return []
        except OSError as error:
            raise LauncherLostError(f"the launcher is gone: {error}") from error
        if not block:
            raise LauncherLostError("the launcher is gone")
        try:
            return [read_reply(line) for line in self._lines.feed(block)]
        except ProtocolError as error:
            raise LauncherLostError(f"the launcher is not understood: {error}") from error

    def _send(self, request: Request) -> None:
        if self._socket is None:
            raise LauncherLostError("the launcher is not open")
        try:
            self._socket.sendall(encode(request, self._version))
        except OSError as error:
            raise LauncherLostError(f"the launcher is gone: {error}") from error

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None
