"""kill -9 of every process of a working stack, in turn: no accepted job is lost, none is completed twice."""

import asyncio
import os
import random
import signal
import time
from typing import Any

import pytest

from storax import App, Client, EventLog, Job
from storax.local import LocalStack
from storax_agent.files.locks import holder
from storax_agent.settings.site import SiteFolder
from storax_core.admin.verify import verify
from waiting import HANG_SEC, eventually

SEED = int(os.environ.get("STORAX_SEED", random.SystemRandom().randrange(2**32)))
PARTS = ("api", "agent", "launcher", "feeder", "postgres", "valkey", "tasks", "supervisor")
ROUNDS = max(1, int(os.environ.get("STORAX_CHAOS_ROUNDS", "1")) // 4)
JOBS = 105


class Nap(App):
    """Sleeps a little and says how long."""

    site = "local"
    command_template = "sleep {{ seconds }}"


def _kill(stack: LocalStack, part: str) -> None:
    pid = _launcher(stack) if part == "launcher" else _pid(stack, part)
    os.kill(pid, signal.SIGKILL)
    if part == "supervisor":
        time.sleep(0.5)
        stack.start()  # adopts what is left


def _pid(stack: LocalStack, part: str) -> int:
    """The process of a part; there is none for a moment where the end of another part has ended it too."""
    return int(eventually(lambda: stack.pids.get(part)) or 0)


def _launcher(stack: LocalStack) -> int:
    """The process that spawns the site's jobs and outlives the agent; the supervisor knows nothing of it."""
    lock = SiteFolder(stack.data / "site").state / "launcher.lock"
    return int(eventually(lambda: holder(lock)) or 0)


def _submit(rng: random.Random, turn: int) -> list[Any]:
    jobs: list[Any] = [
        Job(app="Nap", site_name="local", workdir=f"k/{turn}/{i}", max_attempts=5,
            parameters={"seconds": f"{rng.uniform(0, 0.2):.3f}"})
        for i in range(JOBS)
    ]  # fmt: skip
    return Job.objects.bulk_create(jobs)


@pytest.mark.slow("each process is killed and comes back")
def test_no_job_is_lost_or_doubled_when_each_process_is_killed_in_turn() -> None:
    print(f"replay with STORAX_SEED={SEED}")
    rng = random.Random(SEED)
    with LocalStack() as stack, Client(stack.url, stack.token, deadline=60, connect_within=60):
        Nap.sync()
        jobs: list[Any] = []
        for turn in range(ROUNDS):
            for part in PARTS:
                jobs += _submit(rng, turn)
                time.sleep(rng.uniform(0.05, 0.6))
                _kill(stack, part)
        done, waiting = Job.objects.wait(jobs, timeout=HANG_SEC)
        assert not waiting, f"{len(waiting)} jobs never ended, such as {waiting[0].id} in {waiting[0].state}"
        states = {j.state for j in done}
        assert states == {"JOB_FINISHED"}, [list(j.history()) for j in done if j.state == "FAILED"][:1]
        assert len(done) == len(jobs)
        finished = EventLog.objects.filter(entity="job", to_state="JOB_FINISHED").count()
        assert finished == len(jobs), "a job was completed twice"
        report = asyncio.run(verify(stack.database_url))
        assert report["differences"] == 0, report
