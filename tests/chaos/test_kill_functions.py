"""kill -9 of the agent and of warm workers under 500 functions: none is lost, none is completed twice."""

import os
import random
import signal
import time
from pathlib import Path

from fakes.site import RunningSite
from storax import App, Client, EventLog, Job
from waiting import HANG_SEC, eventually

SEED = int(os.environ.get("STORAX_SEED", random.SystemRandom().randrange(2**32)))
JOBS = 500


class Mark(App):
    """Leaves a line for each run."""

    site = "test"
    max_attempts = 6

    def run(self, x):
        import time
        from pathlib import Path

        with Path("runs").open("a") as file:
            file.write("run\n")
        time.sleep(0.002)
        return x * 2


def workers(site):
    pid = site.launcher
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()] if pid else []


def test_no_function_is_lost_or_doubled_when_agent_and_workers_are_killed(tmp_path, world) -> None:
    print(f"replay with STORAX_SEED={SEED}")
    rng = random.Random(SEED)
    user = world.user()
    site = RunningSite(tmp_path / "site", world.url, token=user.token)
    site.folder.add_policy("allow_functions = true\n")
    try:
        with Client(world.url, user.token, deadline=60):
            Mark.sync()
            site.start()
            jobs = Job.objects.bulk_create([Job(app=Mark, workdir=f"m/{n}", parameters={"x": n}) for n in range(JOBS)])
            killed = 0
            for turn in range(8):
                time.sleep(rng.uniform(0.05, 0.3))
                if turn % 2:
                    site.kill()
                    site.start()
                elif pids := workers(site):
                    os.kill(rng.choice(pids), signal.SIGKILL)
                    killed += 1
            done, rest = Job.objects.wait(jobs, timeout=HANG_SEC)
            assert not rest
            assert {job.state for job in done} == {"JOB_FINISHED"}, [
                list(j.history()) for j in done if j.state == "FAILED"
            ]
            assert [job.return_value for job in jobs] == [2 * n for n in range(JOBS)]
            finished = [e.entity_id for e in EventLog.objects.filter(entity="job", to_state="RUN_DONE")]
            assert len(finished) == len(set(finished)) == JOBS, "a function was completed twice"
            runs = sum(site.read(f"m/{n}/runs").count("run") for n in range(JOBS))
            assert runs <= JOBS + killed, "the death of an agent repeats nothing, that of a worker its own call alone"
    finally:
        site.close()
    eventually(lambda: not workers(site))
