"""The launcher's own record of what it started and what ended, so that neither a kill of the agent nor of the launcher
loses an exit code.

One line of JSON per tick, the very line that is sent to the agent:
``{"n": 7, "s": [started...], "e": [ended...]}``; ``{"ack": 7}`` says that the agent has stored all up to 7. A rewritten
journal begins with ``{"n": 7, "keep": [still running...]}``. It is written, not fsynced: a page in the kernel's cache
survives the death of any process, and when the machine itself stops, the jobs stop with it and run again.
"""

import json
import os
import uuid
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from storax_agent.launch.base import Ended, Lease, Place, Started

REWRITE_BYTES = 1 << 20


def boot_id() -> str:
    """Names this boot of the machine; pids and start times of another boot mean nothing."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def encode(record: dict[str, Any]) -> bytes:
    """One line of JSON."""
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def started_of(row: list[Any]) -> Started:
    """A ``Started`` from its JSON row."""
    lease, at, pid, born, workdir, place, *rest = row
    return Started(Lease(*lease), at, pid, born, workdir, Place(*place), *rest)


def ended_of(row: list[Any]) -> Ended:
    """An ``Ended`` from its JSON row."""
    return Ended(Lease(*row[0]), *row[1:])


class Journal:
    """Append, replay, forget what was acknowledged.

    ``running`` holds what was started and has not ended, ``same_boot`` whether those pids can still mean the same
    processes; both are as of the end of the file when it is opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = uuid.uuid4().hex[:16]
        self.seq = 0
        self.same_boot = True
        self.running: dict[Lease, Started] = {}
        self._unacked: deque[tuple[int, bytes]] = deque()
        self._damaged = False
        self._replay()
        self._fd = -1
        self._rewrite()

    def append(self, started: Iterable[Started], ended: Iterable[Ended]) -> bytes:
        """Record one tick; returns the line, to be sent to the agent."""
        self.seq += 1
        line = encode({"n": self.seq, "s": started, "e": ended})
        self._write(line)
        self._unacked.append((self.seq, line))
        self._apply(started, ended)
        return line

    @property
    def unacked(self) -> bool:
        """Whether something was not yet stored by an agent."""
        return bool(self._unacked)

    def ack(self, seq: int) -> None:
        """The agent stored everything up to ``seq``."""
        while self._unacked and self._unacked[0][0] <= seq:
            self._unacked.popleft()
        self._write(encode({"ack": seq}))
        if self._size > REWRITE_BYTES:
            self._rewrite()

    def after(self, cursor: str) -> list[bytes]:
        """The lines that came after ``cursor``, all when it belongs to another journal."""
        journal, _, seq = cursor.partition(":")
        known = int(seq) if journal == self.id else 0
        return [line for n, line in self._unacked if n > known]

    def close(self) -> None:
        """Close the file; its content stays for the next launcher."""
        os.close(self._fd)

    def _apply(self, started: Iterable[Started], ended: Iterable[Ended]) -> None:
        for start in started:
            self.running[start.lease] = start
        for end in ended:
            self.running.pop(end.lease, None)

    def _replay(self) -> None:
        try:
            lines = self.path.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return
        for line in lines:
            # A line cut short by a full disk or a kill says nothing; the others still do.
            with suppress(ValueError, TypeError, KeyError, IndexError):
                self._replay_line(json.loads(line), line)

    def _replay_line(self, record: dict[str, Any], line: bytes) -> None:
        if "journal" in record:
            self.id = record["journal"]
            self.same_boot = record["boot"] == boot_id()
        elif "ack" in record:
            while self._unacked and self._unacked[0][0] <= record["ack"]:
                self._unacked.popleft()
        elif "keep" in record:
            self.seq = max(self.seq, record["n"])
            self._apply([started_of(row) for row in record["keep"]], [])
        else:
            self.seq = max(self.seq, record["n"])
            self._unacked.append((record["n"], line))
            self._apply([started_of(row) for row in record["s"]], [ended_of(row) for row in record["e"]])

    def _rewrite(self) -> None:
        scratch = self.path.with_suffix(".new")
        head = encode({"journal": self.id, "boot": boot_id()})
        keep = encode({"n": self.seq, "keep": list(self.running.values())})
        with suppress(OSError):  # a full disk: go on with the long file
            scratch.write_bytes(head + b"".join(line for _, line in self._unacked) + keep)
            scratch.chmod(0o600)
            scratch.replace(self.path)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = 0

    def _write(self, line: bytes) -> None:
        self._size += len(line)
        try:
            self._damaged = os.write(self._fd, b"\n" + line if self._damaged else line) < len(line)
        except OSError:
            self._damaged = True  # the agent still gets the line; only a kill of the launcher now could lose it
