"""The local launcher as the agent sees it: starts the spawner process where none runs, and talks to it.

``spawner.py`` says why it is a process of its own and what survives which kill.
"""

import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from storax_agent.launch.base import Cause, Ended, Events, LauncherLostError, Lease, Opened, Started, Work
from storax_agent.launch.spawner.journal import encode, ended_of, started_of
from storax_agent.launch.spawner.link import BLOCK, Lines
from storax_agent.launch.spawner.start import START_SEC, Machine, Starter


class LocalLauncher:
    """Runs processes on this machine through the spawner process. Not safe for threads."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._socket: socket.socket | None = None
        self._lines = Lines()
        self._starter = Starter(machine.state, machine.data, machine.log)
        self._journal = ""
        self._early: list[dict[str, Any]] = []

    def open(self, cursor: str) -> Opened:
        """Connect; start the spawner where none listens.

        Raises:
            LauncherLostError: it does not come up within 15 s; its log says why.
        """
        deadline = time.monotonic() + START_SEC
        while True:
            try:
                return self._open(cursor, deadline)
            except LauncherLostError:
                # One that is being killed may still have taken the call.
                if time.monotonic() > deadline:
                    raise

    def _open(self, cursor: str, deadline: float) -> Opened:
        self._let_go()
        self._socket = self._starter.connect(deadline)
        self._lines = Lines()
        self._send(self._machine.hello(cursor))
        greeting = self._greeting()
        self._journal = greeting["journal"]
        return Opened(self._socket.fileno(), [started_of(row) for row in greeting["running"]])

    def start(self, works: Sequence[Work]) -> None:
        """Queue processes."""
        self._send({"work": works})

    def stop(self, leases: Sequence[Lease], *, cause: Cause, grace_sec: float) -> None:
        """End processes."""
        if leases:
            self._send({"stop": {"leases": leases, "cause": cause, "grace": grace_sec}})

    def poll(self) -> Events:
        """Events so far."""
        records, self._early = self._early + self._receive(socket.MSG_DONTWAIT), []
        started: list[Started] = []
        ended: list[Ended] = []
        for record in records:
            started += map(started_of, record["s"])
            ended += map(ended_of, record["e"])
        return Events(started, ended, f"{self._journal}:{records[-1]['n']}" if records else "")

    def ack(self, cursor: str) -> None:
        """Events up to ``cursor`` are stored."""
        self._send({"ack": int(cursor.partition(":")[2])})

    def close(self, *, end: bool) -> None:
        """Let go; with ``end`` the spawner ends too."""
        with suppress(LauncherLostError):
            if end:
                self._send({"end": True})
                self._starter.wait_for_end()
        self._let_go()

    def _greeting(self) -> dict[str, Any]:
        """Wait for what runs; what the last agent missed comes before it, and is kept for ``poll``."""
        self._early = []
        while True:
            for record in self._receive(0):
                if "running" in record:
                    found: dict[str, Any] = record
                    return found
                self._early.append(record)

    def _receive(self, flags: int) -> list[dict[str, Any]]:
        assert self._socket is not None  # noqa: S101
        try:
            block = self._socket.recv(BLOCK, flags)
        except BlockingIOError:
            return []
        except OSError as error:
            raise LauncherLostError(f"the launcher is gone: {error}") from error
        if not block:
            raise LauncherLostError("the launcher is gone")
        return self._lines.feed(block)

    def _send(self, order: dict[str, Any]) -> None:
        if self._socket is None:
            raise LauncherLostError("the launcher is not open")
        try:
            self._socket.sendall(encode(order))
        except OSError as error:
            raise LauncherLostError(f"the launcher is gone: {error}") from error

    def _let_go(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None
