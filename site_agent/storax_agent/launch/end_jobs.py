"""End the jobs of a site whose agent does not run; what became of them is reported by the next agent."""

import os
import signal
import time
from contextlib import suppress

from storax_agent.files.locks import holder
from storax_agent.launch.base import LauncherLostError
from storax_agent.launch.local import LocalLauncher
from storax_agent.launch.process_identity import runs, start_time_of
from storax_agent.launch.spawner.start import NodeResources
from storax_agent.settings.site import SiteFolder

Process = tuple[int, float]  # its pid, and its start time in seconds since boot
GRACE_SEC = 3.0
RUNNER_SEC = 6.0


def ask_runners_to_end(folder: SiteFolder) -> set[Process]:
    """SIGTERM to each process that runs an allocation of this site on this machine; it ends its jobs and reports."""
    runners = set()
    for lock in folder.state.glob("batch-*/agent.lock"):
        pid = holder(lock)
        if pid is not None and (start_time := start_time_of(pid)) is not None:
            runners.add((pid, start_time))
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
    return runners


def running(runners: set[Process]) -> bool:
    """Whether one of them still runs. Its lock does not tell: it gives that back before it ends."""
    return any(runs(pid, start_time=start_time) for pid, start_time in runners)


def end_everything(folder: SiteFolder) -> int:
    """End the allocations and the jobs of a site whose agent does not run. Returns how many processes there were."""
    runners = ask_runners_to_end(folder)
    deadline = time.monotonic() + RUNNER_SEC
    while running(runners) and time.monotonic() < deadline:
        time.sleep(0.02)
    parts = [SiteFolder(folder.path, part=place.name) for place in folder.state.glob("batch-*")]
    return len(runners) + sum(end_jobs(part) for part in [folder, *parts])


def end_jobs(folder: SiteFolder) -> int:
    """Stop every process the launcher of ``folder`` runs, wait for them, end the launcher. Returns their number."""
    if holder(folder.state / "launcher.lock") is None:
        return 0
    launcher = LocalLauncher(NodeResources(folder.state, folder.data, folder.log / "launcher.log", 1, 0, {}))
    try:
        jobs = launcher.open("").running
        waiting = {started.lease for started in jobs}
        launcher.stop(list(waiting), cause="stopped", grace_sec=GRACE_SEC)
        deadline = time.monotonic() + GRACE_SEC + 2.0
        while waiting and time.monotonic() < deadline:
            time.sleep(0.02)
            waiting -= {ended.lease for ended in launcher.poll().ended}
        launcher.close(end=not waiting)
    except LauncherLostError:
        return 0
    return len(jobs)
