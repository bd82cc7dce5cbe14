"""Rows 10, 12, 13: jobs through the whole platform: API, log, queue, lease, agent, process, and back."""

import os
import resource
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import ROUNDS, Table, cpu_us, median
from storax import App, EventLog, Job
from storax.local import LocalStack

BALSAM_NOOP = 1.5


def bare_spawn(count: int = 1000, inflight: int = 4) -> float:
    """Return how many processes a second this machine starts and ends."""
    begun, live = time.perf_counter(), 0
    for _ in range(count):
        os.posix_spawn("/bin/true", ["/bin/true"], os.environ)
        live += 1
        if live >= inflight:
            os.wait()
            live -= 1
    while live:
        os.wait()
        live -= 1
    return count / (time.perf_counter() - begun)


def run_all(jobs: list[Any]) -> float:
    """Return the seconds from the submission of all jobs to the end of the last; all must finish."""
    begun = time.perf_counter()
    Job.objects.bulk_create(jobs)
    done, rest = Job.objects.wait(jobs, timeout=120)
    seconds = time.perf_counter() - begun
    assert len(done) == len(jobs)
    assert not rest
    assert all(j.state == "JOB_FINISHED" for j in done)
    return seconds


def noop_rate(table: Table, app_id: int, pids: dict[str, int], count: int = 2000) -> None:
    """Add row 10: no-op jobs a second, from submission to the end."""
    rates, cpus, spawns = [], [], []
    for turn in range(ROUNDS):
        spawns.append(bare_spawn())
        before = sum(cpu_us(p) for p in pids.values()) + time.process_time() * 1e6
        seconds = run_all([Job(app_id=app_id, workdir=f"noop/{turn}/{i}") for i in range(count)])
        rates.append(count / seconds)
        cpus.append((sum(cpu_us(p) for p in pids.values()) + time.process_time() * 1e6 - before) / count / 1e3)
    rate = median(rates)
    figure = (
        f"{rate:,.0f}/s = {rate / median(spawns):.2f} x bare spawn ({median(spawns):,.0f}/s), "
        f"{rate / BALSAM_NOOP:,.0f} x Balsam, {median(cpus):.2f} ms CPU a job outside the processes' own"
    )
    table.add(
        "10", "no-op processes, submit to finished, every change in the log", figure, "≥ 1,200/s", reached=rate >= 1200
    )


class Increment(App):
    """The function of row 11."""

    site = "local"

    def run(self, x: int) -> int:
        return x + 1


def functions(table: Table, pids: dict[str, int], count: int = 3000) -> None:
    """Add row 11: calls of a Python function a second."""
    app_id: Any = Increment.sync().id
    rates, cpus = [], []
    for turn in range(ROUNDS + 1):
        before = sum(cpu_us(p) for p in pids.values()) + time.process_time() * 1e6
        jobs: list[Any] = [Job(app_id=app_id, workdir=f"fn/{turn}/{i}", parameters={"x": i}) for i in range(count)]
        seconds = run_all(jobs)
        assert [j.return_value for j in jobs] == list(range(1, count + 1))
        if turn:  # the first round starts the workers
            rates.append(count / seconds)
            cpus.append((sum(cpu_us(p) for p in pids.values()) + time.process_time() * 1e6 - before) / count / 1e3)
    rate = median(rates)
    figure = f"{rate:,.0f}/s, {median(cpus):.2f} ms CPU a job outside launcher and workers"
    table.add("11", "Python functions in warm workers, submit to finished", figure, "≥ 1,500/s", reached=rate >= 1500)


def latency(table: Table, app_id: int, times: int = 60) -> None:
    """Add rows 12 and 13: latencies on an idle system, by the clock of this machine."""
    starts, results = [], []
    for i in range(times + 5):
        time.sleep(0.03)
        begun = time.time()
        job: Any = Job.objects.create(app_id=app_id, workdir=f"idle/{begun:.6f}")
        job.result(timeout=20)
        ended = time.time()
        if i >= 5:
            results.append((ended - begun) * 1e3)
            starts.append((_started(job) - begun) * 1e3)
    table.add("12", "idle system, create to process started, p50", f"{median(starts):.1f} ms", "≤ 8 ms",
              reached=median(starts) <= 8)  # fmt: skip
    table.add("13", "submit to result seen by the client, p50", f"{median(results):.1f} ms", "≤ 15 ms",
              reached=median(results) <= 15)  # fmt: skip


def starts(table: Table, stack: LocalStack) -> None:
    """Add row 17: CPU time of the command line and of the import, the best of five."""
    here = Path(sys.executable).parent
    environment = {**os.environ, "STORAX_URL": stack.url, "STORAX_TOKEN": stack.token}
    for what, argv, bar in (
        ("import storax", [sys.executable, "-c", "import storax"], 150),
        ("storax --help", [str(here / "storax"), "--help"], 150),
        ("storax job ls", [str(here / "storax"), "job", "ls"], 350),
    ):
        ms = min(_cpu_ms(argv, environment) for _ in range(5))
        table.add("17", f"{what}, CPU", f"{ms:.0f} ms", f"≤ {bar} ms", reached=ms <= bar)


def _cpu_ms(argv: list[str], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3


def _started(job: Any) -> float:
    (event,) = EventLog.objects.filter(job_id=job.id, to_state="RUNNING")
    return datetime.fromisoformat(event.data["at"]).timestamp()
