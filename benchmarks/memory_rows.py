"""Row 18: what the API and an agent hold in memory: idle, with 100,000 jobs queued for the site, and while they run."""

import os
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import Table, progress
from storax import App, Client, Job, Site
from storax._runtime.processes import identify
from storax.local import LocalStack

QUEUED, CHUNK = 100_000, 10_000
CALM_SEC, RUN_SEC = 5.0, 5.0


def memory(table: Table) -> None:
    """Row 18, on a stack of its own. Rss counts shared libraries in full for each process: it is the most it can be."""
    progress("memory: a stack of its own")
    with LocalStack() as stack, Client(stack.url, stack.token):
        time.sleep(CALM_SEC)
        api, agent, launcher = stack.pids["api"], stack.pids["agent"], _child(stack.pids["agent"])
        api_idle, agent_idle, launcher_idle = rss_mb(api), rss_mb(agent), rss_mb(launcher)
        local: Any = Site.objects.get(name="local")
        sleepers = _occupy(local.id)
        progress(f"memory: queueing {QUEUED:,} jobs")
        busy = rss_mb(agent)
        _queue(local.id)
        time.sleep(CALM_SEC)
        queued, api_after = rss_mb(agent), rss_mb(api)
        done = _run_queued(sleepers)
        peak = peak_mb(agent)
    figure = f"{api_idle:.0f} MB; {api_after:.0f} MB after {QUEUED:,} jobs were created through it"
    table.add("18", "memory of an idle API process (Rss)", figure, "≤ 150 MB", reached=max(api_idle, api_after) <= 150)
    figure = f"{agent_idle:.0f} MB; its launcher's process {launcher_idle:.0f} MB"
    table.add("18", "memory of an idle agent (Rss)", figure, "≤ 60 MB", reached=agent_idle <= 60)
    grown, most = queued - busy, peak - agent_idle
    figure = f"{grown:.1f} MB; at most {most:.1f} MB while it ran {done:,} of them"
    what = f"… growth of the agent with {QUEUED:,} jobs queued for its site"
    table.add("18", what, figure, "≤ 50 MB", reached=max(grown, most) <= 50)


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process, in MB of 10^6 bytes."""
    return _kib(Path(f"/proc/{pid}/smaps_rollup"), "Rss:") * 1024 / 1e6


def peak_mb(pid: int) -> float:
    """Return the peak resident memory of a process, in MB of 10^6 bytes."""
    return _kib(Path(f"/proc/{pid}/status"), "VmHWM:") * 1024 / 1e6


def _kib(file: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in file.read_text().splitlines() if line.startswith(name))


def _child(pid: int) -> int:
    """Return the id of the child of a process: the launcher of an agent."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert identify(int(child))
    return int(child)


def _occupy(site_id: int) -> list[Any]:
    """Start jobs that hold all cores of the site, so that other jobs stay queued."""
    sleep: Any = App.objects.create(site_id=site_id, name="Sleep", command_template="/bin/sleep 600")
    jobs: list[Any] = [Job(app_id=sleep.id, workdir=f"sleep/{i}") for i in range(os.cpu_count() or 1)]
    Job.objects.bulk_create(jobs)
    deadline = time.monotonic() + 30
    while Job.objects.filter(app_id=sleep.id, state="RUNNING").count() < len(jobs):
        assert time.monotonic() < deadline, "the site did not start its jobs"
        time.sleep(0.1)
    return jobs


def _queue(site_id: int) -> None:
    noop: Any = App.objects.create(site_id=site_id, name="Noop", command_template="/bin/true")
    for start in range(0, QUEUED, CHUNK):
        Job.objects.bulk_create([Job(app_id=noop.id, workdir=f"noop/{i}") for i in range(start, start + CHUNK)])


def _run_queued(sleepers: list[Any]) -> int:
    """Let the queued jobs run for some seconds. Return how many finished."""
    for job in sleepers:
        job.cancel()
    time.sleep(RUN_SEC)
    return int(Job.objects.filter(state="JOB_FINISHED").count())
