"""What every launcher must do."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from storax_agent.launch.protocol.messages import VERSIONS
from storax_agent.launch.work import Cause, Ended, Lease, Started, Work


class LauncherEvents(NamedTuple):
    """What happened since the last poll. The caller stores ``cursor`` too, and passes it to ``ack`` and ``open``."""

    started: Sequence[Started]
    ended: Sequence[Ended]
    cursor: str


class Opened(NamedTuple):
    """A launcher ready for work: the file descriptor that wakes ``poll``, and what runs already."""

    fileno: int
    running: Sequence[Started]


class LauncherLostError(ConnectionError):
    """The launcher is gone; ``open`` brings it back and finds the processes it left."""


class LauncherVersionError(LauncherLostError):
    """The spawner that runs speaks ``theirs``, versions of the protocol that this release does not know."""

    def __init__(self, theirs: Sequence[int]) -> None:
        super().__init__(
            f"the launcher that runs speaks versions {list(theirs)} of the protocol, this release {list(VERSIONS)};"
            " end it with the Storax that started it: storax site stop --kill"
        )


class Launcher(Protocol):
    """Starts, watches and stops processes. No call waits for a process.

    Every event is given out again after ``open`` until its cursor was acknowledged, so that a caller which stores
    events before it acknowledges them loses none.
    """

    def open(self, cursor: str) -> Opened:
        """Connect, start the launcher where needed; ``cursor`` is the last stored one, or empty."""

    def start(self, works: Sequence[Work]) -> None:
        """Queue processes; each starts when its cores are free. Raises ``LauncherLostError``."""

    def stop(self, leases: Sequence[Lease], *, cause: Cause, grace_sec: float) -> None:
        """SIGTERM to each process group, SIGKILL after ``grace_sec`` seconds; queued ones end at once."""

    def poll(self) -> LauncherEvents:
        """Events so far, without waiting. Raises ``LauncherLostError``."""

    def ack(self, cursor: str) -> None:
        """The events up to ``cursor`` are stored and need not be kept."""

    def close(self, *, end: bool) -> None:
        """Disconnect; with ``end`` the launcher itself ends, once it has no process left."""
