"""One allocation, several runners: each partition of a BatchJob has nodes, a mode and tags of its own."""

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from types import FrameType
from typing import Any

from storax_agent.allocations.launcher import nodes_of
from storax_agent.allocations.limits import Allocation
from storax_agent.launch.nodes.clusters import cluster_of
from storax_agent.settings.site import SiteFolder, SiteSettings


def run_partitions(folder: SiteFolder, settings: SiteSettings, row: Mapping[str, Any]) -> None:
    """Run them all, pass signals on, and return when the last has ended.

    Raises:
        NodesError: they ask for more nodes than the allocation has; then none is started.
    """
    nodes = nodes_of(cluster_of(name=settings.launcher.cluster), settings, os.environ, queue=row.get("queue") or "")
    numbers = range(len(row["partitions"]))
    for number in numbers:
        Allocation.of(row, partition=number).part_of(nodes)
    children = [_start(folder, row["id"], number) for number in numbers]

    def pass_on(number: int, _frame: FrameType | None) -> None:
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, pass_on)
    for child in children:
        os.waitpid(child, 0)


def _start(folder: SiteFolder, batch_job: int, partition: int) -> int:
    argv = [sys.executable, "-P", "-m", "storax_agent", "run", str(folder.path)]
    argv += ["--batch-job", str(batch_job), "--partition", str(partition)]
    return os.posix_spawn(sys.executable, argv, os.environ)
