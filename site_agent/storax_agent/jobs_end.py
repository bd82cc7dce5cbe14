"""End the jobs of a site whose agent does not run; what became of them is reported by the next agent."""

import os
import time

from storax_agent.launchers.base import LauncherLostError
from storax_agent.launchers.local import LocalLauncher, Machine
from storax_agent.locks import holder
from storax_agent.settings import SiteFolder

GRACE_SEC = 3.0


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
