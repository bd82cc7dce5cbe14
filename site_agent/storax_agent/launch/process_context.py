"""The context of each process: its CPUs, its GPUs, its environment."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from storax_agent.launch.spawner import processes
from storax_agent.launch.spawner.output_names import OutputNames
from storax_agent.launch.work import Place, Work

DEVICES = "CUDA_VISIBLE_DEVICES"
# What differs from node to node: there a job gets the values of its node, not those of the runner's.
OF_THE_NODE = (
    "HOSTNAME", "TMPDIR", "XDG_RUNTIME_DIR", DEVICES, "ROCR_VISIBLE_DEVICES", "SLURMD_NODENAME", "SLURM_NODEID",
    "SLURM_PROCID", "SLURM_LOCALID", "SLURM_STEP_ID", "SLURM_STEPID", "SLURM_TASK_PID", "SLURM_TOPOLOGY_ADDR",
)  # fmt: skip


class ProcessContext:
    """One node as its launcher sees it. ``cpus`` are those this process may use, as a batch system gave them."""

    def __init__(self, *, launcher: str, data: int) -> None:
        self.cpus = sorted(os.sched_getaffinity(0))
        self._all = set(self.cpus)
        self._data = data
        self.outputs = OutputNames()
        self._launcher = {processes.LAUNCHER_VARIABLE.encode(): os.fsencode(launcher)}
        self._environment: dict[bytes, bytes] = dict(self._launcher)
        self._devices: list[str] = []
        self._node = ""
        self._gpus = 0
        self._pins = False

    def configure(self, *, environment: Mapping[str, str], node: str, gpus: int, pin: bool, remote: bool) -> None:
        """Set what all jobs have in common, as the agent says; ``remote``: it says so from another node."""
        if remote:
            common = {name: value for name, value in environment.items() if name not in OF_THE_NODE}
            environment = common | {name: os.environ[name] for name in OF_THE_NODE if name in os.environ}
        encoded = {os.fsencode(key): os.fsencode(value) for key, value in environment.items()}
        self._environment = {**encoded, **self._launcher}
        # A batch system names the devices it gave; the numbers of a place count those.
        self._devices = [name for name in environment.get(DEVICES, "").split(",") if name]
        self._node, self._gpus, self._pins = node, gpus, pin

    def spawn(self, work: Work, place: Place) -> int:
        """Start ``work`` at ``place``; returns its pid. Raises ``processes.StartError``."""
        self.environment_of(work, place)
        if not self._pins:
            return processes.spawn(work, data=self._data, environment=self._environment, outputs=self.outputs)
        with self._pinned(place):
            return processes.spawn(work, data=self._data, environment=self._environment, outputs=self.outputs)

    def environment_of(self, work: Work, place: Place) -> Mapping[bytes, bytes]:
        """Add the GPUs of ``place`` to the environment of ``work``; returns the environment that all jobs share."""
        if self._gpus and len(place.nodes) <= 1:
            work.environment[DEVICES] = ",".join(self._device(gpu) for gpu in place.gpus)
        return self._environment

    def pin(self, pid: int, place: Place) -> None:
        """Hold a worker to the CPUs of its next call."""
        if self._pins and (cpus := self._cpus_of(place)):
            with suppress(OSError):
                os.sched_setaffinity(pid, cpus)

    def _device(self, gpu: int) -> str:
        return self._devices[gpu] if gpu < len(self._devices) else str(gpu)

    def _cpus_of(self, place: Place) -> set[int]:
        """The CPUs of a place; empty where the job is not to be held to any."""
        here = not place.nodes or list(place.nodes) == [self._node]
        cpus = {self.cpus[core] for core in place.cores if core < len(self.cpus)}
        # With more slots than CPUs the numbers mean nothing, and nobody is held to one.
        return cpus if here and len(cpus) == len(place.cores) else set()

    @contextmanager
    def _pinned(self, place: Place) -> Iterator[None]:
        """A child inherits the CPUs of the thread that starts it, so no job ever runs an instruction elsewhere."""
        cpus = self._cpus_of(place)
        if not cpus:
            yield
            return
        os.sched_setaffinity(0, cpus)
        try:
            yield
        finally:
            os.sched_setaffinity(0, self._all)
