"""Reaching the spawner of a state folder, and starting it where none listens."""

import os
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from storax_agent.launch.base import LauncherLostError
from storax_agent.launch.protocol.messages import VERSIONS, Hello
from storax_agent.launch.spawner.agent_link import connect
from storax_agent.settings.environment_secrets import without_secrets

START_SEC = 15.0


@dataclass(frozen=True)
class NodeResources:
    """What a launcher may use: folders (absolute), cores, GPUs, MiB of memory (0: not known), environment of every job.

    ``node`` is its name in an allocation. ``pin`` holds each job to its cores. ``heartbeat_timeout_sec`` is the silence
    after which jobs are ended, ``output_bytes`` the most a job may write to job.out or job.err; 0 sets no limit.
    Nothing starts while fewer than ``min_free_bytes`` are free in one of the folders.
    ``remote``: it is another node than the runner's, whose state folder is its own and goes with it.
    """

    state: Path
    data: Path
    log: Path
    cores: int
    gpus: int
    environment: Mapping[str, str] = field(repr=False)
    memory_mb: int = 0
    node: str = ""
    pin: bool = False
    heartbeat_timeout_sec: float = 0.0
    output_bytes: int = 0
    min_free_bytes: int = 0
    remote: bool = False

    def hello(self, cursor: str) -> Hello:
        """The first message to the spawner; ``cursor`` is the last event that is stored."""
        return Hello(
            cursor, dict(self.environment), self.cores, self.gpus, memory_mb=self.memory_mb, node=self.node,
            pin=self.pin, heartbeat_timeout_sec=self.heartbeat_timeout_sec, output_bytes=self.output_bytes,
            min_free_bytes=self.min_free_bytes, remote=self.remote, versions=VERSIONS,
        )  # fmt: skip


class Starter:
    """Dials the spawner of one state folder; the one it started, if any, is its child."""

    def __init__(self, state: Path, data: Path, log: Path) -> None:
        self._state, self._data, self._log = state, data, log
        self._child: int | None = None

    def connect(self, deadline: float) -> socket.socket:
        """A connection. Raises ``LauncherLostError`` when none comes up before ``deadline``."""
        while time.monotonic() < deadline:
            with suppress(OSError):
                return connect(self._state)
            self._ensure_child()
            time.sleep(0.01)
        raise LauncherLostError(f"the launcher did not start within {START_SEC:.0f} s; see {self._log}")

    def wait_for_end(self) -> None:
        """Give the child a second to end, so that it is no zombie."""
        deadline = time.monotonic() + 1.0
        while self._child is not None and not self._child_ended() and time.monotonic() < deadline:
            time.sleep(0.005)

    def _ensure_child(self) -> None:
        if self._child is not None and not self._child_ended():
            return
        arguments = [sys.executable, "-P", "-m", "storax_agent.launch.spawner.server"]
        arguments += [str(self._state), str(self._data)]
        log = (os.POSIX_SPAWN_OPEN, 1, str(self._log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        both = (os.POSIX_SPAWN_DUP2, 1, 2)
        environment = without_secrets(os.environ)  # jobs get those that are passed on to them with their work
        self._child = os.posix_spawn(
            sys.executable, arguments, environment, file_actions=[null, log, both], setsid=True
        )

    def _child_ended(self) -> bool:
        with suppress(ChildProcessError):
            return self._child is None or os.waitpid(self._child, os.WNOHANG)[0] != 0
        return True
