"""The spawner's own record of what it started and what ended, so that neither a kill of the agent nor of the spawner
loses an exit code.

One line for each process that is about to start, and one for each round, the very line that is sent to the agent; an
``Acknowledge`` says that the agent has stored all up to that round. A rewritten journal begins with a header and ends
with what still runs. It is written, not fsynced: a page in the kernel's cache survives the death of any process, and
when the machine itself stops, the jobs stop with it and run again.
"""

import os
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from storax._runtime.atomic_files import atomic_write
from storax_agent.files.set_aside import SetAside
from storax_agent.launch.protocol.messages import (
    VERSIONS,
    Acknowledge,
    Events,
    JournalHeader,
    ProtocolError,
    Record,
    Running,
)
from storax_agent.launch.protocol.versions import encode, read_record
from storax_agent.launch.work import Ended, Lease, Raised, Started

REWRITE_BYTES = 1 << 20


class JournalVersionError(Exception):
    """The journal is of a newer release; the message says which."""


def boot_id() -> str:
    """Names this boot of the machine; pids and start times of another boot mean nothing."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


class Journal:
    """Append, replay, forget what was acknowledged.

    ``running`` holds what was started, or was about to start (pid 0), and has not ended, ``same_boot`` whether those
    pids can still mean the same processes; both are as of the end of the file when it is opened.

    Raises:
        JournalVersionError: a newer release wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = os.urandom(8).hex()
        self.seq = 0
        self.same_boot = True
        self.running: dict[Lease, Started] = {}
        self._unacknowledged: deque[Events] = deque()
        self._damaged = False
        self._set_aside = SetAside(path.with_name("set-aside"))
        self._replay()
        self._fd = -1
        self._rewrite()

    def append(self, started: Sequence[Started], ended: Sequence[Ended]) -> tuple[Events, bytes]:
        """Record one round; returns it, and its line."""
        self.seq += 1
        events, line = _encoded(self.seq, started, ended)
        self._write(line)
        self._unacknowledged.append(events)
        self._apply(started, ended)
        return events, line

    def announce(self, intended: Started) -> None:
        """Record that a process is about to start, with pid 0: one that has started and ended may leave no trace.

        ``append`` records that it did, or why it did not.
        """
        self._write(encode(Running(self.seq, [intended])))

    @property
    def unacknowledged(self) -> bool:
        """Whether something was not yet stored by an agent."""
        return bool(self._unacknowledged)

    def acknowledge(self, seq: int) -> None:
        """The agent stored everything up to ``seq``."""
        self._forget(seq)
        self._write(encode(Acknowledge(seq)))
        if self._size > REWRITE_BYTES:
            self._rewrite()

    def after(self, cursor: str) -> list[Events]:
        """The rounds that came after ``cursor``, all when it belongs to another journal."""
        journal, _, seq = cursor.partition(":")
        stored = int(seq) if journal == self.id else 0
        return [events for events in self._unacknowledged if events.seq > stored]

    def close(self) -> None:
        """Close the file; its content stays for the next spawner."""
        os.close(self._fd)

    def _apply(self, started: Iterable[Started], ended: Iterable[Ended]) -> None:
        for start in started:
            self.running[start.lease] = start
        for end in ended:
            self.running.pop(end.lease, None)

    def _forget(self, seq: int) -> None:
        while self._unacknowledged and self._unacknowledged[0].seq <= seq:
            self._unacknowledged.popleft()

    def _replay(self) -> None:
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return
        for number, line in enumerate(lines, 1):
            try:
                self._replay_record(read_record(line))
            except ProtocolError as error:
                # The last one may be cut short by a kill, and one by a full disk; the others still hold.
                if number < len(lines):
                    self._set_aside.put(f"{self.path.name} line {number}", str(error), line)

    def _replay_record(self, record: Record) -> None:
        match record:
            case JournalHeader(journal, boot, version):
                if version not in VERSIONS:
                    raise JournalVersionError(
                        f"{self.path} is of version {version}, and this Storax knows {VERSIONS[0]} to {VERSIONS[-1]};"
                        " run the newer Storax that wrote it"
                    )
                self.id, self.same_boot = journal, boot == boot_id()
            case Acknowledge(seq):
                self._forget(seq)
            case Running(seq, started):
                self.seq = max(self.seq, seq)
                self._apply(started, [])
            case Events(seq, started, ended):
                self.seq = max(self.seq, seq)
                self._unacknowledged.append(record)
                self._apply(started, ended)

    def _rewrite(self) -> None:
        records: list[Record] = [
            JournalHeader(self.id, boot_id()), *self._unacknowledged, Running(self.seq, list(self.running.values()))
        ]  # fmt: skip
        with suppress(OSError):  # a full disk: go on with the long file
            atomic_write(self.path, b"".join(map(encode, records)), mode=0o600)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = 0

    def _write(self, line: bytes) -> None:
        self._size += len(line)
        try:
            self._damaged = os.write(self._fd, b"\n" + line if self._damaged else line) < len(line)
        except OSError:
            self._damaged = True  # the agent still gets the line; only a kill of the spawner now could lose it


def _encoded(seq: int, started: Sequence[Started], ended: Sequence[Ended]) -> tuple[Events, bytes]:
    """One round and its line. An answer of a worker that cannot be written becomes the failure of its call."""
    events = Events(seq, started, ended)
    try:
        return events, encode(events)
    except Exception:  # answers hold anything
        events = Events(seq, started, [_writable(one) for one in ended])
        return events, encode(events)


def _writable(ended: Ended) -> Ended:
    try:
        encode(Events(0, [], [ended]))
    except Exception as error:
        message = f"what its worker answered cannot be written: {error}"[:1000]
        return replace(ended, outcome=Raised(type(error).__name__, message, "", 1))
    return ended
