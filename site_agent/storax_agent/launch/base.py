"""What every launcher must do, and the small facts that pass between it and the agent."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

Cause = Literal[
    "exit", "cancelled", "wall_time", "stopped", "stale", "lost", "command", "workdir", "system", "output", "no_time"
]  # fmt: skip


class Lease(NamedTuple):
    """The right to run one attempt of one job; a report with an older ``epoch`` is refused by the server."""

    job_id: int
    epoch: int
    attempt: int

    @property
    def name(self) -> str:
        """The lease in one word, used in file names."""
        return f"{self.job_id}.{self.epoch}.{self.attempt}"


class Call(NamedTuple):
    """A method of an App to be performed by a warm worker: ``run`` or a hook.

    ``key`` tells which workers have the App loaded, ``pickles`` whether values may be pickled; ``parameters`` are those
    of ``run``, ``job`` is what the method sees as ``self.job``.
    """

    method: str
    key: str
    pickles: bool
    parameters: dict[str, Any]
    job: dict[str, Any]


class Place(NamedTuple):
    """Where work runs: numbers of cores and ``[GPU, share]`` pairs of its node, as the node counts them from 0.

    ``nodes`` are names, empty for a launcher of one machine; more than one means those nodes as a whole, and then
    ``cores`` and ``gpus`` are empty. ``packing`` 0 states no occupancy, N occupies 1/N of the node. ``memory_mb`` is
    in MiB.
    """

    cores: Sequence[int] = ()
    gpus: Sequence[Sequence[int]] = ()
    packing: int = 0
    nodes: Sequence[str] = ()
    memory_mb: int = 0


class Work(NamedTuple):
    """One process to start, or with several ranks one launch of them, or with ``call`` one call for a warm worker.

    ``workdir`` is relative to the data folder; ``cores`` and ``gpus`` are for each of its ``nodes``, one entry of
    ``gpus`` for each device that is shared or taken whole, in millionths; ``wall_sec`` 0 sets no limit.
    ``environment`` is added to the launcher's base environment. ``ranks`` are per node, ``threads`` per rank;
    ``params`` go to the launch command. ``memory_mb`` is in MiB on each node, 0 asks for none. A launcher that is given
    a ``place`` starts the work there at once.
    """

    lease: Lease
    argv: list[str]
    environment: dict[str, str]
    workdir: str
    cores: int = 1
    gpus: Sequence[int] = ()
    wall_sec: float = 0.0
    packing: int = 0
    nodes: int = 1
    ranks: int = 1
    threads: int = 1
    params: Mapping[str, str] = {}
    memory_mb: int = 0
    place: Place | None = None
    call: Call | None = None


def stage_of(work: Work) -> str:
    """What is to be performed; empty for a command."""
    return work.call.method if work.call else ""


class Started(NamedTuple):
    """A process runs. ``at`` is Unix time; ``born`` is seconds since boot, which tells a reused pid from ours.

    ``stage`` is the method that a warm worker performs, whose ``pid`` and ``born`` these are; empty for a command.
    """

    lease: Lease
    at: float
    pid: int
    born: float
    workdir: str
    place: Place
    wall_sec: float
    stage: str = ""


class Ended(NamedTuple):
    """A process ended or never started.

    ``code`` is the exit code, -N for signal N, None when unknown. ``cause`` says why: ``exit`` by itself;
    ``cancelled``, ``wall_time``, ``stopped`` (the agent ends) and ``stale`` (the lease is gone) by the launcher;
    ``output`` when it wrote more than the site allows; ``lost`` when the exit status is unknown; ``command``,
    ``workdir`` and ``system`` when it could not be started, ``no_time`` when it cannot end within the allocation.
    ``stage`` is as in ``Started``; ``outcome`` is what a worker answered: ``{"v": value}``, ``{"x": exception}``, or a
    hook's ``{"h": state, "patch", "jobs"}``.
    """

    lease: Lease
    at: float
    code: int | None
    cause: Cause
    message: str
    workdir: str
    started: bool
    stage: str = ""
    outcome: dict[str, Any] | None = None


class Events(NamedTuple):
    """What happened since the last poll. ``cursor`` is to be stored with it and given back to ``ack`` and ``open``."""

    started: Sequence[Started]
    ended: Sequence[Ended]
    cursor: str


class Opened(NamedTuple):
    """A launcher ready for work: the file descriptor that wakes ``poll``, and what runs already."""

    fileno: int
    running: Sequence[Started]


class LauncherLostError(ConnectionError):
    """The launcher is gone; ``open`` brings it back and finds the processes it left."""


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

    def poll(self) -> Events:
        """Events so far, without waiting. Raises ``LauncherLostError``."""

    def ack(self, cursor: str) -> None:
        """The events up to ``cursor`` are stored and need not be kept."""

    def close(self, *, end: bool) -> None:
        """Let go; with ``end`` the launcher itself ends, once it has no process left."""
