"""Work for launchers and its outcomes: the structs that agents, runners, launchers and spawners exchange.

They are sent, and written to files, with the names of their fields, inside the messages of ``protocol/messages.py``.
A change here is a change of the protocol.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

Cause = Literal[
    "exit", "cancelled", "wall_time", "stopped", "stale", "lost", "command", "workdir", "system", "output", "no_time"
]  # fmt: skip


class Lease(Struct, frozen=True, order=True, gc=False):
    """The right to run one attempt of one job; the server refuses a report with an older ``epoch``."""

    job_id: int
    epoch: int
    attempt: int

    @property
    def name(self) -> str:
        """The lease in one word, used in file names."""
        return f"{self.job_id}.{self.epoch}.{self.attempt}"


class Call(Struct, frozen=True):
    """A method of an App that a worker performs: ``run`` or a hook.

    ``key`` names the workers that have the App loaded; ``pickles`` says whether values may be pickled; ``parameters``
    are those of ``run``; ``job`` is what the method sees as ``self.job``.
    """

    method: str
    key: str
    pickles: bool
    parameters: dict[str, Any]
    job: dict[str, Any]


class Place(Struct, frozen=True, omit_defaults=True):
    """Where work runs: numbers of cores, and the share of each GPU in millionths; the node counts both from 0.

    ``nodes`` are names, empty for a launcher of one machine; more than one means those nodes as a whole, and then
    ``cores`` and ``gpus`` are empty. ``packing`` 0 states no occupancy, N occupies 1/N of the node. ``memory_mb`` is
    in MiB.
    """

    cores: Sequence[int] = ()
    gpus: dict[int, int] = {}
    packing: int = 0
    nodes: Sequence[str] = ()
    memory_mb: int = 0


class Work(Struct, frozen=True, omit_defaults=True):
    """One process to start, or with several ranks one launch of them, or with ``call`` one call for a worker.

    ``workdir`` is relative to the data folder; ``cores`` and ``gpus`` are for each of its ``nodes``, one entry of
    ``gpus`` for each device that is shared or taken whole, in millionths. ``wall_sec`` is the hard limit of the run, 0
    sets none; ``expected_sec`` is what the run is expected to take, 0 is not known.
    ``environment`` is added to the launcher's base environment. ``ranks`` are per node, ``threads`` per rank;
    ``params`` go to the launch command. ``memory_mb`` is in MiB on each node, 0 asks for none. A launcher that gets
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
    expected_sec: float = 0.0

    @property
    def stage(self) -> str:
        """The method that a worker is to perform; empty for a command."""
        return self.call.method if self.call else ""


class Started(Struct, frozen=True, omit_defaults=True):
    """A process runs. ``at`` is Unix time; ``start_time`` is seconds since boot, which tells a reused pid from ours.

    ``stage`` is the method that a worker performs, whose ``pid`` and ``start_time`` these are; empty for a command.
    """

    lease: Lease
    at: float
    pid: int
    start_time: float
    workdir: str
    place: Place
    wall_sec: float
    stage: str = ""


class Returned(Struct, frozen=True, tag="returned"):
    """``run`` returned ``value``."""

    value: Any


class Raised(Struct, frozen=True, tag="raised"):
    """A method raised; ``exit_code`` is 1, or that of ``sys.exit()``."""

    exception: str
    message: str
    traceback_tail: str
    exit_code: int


class HookEnded(Struct, frozen=True, tag="hook_ended"):
    """A hook returned. ``state`` is what it set, None where it set none; ``patch`` are changed fields of its job, and
    ``jobs`` the jobs to create."""

    state: str | None
    patch: dict[str, Any]
    jobs: list[dict[str, Any]]


Outcome = Returned | Raised | HookEnded


class Ended(Struct, frozen=True, omit_defaults=True):
    """A process ended or never started.

    ``code`` is the exit code, -N for signal N, None when unknown. ``cause`` says why: ``exit`` by itself;
    ``cancelled``, ``wall_time``, ``stopped`` (the agent ends) and ``stale`` (the lease is gone) by the launcher;
    ``output`` when it wrote more than the site allows; ``lost`` when the exit status is unknown; ``command``,
    ``workdir`` and ``system`` when it could not be started, ``no_time`` when it cannot end within the allocation.
    ``message`` explains the others; that of an ``exit`` says which disk was full at the time, and is empty else.
    ``stage`` is as in ``Started``; ``outcome`` is what a worker answered.
    """

    lease: Lease
    at: float
    code: int | None
    cause: Cause
    message: str
    workdir: str
    started: bool
    stage: str = ""
    outcome: Outcome | None = None
