"""A transfer service in a process of its own, which ends when it has had nothing to do for a while.

boto3 takes 25 MB, and the agent lives for months. So the agent never imports it: it hands a batch, as a line of JSON,
to a helper that does, and hears its progress and its answer. A helper performs one batch at a time, as an rsync does.
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
from typing import Any

from storax_agent.launch.spawner.journal import encode
from storax_agent.launch.spawner.link import BLOCK, Lines
from storax_agent.settings.locations import S3Location
from storax_agent.transfers.base import Item, Moved, TransferError, TryAgainError, Watch

IDLE_SEC = 20.0
PART_BYTES = 16 << 20
LOOK_SEC = 0.1  # between looks whether anybody still wants the batch
END_SEC = 3.0  # from the wish to stop to SIGKILL
Record = dict[str, Any]


class HelperEndedError(Exception):
    """It ended in the middle of a batch; the message says how."""


class Helper:
    """One process, of one location."""

    def __init__(self, hello: Mapping[str, Any]) -> None:
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "storax_agent.transfers.apart_main"],
                stdin=theirs.fileno(), stdout=subprocess.DEVNULL,
                env={name: value for name, value in os.environ.items() if not name.startswith("STORAX_")},
                process_group=0,
            )  # fmt: skip
        self._line.settimeout(LOOK_SEC)
        self._lines = Lines()
        self._send(hello)

    def ask(self, order: Mapping[str, Any], watch: Watch) -> Record:
        """Have it perform a call; returns its answer.

        Raises:
            HelperEndedError: there will be none.
        """
        self._send(order)
        stop_by = float("inf")
        while True:
            if watch.stop.is_set() and stop_by == float("inf"):
                stop_by = time.monotonic() + END_SEC
                self._send({"stop": True})
            if time.monotonic() > stop_by:
                raise HelperEndedError(self.close())
            for record in self._heard():
                if "tell" not in record:
                    return record
                watch.tell([Moved(*row) for row in record["tell"]])

    def close(self) -> str:
        """End it; returns how it ended."""
        self._line.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LOOK_SEC)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        return f"the process that moves files of this location ended with code {self._process.wait()}"

    def _send(self, record: Mapping[str, Any]) -> None:
        with suppress(OSError):  # the read side notices its end
            self._line.sendall(encode(dict(record)))

    def _heard(self) -> list[Record]:
        try:
            block = self._line.recv(BLOCK)
        except TimeoutError:
            return []
        except OSError:
            block = b""
        if not block:
            raise HelperEndedError(self.close())
        return self._lines.feed(block)


class Apart:
    """A service whose work helpers do; idle ones are kept for the next batch, and end after 20 s. ``part_bytes`` is the
    size of a part of what goes out."""

    def __init__(self, place: S3Location, *, data: Path, scratch: Path, part_bytes: int = PART_BYTES) -> None:
        folders = {"data": str(data), "scratch": str(scratch)}
        self._hello = {"place": place.model_dump(mode="json"), **folders, "part_bytes": part_bytes}
        self._idle: list[Helper] = []
        self._lock = threading.Lock()

    def submit(self, items: Sequence[Item], watch: Watch) -> Sequence[Moved]:
        """Move them; what a helper that was killed leaves is taken up by the next try."""
        return self._moved("submit", items, watch)

    def statuses(self, items: Sequence[Item], watch: Watch) -> Sequence[Moved]:
        """Where items are that an agent before this one began to move."""
        return self._moved("statuses", items, watch)

    def cancel(self, items: Sequence[Item]) -> None:
        """A running batch ends by its ``stop``; nothing else was ordered."""

    def check(self) -> str:
        """What the service itself says of the location."""
        helper = Helper(self._hello)
        try:
            return str(_told(helper.ask({"call": "check"}, Watch()))["words"])
        except HelperEndedError as error:
            raise TransferError(str(error)) from error
        finally:
            helper.close()

    def _moved(self, call: str, items: Sequence[Item], watch: Watch) -> list[Moved]:
        helper = self._take()
        try:
            answer = helper.ask({"call": call, "items": items}, watch)
        except HelperEndedError as error:
            words = "stopped" if watch.stop.is_set() else str(error)
            return [Moved(i.id, "again", {"error": f"{i.alias}:{i.remote_path}: {words}"}) for i in items]
        self._keep(helper)
        return [Moved(*row) for row in _told(answer)["moved"]]

    def _take(self) -> Helper:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return Helper(self._hello)

    def _keep(self, helper: Helper) -> None:
        with self._lock:
            self._idle.append(helper)
        timer = threading.Timer(IDLE_SEC, self._let_go, [helper])
        timer.daemon = True
        timer.start()

    def _let_go(self, helper: Helper) -> None:
        with self._lock:
            if helper not in self._idle:
                return
            self._idle.remove(helper)
        helper.close()


def _told(answer: Record) -> Record:
    if "error" in answer:
        raise (TryAgainError if answer["again"] else TransferError)(answer["error"])
    if "crash" in answer:
        raise RuntimeError(answer["crash"])
    return answer
