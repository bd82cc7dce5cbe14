"""The runner inside an allocation with the real server: nodes from a batch system's variables, both modes, partitions."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fakes.launchers import mpiexec
from fakes.processes import alive, in_group, watches
from fakes.site import RunningSite
from fakes.site_user import SiteUser
from storax import App, Client
from storax_agent.files.locks import holder
from storax_agent.launch.nodes.bridge import private_folder
from waiting import eventually

# One rank tells of all, for lines of several may mix on their way.
PROGRAM = (
    "from mpi4py import MPI; w = MPI.COMM_WORLD; found = w.gather((w.Get_rank(), w.allreduce(1)))\n"
    "if found: print(found, flush=True)"
)


@pytest.fixture(scope="module")
def user(world):
    return world.user("allocation-owner")


@pytest.fixture
def site(tmp_path, world, user):
    for old in user.get("/sites/")["results"]:
        user.ask("DELETE", f"/sites/{old['id']}")
    site = RunningSite(tmp_path / "site", world.url, token=user.token)
    with site.folder.settings_file.open("a") as file:
        file.write('[launcher]\nremote_start = "env HOSTNAME={node}"\n')
    yield site
    site.close()


@pytest.fixture
def desk(user, site):
    return SiteUser(user, site)


class Runner:
    """An allocation of two nodes of two cores, as a PBS node file tells it; the nodes are this machine."""

    def __init__(self, site, desk, path, nodes=("n1", "n2"), **body):
        self.site, self.path = site, path
        fields = {"site_id": site.site_id, "num_nodes": max(1, len(nodes)), "wall_time_min": 5, **body}
        self.batch = desk.user.post("/batch-jobs/", fields)["id"]
        (path / "nodefile").write_text("".join(f"{node}\n" * 2 for node in nodes))
        self.environment = {
            **os.environ, "PBS_NODEFILE": str(path / "nodefile"), "TMPDIR": str(path), "HYDRA_LAUNCHER": "fork",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }  # fmt: skip
        self.process = self.start()

    def start(self):
        argv = [sys.executable, "-P", "-m", "storax_agent", "run", str(self.site.folder.path)]
        with (self.path / "runner.out").open("ab") as out:
            return subprocess.Popen(
                [*argv, "--batch-job", str(self.batch)], env=self.environment, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip

    def spawner(self, node, part=""):
        state = self.site.folder.path / f"state/batch-{self.batch}{part}"
        return holder(private_folder(node, str(state)) / "launcher.lock")

    def close(self):
        self.process.terminate()
        assert self.process.wait(60) == 0, self.log
        for node in ("n1", "n2"):
            eventually(lambda node=node: self.spawner(node) is None)

    @property
    def log(self):
        return (self.path / "runner.out").read_text() + self.site.log


@pytest.fixture
def allocate(site, desk, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    runners = []

    def allocate(**body):
        runners.append(Runner(site, desk, tmp_path, **body))
        return runners[-1]

    yield allocate
    for runner in runners:
        if runner.process.poll() is None:
            runner.close()


def test_serial_jobs_run_on_all_nodes(allocate, desk, site):
    app = desk.app("where", "echo $HOSTNAME; sleep 0.4", use_shell=True)
    jobs = [desk.job(app) for _ in range(8)]
    ranks = desk.job(app, ranks_per_node=2)
    others = [desk.job(app, threads_per_rank=3), desk.job(app, gpus_per_rank=0.5)]
    runner = allocate()
    rows = [desk.ended(job) for job in jobs]
    assert {row["batch_job_id"] for row in rows} == {runner.batch}
    assert {site.read(row["workdir"] + "/job.out") for row in rows} == {"n1\n", "n2\n"}
    assert desk.read(ranks)["state"] == "PREPROCESSED", "serial mode takes single ranks alone"
    left = [(row["state"], row["lease_epoch"]) for row in map(desk.read, others)]
    assert left == [("PREPROCESSED", 0)] * 2, "what this allocation cannot hold is for another one"
    assert runner.spawner("n1")
    assert runner.spawner("n2")


class Hooked(App):
    """A hook may take an hour; the allocation has five minutes."""

    site = "test"
    command_template = "true"

    def postprocess(self):
        self.job.data = {"seen": True}


def test_a_hook_runs_in_an_allocation_that_is_shorter_than_its_limit(allocate, desk, site, world):
    site.folder.add_policy("allow_functions = true\n")
    with Client(world.url, desk.user.token):
        Hooked.sync()
        job = Hooked.submit("a")
        allocate()
        assert job.wait(60).data == {"seen": True}


class Steady(App):
    """Runs until a file ``go`` is there."""

    site = "test"

    def run(self):
        from pathlib import Path

        Path("began").touch()
        while not Path("go").exists():
            time.sleep(0.02)
        return self.job.attempt


def test_a_function_that_an_allocation_took_down_is_run_again_by_a_later_one(allocate, desk, site, world):
    site.folder.add_policy("allow_functions = true\n")
    with Client(world.url, desk.user.token):
        Steady.sync()
        job = Steady.submit("a")
        first = allocate()
        eventually(lambda: site.file("a/began").exists())
        first.close()
        eventually(lambda: desk.read(job.id)["state"] == "RESTART_READY")
        assert desk.moves(job.id)[-3:] == ["RUNNING", "RUN_TIMEOUT", "RESTART_READY"]
        site.file("a/go").touch()
        second = allocate()
        assert job.result(timeout=60) == 1  # runs before this one
        assert (desk.read(job.id)["batch_job_id"], desk.read(job.id)["attempt"]) == (second.batch, 2)


def test_an_mpi_program_runs_through_the_whole_path(allocate, desk, site):
    mpiexec()
    app = desk.app("ranks", "{{ python }} -c {{ program }}")
    parameters = {"python": sys.executable, "program": PROGRAM}
    wide = desk.job(app, num_nodes=2, ranks_per_node=2, parameters=parameters)
    narrow = desk.job(app, ranks_per_node=2, parameters=parameters)
    allocate(job_mode="mpi", nodes=("localhost", "127.0.0.1"))
    for job, ranks in ((wide, 4), (narrow, 2)):
        row = desk.ended(job)
        assert site.read(row["workdir"] + "/job.out") == f"{[(rank, ranks) for rank in range(ranks)]}\n"


def test_a_killed_node_worker_harms_no_job(allocate, desk, site):
    script = "echo $$ > pid; echo run >> runs; while [ ! -e go ]; do sleep 0.02; done"
    app = desk.app("slow", script, use_shell=True)
    jobs = [desk.job(app, threads_per_rank=2) for _ in range(2)]
    folders = [desk.read(job)["workdir"] for job in jobs]
    runner = allocate()
    pids = [int(eventually(lambda folder=folder: site.read(f"{folder}/pid").strip())) for folder in folders]
    os.kill(killed := runner.spawner("n1"), signal.SIGKILL)
    eventually(lambda: not alive(killed))
    eventually(lambda: all(any(watches(runner.spawner(node), pid) for node in ("n1", "n2")) for pid in pids))
    for job, folder in zip(jobs, folders, strict=True):
        site.file(f"{folder}/go").touch()
        desk.ended(job)
        assert site.read(f"{folder}/runs") == "run\n"


def test_a_killed_runner_leaves_no_job_running_twice(allocate, desk, site, world):
    with site.folder.settings_file.open() as file:
        text = file.read()
    site.folder.settings_file.write_text(text.replace("session_ttl_sec = 20", "session_ttl_sec = 12"))
    script = "echo $$ > pid; echo start >> runs; test -e go && exit 0; sleep 61; echo doubled >> runs"
    job = desk.job(desk.app("long", script, use_shell=True), max_attempts=3)
    first = allocate()
    pid = int(eventually(lambda: site.read(desk.read(job)["workdir"] + "/pid").strip()))
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    eventually(lambda: not in_group(pid))
    assert not alive(pid)
    site.file(desk.read(job)["workdir"] + "/go").touch()
    eventually(lambda: (world.sweep(), desk.read(job)["session_id"] is None)[1])  # it was not heard of for long
    allocate()
    desk.ended(job)
    assert site.read(desk.read(job)["workdir"] + "/runs") == "start\nstart\n"


def test_a_cancelled_job_leaves_no_process(allocate, desk, site):
    job = desk.job(
        desk.app("stuck", "echo $$ > pid; trap '' TERM; setsid sleep 77 & sleep 78; sleep 79", use_shell=True)
    )
    allocate()
    pid = int(eventually(lambda: site.read(desk.read(job)["workdir"] + "/pid").strip()))
    desk.user.post("/jobs/cancel", {"filter": {"id": [job]}})
    desk.ended(job, "CANCELLED")
    eventually(lambda: not in_group(pid))


def test_partitions_are_launchers_of_their_own(allocate, desk, site):
    mpiexec()
    app = desk.app("where", "echo $HOSTNAME; hostname", use_shell=True)
    parts = [
        {"job_mode": "serial", "num_nodes": 1, "filter_tags": {"kind": "small"}},
        {"job_mode": "mpi", "num_nodes": 1, "filter_tags": {"kind": "wide"}},
    ]
    small, wide = desk.job(app, tags={"kind": "small"}), desk.job(app, tags={"kind": "wide"}, ranks_per_node=2)
    neither = desk.job(app)
    runner = allocate(partitions=parts, nodes=("n1", "localhost"))
    desk.ended(small)
    row = desk.ended(wide)
    assert len(site.read(row["workdir"] + "/job.out").splitlines()) == 4, "two ranks of two lines"
    assert desk.read(neither)["state"] == "PREPROCESSED"
    assert runner.spawner("n1", part="-0")
    runner.process.terminate()
    assert runner.process.wait(60) == 0, runner.log
    eventually(lambda: runner.spawner("n1", part="-0") is None)


def test_partitions_larger_than_the_allocation_are_refused_before_any_starts(allocate, desk, site):
    runner = allocate(partitions=[{"num_nodes": 2}, {"num_nodes": 1}], num_nodes=3)
    assert runner.process.wait(60) == 1
    assert f"the partitions of BatchJob {runner.batch} ask for 3 nodes; its allocation has 2" in runner.log


def test_an_allocation_whose_nodes_cannot_be_read_says_so(allocate, desk, site):
    runner = allocate(nodes=())
    assert runner.process.wait(60) == 1
    assert "lists no node" in runner.log


@pytest.mark.parametrize("mode", ["serial", "mpi"])
def test_a_real_slurm_allocation(real_slurm, site, desk, tmp_path, mode):
    site.folder.settings_file.write_text(site.folder.settings_file.read_text().partition("[launcher]")[0])
    with site.folder.settings_file.open("a") as file:
        file.write('[launcher]\nlaunch = "srun"\n')
    app = desk.app("where", "echo $SLURMD_NODENAME; echo run >> runs; sleep 0.5", use_shell=True)
    jobs = [desk.job(app, **({"num_nodes": 2} if mode == "mpi" else {"threads_per_rank": 2})) for _ in range(6)]
    body = {"site_id": site.site_id, "num_nodes": 2, "wall_time_min": 5, "job_mode": mode}
    batch = desk.user.post("/batch-jobs/", body)["id"]
    script = tmp_path / "job.sh"
    runner = f"{sys.executable} -P -m storax_agent run {site.folder.path} --batch-job {batch}"
    script.write_text(f"#!/bin/sh\nexec {runner}\n")
    log = tmp_path / "slurm.out"
    argv = ["sbatch", "--parsable", "-N2", "--ntasks-per-node=4", "-t5", f"--output={log}", str(script)]
    number = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    try:
        rows = [desk.ended(job) for job in jobs]
        hosts = [site.read(row["workdir"] + "/job.out").split() for row in rows]
        assert {name for names in hosts for name in names} == {"n1", "n2"}, (hosts, log.read_text(), site.log)
        expected = 2 if mode == "mpi" else 1
        assert [site.read(row["workdir"] + "/runs").count("run") for row in rows] == [expected] * 6
        assert all(len(set(names)) == expected for names in hosts)
    finally:
        print(log.read_text() if log.exists() else "Slurm has not started it", site.log)
        subprocess.run(["scancel", number], timeout=60, check=True)
        ask = ["squeue", "-h", "-j", number]
        eventually(lambda: not subprocess.run(ask, capture_output=True, timeout=60).stdout.strip())
