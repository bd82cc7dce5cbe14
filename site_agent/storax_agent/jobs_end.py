"""End the jobs of a site whose agent does not run; what became of them is reported by the next agent."""

import os
import signal
import time
from contextlib import suppress

from storax_agent.launchers.base import LauncherLostError
from storax_agent.launchers.local import LocalLauncher
from storax_agent.launchers.starting import Machine
from storax_agent.locks import holder
from storax_agent.settings import SiteFolder

GRACE_SEC = 3.0
RUNNER_SEC = 6.0


def runners(folder: SiteFolder) -> list[int]:
    """The processes that run allocations of this site on this machine."""
    pids = (holder(lock) for lock in folder.state.glob("batch-*/agent.lock"))
    return [pid for pid in pids if pid is not None]


def ask_runners_to_end(folder: SiteFolder) -> None:
    """SIGTERM to each allocation of this machine; it ends its jobs and reports them."""
    for pid in runners(folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def end_everything(folder: SiteFolder) -> int:
    """End the allocations and the jobs of a site whose agent does not run. Returns how many processes there were."""
    ask_runners_to_end(folder)
    found = len(runners(folder))
    deadline = time.monotonic() + RUNNER_SEC
    while runners(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    parts = [SiteFolder(folder.path, part=place.name) for place in folder.state.glob("batch-*")]
    return found + sum(end_jobs(part) for part in [folder, *parts])


def end_jobs(folder: SiteFolder) -> int:
    """Stop every process the launcher of ``folder`` runs, wait for them, end the launcher. Returns their number."""
    if holder(folder.state / "launcher.lock") is None:
        return 0
    launcher = LocalLauncher(Machine(folder.state, folder.data, folder.log / "launcher.log", 1, 0, dict(os.environ)))
    try:
        running = launcher.open("").running
        waiting = {started.lease for started in running}
        launcher.stop(list(waiting), cause="stopped", grace_sec=GRACE_SEC)
        deadline = time.monotonic() + GRACE_SEC + 2.0
        while waiting and time.monotonic() < deadline:
            time.sleep(0.02)
            waiting -= {ended.lease for ended in launcher.poll().ended}
        launcher.close(end=not waiting)
    except LauncherLostError:
        return 0
    return len(running)
