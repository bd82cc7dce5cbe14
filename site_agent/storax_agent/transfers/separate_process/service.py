"""A transfer service in a process of its own, which ends when it has had nothing to do for a while.

boto3 takes 25 MB, and the agent lives for months. So the agent never imports it: it sends a batch to a helper that
does, and reads its progress and its answer. A helper performs one batch at a time, as an rsync does.
When the agent dies the line closes and the helper ends at once, as if both had been killed: what it has moved is taken
up by the next.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from storax_agent.launch.protocol.stream import LineBuffer
from storax_agent.launch.spawner.agent_link import BLOCK
from storax_agent.settings.environment_secrets import sealed
from storax_agent.settings.locations import S3Location
from storax_agent.transfers.base import Item, Moved, TransferError, TryAgainError, Watch
from storax_agent.transfers.separate_process.messages import (
    Check,
    Checked,
    Configure,
    Crashed,
    Failed,
    Finished,
    Move,
    Progress,
    Reply,
    Request,
    StopMoving,
    decode_reply,
    encode,
)

IDLE_SEC = 20.0
PART_BYTES = 16 << 20
LOOK_SEC = 0.1  # between looks whether anybody still wants the batch
END_SEC = 3.0  # from the wish to stop to SIGKILL


class HelperEndedError(Exception):
    """It ended in the middle of a batch; the message says how."""


class Helper:
    """One process, of one location."""

    def __init__(self, configuration: Configure, environment: Mapping[str, str]) -> None:
        self._line, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = _start(theirs, environment)
        except BaseException:
            self._line.close()
            raise
        self._line.settimeout(LOOK_SEC)
        self._lines = LineBuffer()
        self._send(configuration)

    def perform(self, request: Move | Check, watch: Watch) -> Finished | Checked:
        """Have it perform a call; returns its answer.

        Raises:
            HelperEndedError: there will be none.
            TransferError: the call failed.
        """
        self._send(request)
        stop_by = float("inf")
        while True:
            if watch.stop.is_set() and stop_by == float("inf"):
                stop_by = time.monotonic() + END_SEC
                self._send(StopMoving())
            if time.monotonic() > stop_by:
                raise HelperEndedError(self.close())
            for reply in self._receive():
                match reply:
                    case Progress(moved):
                        watch.tell(moved)
                    case Failed(error, again):
                        raise (TryAgainError if again else TransferError)(error)
                    case Crashed(error):
                        raise RuntimeError(error)
                    case Finished() | Checked():
                        return reply

    def close(self) -> str:
        """End it; returns how it ended."""
        self._line.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LOOK_SEC)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        return f"the process that moves files of this location ended with code {self._process.wait()}"

    def _send(self, request: Request) -> None:
        with suppress(OSError):  # the read side notices its end
            self._line.sendall(encode(request))

    def _receive(self) -> list[Reply]:
        try:
            block = self._line.recv(BLOCK)
        except TimeoutError:
            return []
        except OSError:
            block = b""
        if not block:
            raise HelperEndedError(self.close())
        return [decode_reply(line) for line in self._lines.feed(block)]


def _start(line: socket.socket, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    open_environment, handle = sealed(environment)
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "storax_agent.transfers.separate_process.main"],
            stdin=line.fileno(), stdout=subprocess.DEVNULL,
            env=open_environment, pass_fds=[handle],
            process_group=0,
        )  # fmt: skip
    finally:
        os.close(handle)


class HelperService:
    """A service whose work helpers do; idle ones are kept for the next batch, and end after 20 s. ``part_bytes`` is the
    size of a part of what goes out, ``environment`` that of the helpers."""

    def __init__(
        self, place: S3Location, *, data: Path, scratch: Path, environment: Mapping[str, str],
        part_bytes: int = PART_BYTES,
    ) -> None:  # fmt: skip
        self._environment = environment
        self._configuration = Configure(place.model_dump(mode="json"), str(data), str(scratch), part_bytes)
        self._idle: list[Helper] = []
        self._lock = threading.Lock()

    def submit(self, items: Sequence[Item], watch: Watch) -> Sequence[Moved]:
        """Move them; what a helper that was killed leaves is taken up by the next try."""
        return self._move(Move("submit", items), watch)

    def statuses(self, items: Sequence[Item], watch: Watch) -> Sequence[Moved]:
        """Where items are that an agent before this one began to move."""
        return self._move(Move("statuses", items), watch)

    def cancel(self, items: Sequence[Item]) -> None:
        """Do nothing: a running batch ends by its ``stop``, and nothing else was ordered."""

    def check(self) -> str:
        """What the service itself says of the location."""
        helper = Helper(self._configuration, self._environment)
        try:
            reply = helper.perform(Check(), Watch())
        except HelperEndedError as error:
            raise TransferError(str(error)) from error
        finally:
            helper.close()
        return reply.message if isinstance(reply, Checked) else ""

    def _move(self, request: Move, watch: Watch) -> Sequence[Moved]:
        helper = self._take()
        try:
            reply = helper.perform(request, watch)
        except HelperEndedError as error:
            reason = "stopped" if watch.stop.is_set() else str(error)
            return [Moved(i.id, "again", {"error": f"{i.alias}:{i.remote_path}: {reason}"}) for i in request.items]
        except (TransferError, RuntimeError):
            self._keep(helper)
            raise
        except BaseException:  # such as a reply that is no message
            helper.close()
            raise
        self._keep(helper)
        return reply.moved if isinstance(reply, Finished) else []

    def _take(self) -> Helper:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return Helper(self._configuration, self._environment)

    def _keep(self, helper: Helper) -> None:
        with self._lock:
            self._idle.append(helper)
        timer = threading.Timer(IDLE_SEC, self._end_idle, [helper])
        timer.daemon = True
        timer.start()

    def _end_idle(self, helper: Helper) -> None:
        with self._lock:
            if helper not in self._idle:
                return
            self._idle.remove(helper)
        helper.close()
