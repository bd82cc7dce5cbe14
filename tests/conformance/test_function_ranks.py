"""run() in several ranks: real launch commands start it, the value of rank 0 or the first exception is the job's."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from needs import needs
from storax_agent.launch.mpi import LAUNCHES
from storax_agent.launch.work import Ended, Lease
from storax_agent.mainloop.outcomes import OutcomeMapper
from storax_agent.prepare.functions.worker_ranks import RANK
from storax_agent.prepare.job import Preparer, RefusedError
from storax_agent.settings.policy import Policy

SOURCE = """
from __future__ import annotations

RANK = NAMES


class Ranks(App):
    def run(self, how, x=1):
        import os
        import time

        rank = int(next(os.environ[name] for name in RANK if name in os.environ))
        os.write(1, f"rank {rank}\\n".encode())
        if how == "mpi":
            from mpi4py import MPI

            return [self.job.id, MPI.COMM_WORLD.allreduce(x), MPI.COMM_WORLD.Get_size()]
        if how == "raise" and rank == 1:
            raise ValueError("rank 1 has no luck")
        if how == "abort":
            from mpi4py import MPI

            if rank == 1:
                raise ValueError("rank 1 has no luck")
            MPI.COMM_WORLD.Barrier()
        if how == "exit" and rank == 1:
            time.sleep(1)
            os._exit(9)
        return f"rank {rank}"
""".replace("NAMES", repr(RANK))
APP = {"id": 7, "name": "Ranks", "version": 1, "command_template": None, "source_code": SOURCE, "environment": {}}
LEASE = Lease(1, 1, 1)
MPI = [pytest.param("hydra", id="hydra"), pytest.param("openmpi", id="openmpi", marks=needs("open-mpi"))]


@pytest.fixture(params=MPI)
def perform(request, tmp_path):
    """Perform a job's ``run()`` in two ranks, and return the agent's report."""
    for folder in ("results", "w"):
        (tmp_path / folder).mkdir()
    name = request.param
    launch = (name, LAUNCHES[name])
    preparer = Preparer(tmp_path / "results", 4, policy=Policy(allow_functions=True), launch=launch, memory_mb=9999)
    first = str(Path(sys.executable).parent) if name == "hydra" else "/usr/bin"
    mapper = OutcomeMapper(os.open(tmp_path, os.O_RDONLY), tmp_path / "results")

    def run(**parameters):
        job = {"id": 1, "app_id": 7, "workdir": "w", "parameters": parameters, "ranks_per_node": 2}
        work = preparer.work(LEASE, job, APP)
        environment = {**os.environ, **work.environment, "PATH": f"{first}:{os.environ['PATH']}"}
        done = subprocess.run(
            work.argv, env=environment, cwd=tmp_path / "w", capture_output=True, timeout=100, check=False
        )
        (tmp_path / "w" / "job.err").write_bytes(done.stderr)
        report = mapper.outcome(Ended(LEASE, time.time(), done.returncode, "exit", "", "w", started=True))
        assert not list((tmp_path / "results").iterdir())
        return report, done.stdout.decode()

    yield run
    os.close(mapper.data)


def test_each_rank_runs_the_function_and_the_value_of_rank_0_is_the_jobs(perform):
    report, output = perform(how="plain")
    assert report["moves"][-1]["to"] == "RUN_DONE"
    assert (report["patch"]["return_value"], report["patch"]["return_code"]) == ("rank 0", 0)
    assert sorted(output.split("\n"))[1:] == ["rank 0", "rank 1"]


def test_an_exception_of_one_rank_is_the_jobs(perform):
    report, _ = perform(how="raise")
    move = report["moves"][-1]
    assert (move["to"], move["data"]["exception"]) == ("RUN_ERROR", "ValueError")
    assert move["data"]["message"] == "ValueError: rank 1 has no luck"


def test_a_rank_that_ends_without_an_answer_fails_the_job(perform):
    report, _ = perform(how="exit")
    assert report["moves"][-1]["to"] == "RUN_ERROR"
    assert "exit code" in report["moves"][-1]["data"]["message"]


@pytest.mark.parametrize("perform", MPI[:1], indirect=True)
def test_functions_use_mpi_among_their_ranks(perform):
    report, _ = perform(how="mpi", x=5)
    assert report["patch"]["return_value"] == [1, 10, 2]


@pytest.mark.parametrize("perform", MPI[:1], indirect=True)
def test_an_exception_of_one_rank_ends_those_that_wait_for_it(perform):
    report, _ = perform(how="abort")
    assert report["moves"][-1]["data"]["exception_message"] == "rank 1 has no luck"


def test_parameters_that_no_command_can_carry_are_refused(tmp_path):
    preparer = Preparer(tmp_path, 4, policy=Policy(allow_functions=True), launch=("hydra", LAUNCHES["hydra"]))
    job = {"id": 1, "app_id": 7, "workdir": "w", "parameters": {"how": "x" * 200_000}, "ranks_per_node": 2}
    with pytest.raises(RefusedError, match="run\\(\\) in ranks may have 120000; put them in a file"):
        preparer.work(LEASE, job, APP)


def test_ranks_without_a_launch_command_are_refused(tmp_path):
    preparer = Preparer(tmp_path, 4, policy=Policy(allow_functions=True), launch=("none", LAUNCHES["local"]))
    with pytest.raises(RefusedError, match="needs 2 ranks, and the agent finds no mpiexec"):
        preparer.work(LEASE, {"id": 1, "app_id": 7, "workdir": "w", "parameters": {}, "ranks_per_node": 2}, APP)
