"""The launcher of an agent, or of a runner inside an allocation, from the site's settings and the environment."""

import os
import select
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storax_agent.allocations.limits import Allocation
from storax_agent.allocations.placement import default_size
from storax_agent.launch.allocation import AllocationLauncher, sizes_of
from storax_agent.launch.base import Launcher
from storax_agent.launch.local import LocalLauncher
from storax_agent.launch.mpi import launch_of
from storax_agent.launch.nodes.clusters import cluster_of
from storax_agent.launch.nodes.clusters.base import Cluster, NodeInfo, NodesError
from storax_agent.launch.nodes.clusters.ssh import by_template
from storax_agent.launch.nodes.spawner_connection import NodeLink, local_connection, remote_connection
from storax_agent.launch.packing import Capacity
from storax_agent.launch.spawner.start import NodeResources
from storax_agent.settings.site import SiteFolder, SiteSettings

MIB = 1 << 20


@dataclass(frozen=True)
class Size:
    """What a launcher has on each node. ``where`` names it in a refusal."""

    nodes: Sequence[Capacity]
    where: str = "this site"

    @property
    def cores(self) -> int:
        """All cores."""
        return sum(node.cores for node in self.nodes)


def launcher_of(folder: SiteFolder, settings: SiteSettings, allocation: Allocation | None) -> tuple[Launcher, Size]:
    """The launcher and its size.

    Raises:
        NodesError: the allocation's nodes cannot be read, or are fewer than its partitions ask for.
    """
    environment = settings.environment.job(os.environ, in_allocation=allocation is not None)
    log = folder.log / "launcher.log"
    own = NodeResources(
        folder.state, folder.data, log, settings.slots, settings.gpus, environment, memory_mb=settings.memory_mb,
        pin=bool(settings.launcher.cpu_affinity), output_bytes=settings.launcher.max_output_mb * MIB,
        min_free_bytes=settings.launcher.min_free_mb * MIB,
    )  # fmt: skip
    if allocation is None:
        return LocalLauncher(own), Size([Capacity(settings.slots, settings.gpus, settings.memory_mb)])
    return _of_allocation(folder, settings, own, allocation)


def _of_allocation(
    folder: SiteFolder, settings: SiteSettings, own: NodeResources, allocation: Allocation
) -> tuple[Launcher, Size]:
    options = settings.launcher
    cluster = cluster_of(name=options.cluster)
    nodes = allocation.part_of(nodes_of(cluster, settings, os.environ, queue=allocation.queue))
    on_batch_system = cluster is not cluster_of({})
    kind, launch = launch_of(options.launch, own.environment, slurm="SLURM_JOB_NODELIST" in os.environ)
    if allocation.mode == "mpi" and kind == "none":
        raise NodesError(
            "mpi mode starts jobs by mpiexec or srun, and neither is on the PATH of this allocation; "
            "load an MPI in the job script, or set launch in [launcher] of site.toml"
        )

    def links(epoll: select.epoll) -> list[NodeLink]:
        wanted = nodes if allocation.mode == "serial" else nodes[:1]
        return [_link(folder, settings, own, cluster, node, epoll, pin=pin) for node in wanted]

    pin = on_batch_system if options.cpu_affinity is None else options.cpu_affinity
    launcher = AllocationLauncher(
        nodes, links, mode=allocation.mode, launch=launch, pin=_pins_ranks(options.cpu_affinity, nodes, pin=pin),
        left=lambda: allocation.left_sec,
    )  # fmt: skip
    return launcher, Size([Capacity(n.cores, n.gpus, n.memory_mb) for n in nodes], "this allocation")


def _pins_ranks(wanted: bool | None, nodes: Sequence[NodeInfo], *, pin: bool) -> bool:
    """Whether a launch command gets the CPUs of each rank. It knows CPUs by the machine's own numbers, ours are
    counted; the two are the same only where the allocation has the whole node, so elsewhere it has to be asked for.
    The first node, on which this runs, stands for the others."""
    if wanted is not None:
        return wanted
    everything = len(os.sched_getaffinity(0)) == os.cpu_count() == nodes[0].cores
    return pin and everything


def nodes_of(cluster: Cluster, settings: SiteSettings, environment: Mapping[str, str], *, queue: str) -> list[NodeInfo]:
    """The allocation's nodes; what the batch system does not tell is as in site.toml. Raises ``NodesError``."""
    return sizes_of(cluster.nodes(environment), default=default_size(settings, queue))


def _link(
    folder: SiteFolder, settings: SiteSettings, own: NodeResources, cluster: Cluster, node: NodeInfo,
    epoll: select.epoll, *, pin: bool,
) -> NodeLink:  # fmt: skip
    # Shorter than the session lives, so that jobs nobody answers for have ended before they are offered anew.
    timeout = settings.session_ttl_sec / 2
    machine = NodeResources(
        own.state, own.data, own.log, node.cores, node.gpus, own.environment, memory_mb=node.memory_mb,
        node=node.name, pin=pin, heartbeat_timeout_sec=timeout, output_bytes=own.output_bytes,
        min_free_bytes=own.min_free_bytes, remote=not is_here(node.name),
    )  # fmt: skip
    if is_here(node.name):
        return NodeLink(machine, local_connection(machine), epoll)
    command = [sys.executable, "-P", "-m", "storax_agent.launch.nodes.bridge"]
    command += [node.name, str(folder.state), str(folder.data), str(own.log)]
    template = settings.launcher.remote_start
    argv = by_template(template, node.name, command) if template else cluster.on_node(node.name, command)
    return NodeLink(machine, remote_connection(argv, own.log), epoll)


def is_here(node: str) -> bool:
    """Whether this process runs on that node; Slurm's own name comes first: several of its nodes may be one host."""
    return node == (os.environ.get("SLURMD_NODENAME") or _short_of(node))


def _short_of(node: str) -> str:
    """This host's name, in the long or short form that ``node`` has."""
    name = socket.gethostname()
    return name if "." in node else name.partition(".")[0]
