"""A site on a real Slurm of two nodes, from the Python client to the processes and back. ``make test-slurm`` runs it."""

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from fakes.launchers import BIN, mpiexec
from fakes.processes import alive, saying
from fakes.site import RunningSite
from storax import BatchJob, Client, EventLog, Job
from storax_agent.schedulers.cluster import write_template
from waiting import eventually

TABLE = "idle_sec = 3\noutlook_poll_sec = 0.5\ncommand_timeout_sec = 20\n"


@pytest.fixture
def site(real_slurm, world, tmp_path):
    user = world.user()
    running = RunningSite(tmp_path / "a site", world.url, token=user.token, run_jobs=False, slots=4)
    running.folder.choose_scheduler("slurm")
    write_template(running.folder.path, "slurm")
    settings = running.folder.settings_file
    settings.write_text(settings.read_text() + TABLE)
    running.user = user
    with Client(world.url, user.token):
        yield running
    running.close()
    real_slurm.clear()


def add(site, *lines):
    settings = site.folder.settings_file
    settings.write_text(settings.read_text() + "\n".join(lines) + "\n")


def app(site, command="true", **fields):
    row = {"site_id": site.site_id, "name": f"A{os.urandom(3).hex()}", "command_template": command, **fields}
    return site.user.post("/apps/", row)["id"]


def jobs(app_id, number, **fields):
    rows = [Job(app_id=app_id, workdir=f"w/{os.urandom(4).hex()}", **fields) for _ in range(number)]
    Job.objects.bulk_create(rows)
    return [job.id for job in rows]


def allocation(site, **fields):
    return BatchJob.objects.create(site_id=site.site_id, **{"num_nodes": 1, "wall_time_min": 10, **fields})


def comes(batch, *states):
    def there():
        batch.refresh_from_db()
        return batch.state in states and batch

    return eventually(there)


def all_in(ids, *states, seconds=60.0):
    def there():
        counts = Job.objects.filter(id=ids).counts()
        return counts if set(counts) <= set(states) else None

    try:
        return eventually(there)
    except AssertionError:
        stuck = next(job.id for job in Job.objects.filter(id=ids) if job.state not in states)
        events = EventLog.objects.filter(job_id=stuck).order_by("position")
        raise AssertionError([(event.type, event.to_state, event.data) for event in events]) from None


def texts(site, name, number):
    """What so many jobs wrote into files of this name; a shell makes a file before it writes it."""

    def there():
        written = [text for path in site.folder.data.rglob(name) if (text := path.read_text())]
        return written if len(written) == number else None

    return eventually(there)


def squeue(real_slurm):
    return real_slurm.ask("squeue", "-h", "-o", "%i %T %j").splitlines()


def test_a_batch_job_is_submitted_runs_twenty_jobs_and_ends(site, real_slurm):
    site.start()
    ids = jobs(app(site, "sleep 0.1"), 20)
    batch = allocation(site, num_nodes=2, queue="debug")
    comes(batch, "running")
    assert batch.start_time
    assert batch.scheduler_id in [line.split()[0] for line in squeue(real_slurm)]
    all_in(ids, "JOB_FINISHED")
    comes(batch, "finished")
    assert batch.start_time <= batch.end_time
    assert batch.status_info["scheduler_state"] == "COMPLETED"
    assert batch.status_info["exit_code"] == 0
    assert {job.batch_job_id for job in Job.objects.filter(id=ids)} == {batch.id}
    states = [
        event.to_state for event in EventLog.objects.filter(entity="batch_job", entity_id=batch.id).order_by("position")
    ]
    assert [state for state in states if state] == ["pending_submission", "queued", "running", "finished"]
    row = eventually(lambda: (r := site.user.get(f"/sites/{site.site_id}"))["allowed_queues"] and r)
    assert row["allowed_queues"]["debug"] == {"max_nodes": 2, "max_walltime": 60, "cores": 4}
    assert eventually(lambda: site.user.get(f"/sites/{site.site_id}")["backfill_windows"].get("debug"))


def test_cancelling_midway_ends_the_allocation_and_its_processes(site, real_slurm):
    site.start()
    ids = jobs(app(site, "echo $$ > pid; sleep 60", use_shell=True), 3)
    batch = allocation(site)
    all_in(ids, "RUNNING")
    pids = [int(text) for text in texts(site, "pid", 3)]
    batch.state = "pending_deletion"
    batch.save()
    comes(batch, "finished")
    assert batch.end_time
    assert batch.status_info["scheduler_state"].startswith("CANCELLED")
    all_in(ids, "RESTART_READY")
    eventually(lambda: not any(map(alive, pids)))
    again = allocation(site)
    all_in(ids, "RUNNING")
    assert {job.batch_job_id for job in Job.objects.filter(id=ids)} == {again.id}
    again.state = "pending_deletion"
    again.save()
    comes(again, "finished")


def test_a_cancelled_allocation_leaves_no_process_on_any_of_its_nodes(site, real_slurm):
    site.start()
    script = "trap '' TERM; echo $$ > pid; echo $SLURMD_NODENAME > node; sleep 60; sleep 61; sleep 62"
    ids = jobs(app(site, script, use_shell=True), 2, threads_per_rank=4)
    batch = allocation(site, num_nodes=2)
    all_in(ids, "RUNNING")
    assert set(texts(site, "node", 2)) == {"n1\n", "n2\n"}
    batch.state = "pending_deletion"
    batch.save()
    comes(batch, "finished")
    all_in(ids, "RESTART_READY")
    assert site.groups() == [], "they could be started anew while they run"
    eventually(lambda: set(saying(str(site.folder.path))) == {site.pid, site.launcher})


def test_a_node_that_dies_ends_its_allocation_with_the_reason_and_its_jobs_run_elsewhere(site, real_slurm):
    site.start()
    script = "test -e second && exit 0; touch second; sleep 60"
    ids = jobs(app(site, script, use_shell=True), 3)
    batch = allocation(site, queue="short")  # which has n1 alone
    all_in(ids, "RUNNING")
    real_slurm.control("update", "nodename=n1", "state=down", "reason=x")
    try:
        comes(batch, "finished")
        assert batch.status_info["scheduler_state"] == "NODE_FAIL"
        assert batch.status_info["reason"] == "NodeDown"
        assert batch.end_time
        all_in(ids, "RESTART_READY")
        allocation(site, queue="debug")
        all_in(ids, "JOB_FINISHED")
    finally:
        real_slurm.revive("n1")


def test_an_agent_that_is_killed_submits_nothing_twice(site, real_slurm):
    site.start()
    ids = jobs(app(site, "sleep 1"), 8)
    batches = [allocation(site) for _ in range(3)]
    for _ in range(4):
        eventually(lambda: len(squeue(real_slurm)) > 0)
        site.kill()
        site.start()
    for batch in batches:
        comes(batch, "finished")
    all_in(ids, "JOB_FINISHED")
    names = real_slurm.ask("squeue", "-h", "-t", "all", "-o", "%j").split()
    mine = [
        name
        for name in names
        if name.rpartition("-")[2] in {str(batch.id) for batch in batches} and f"-{site.site_id}." in name
    ]
    assert len(mine) == len(set(mine)) == 3


def test_what_the_site_does_not_allow_is_refused_with_what_it_allows(site):
    add(
        site,
        "[scheduler.queues.short]",
        "max_nodes = 1",
        "max_walltime = 5",
        "[scheduler.optional_params]",
        'constraint = ""',
    )
    site.start()
    wide = allocation(site, queue="short", num_nodes=2)
    long = allocation(site, queue="short", wall_time_min=6)
    strange = allocation(site, queue="debug")
    param = allocation(site, queue="short", wall_time_min=5, optional_params={"qos": "high"})
    evil = allocation(site, queue="short", wall_time_min=5, optional_params={"constraint": "a\n#SBATCH --uid=0"})
    for batch in (wide, long, strange, param, evil):
        comes(batch, "submit_failed")
        assert batch.scheduler_id is None
    assert (wide.status_info["asked"], wide.status_info["allowed"]) == (2, 1)
    assert "6 minutes; queue 'short' allows 5" in long.status_info["error"]
    assert "There are: short" in strange.status_info["error"]
    assert "'qos' is not allowed" in param.status_info["error"]
    assert "cannot stand in a job script" in evil.status_info["error"]


def test_a_full_queue_makes_the_next_wait(site, real_slurm):
    real_slurm.control("update", "partitionname=short", "state=down")
    add(site, "[scheduler.queues.short]", "max_queued_jobs = 1")
    site.start()
    try:
        first = comes(allocation(site, queue="short"), "queued")
        second = allocation(site, queue="short")
        eventually(lambda: "1 of 1" in _refreshed(second).status_info.get("waits", ""))
        assert second.state == "pending_submission"
        assert eventually(lambda: _refreshed(first).status_info.get("reason"))
    finally:
        real_slurm.control("update", "partitionname=short", "state=up")
    comes(first, "running", "finished")
    comes(second, "running", "finished")
    assert "waits" not in second.status_info


def _refreshed(batch):
    batch.refresh_from_db()
    return batch


def test_the_elastic_queue_asks_for_what_the_work_needs(site, real_slurm):
    add(
        site,
        "[elastic_queue]",
        "enabled = true",
        "every_sec = 0.3",
        "max_nodes = 2",
        'queue = "debug"',
        "wall_time_min = 5",
    )
    site.start()
    few = jobs(app(site, "sleep 0.2"), 4, wall_time_min=1)
    all_in(few, "JOB_FINISHED")
    assert {batch.num_nodes for batch in BatchJob.objects.filter(site_id=site.site_id)} == {1}, "they share its 4 cores"
    ids = jobs(app(site, "sleep 0.2"), 20, wall_time_min=1)
    all_in(ids, "JOB_FINISHED")
    batches = list(BatchJob.objects.filter(site_id=site.site_id))
    assert {batch.status_info["made_by"] for batch in batches} == {"elastic_queue"}
    assert max(batch.num_nodes for batch in batches) == 2
    for batch in batches:
        comes(batch, "finished")
    assert BatchJob.objects.filter(site_id=site.site_id).count() == len(batches) <= 4


def test_the_check_says_what_the_scheduler_says(site, monkeypatch):
    from storax_agent.control.checks import check

    findings = {finding.what: finding for finding in check(site.folder)}
    assert findings["scheduler"].good
    assert findings["job-template.sh"].good
    assert findings["queue debug"].detail == "max_nodes 2, max_walltime 60, cores 4"
    Path(site.folder.path, "job-template.sh").write_text("#!/bin/bash\n{{ nodes }}\n{{ run }}\n")
    settings = site.folder.settings_file
    settings.write_text(settings.read_text().replace("_timeout_sec = 20", "_timeout_sec = 2"))
    monkeypatch.setenv("SLURM_CONF", "/nonexistent")
    findings = {finding.what: finding for finding in check(site.folder)}
    assert findings["scheduler"].good is False
    assert "'nodes' is undefined" in findings["job-template.sh"].detail


# Each run notes its lease, and says so when another run of the same job is still under way.
SERIAL = """\
exec 9> lock; flock -n 9 || echo overlap >> overlap
echo $$ >> pids; basename "$STORAX_RESULT_FILE" >> runs
sleep {{ seconds }}; echo {{ n }} > "$STORAX_RESULT_FILE"
"""
# One rank tells of all: how many they were, and on how many nodes Slurm had started them.
RANKS = """\
import fcntl, json, os, sys, time
from mpi4py import MPI

def note(name, word):
    with open(name, "a") as file:
        file.write(f"{word}\\n")

world, result = MPI.COMM_WORLD, os.environ["STORAX_RESULT_FILE"]
started_by = open(f"/proc/{os.getppid()}/environ").read().split("\\0")
node = next(word.partition("=")[2] for word in started_by if word.startswith("SLURMD_NODENAME="))
note("pids", os.getpid())
if world.rank == 0:
    note("runs", os.path.basename(result))
    lock = open("lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        note("overlap", "overlap")
time.sleep(float(sys.argv[1]))
ranks, nodes = world.allreduce(1), world.gather(node)
if nodes:
    with open(result, "w") as file:
        json.dump({"ranks": ranks, "nodes": len(set(nodes))}, file)
"""
MODES = ("mpi", "serial")


@pytest.fixture
def elastic(site):
    """An agent that asks for allocations by itself: wide ones for ranks, others for single processes."""
    mpiexec()
    site.environment = {"PATH": f"{BIN}:{os.environ['PATH']}"}
    for mode in MODES:
        add(
            site, "[[elastic_queue]]", "enabled = true", "every_sec = 0.3", "max_nodes = 2", 'queue = "debug"',
            "wall_time_min = 5", f'job_mode = "{mode}"', f'filter_tags = {{ kind = "{mode}" }}',
        )  # fmt: skip
    return site.start()


def two_hundred(site, rng):
    """What each job shall return, by its id: 10 over two nodes, 20 of two ranks, 170 single processes."""
    program = site.folder.path / "ranks.py"
    program.write_text(RANKS)
    ranks = app(site, f"{sys.executable} {{{{ program }}}} {{{{ seconds }}}}")
    single = app(site, SERIAL, use_shell=True)
    ranked = {"app_id": ranks, "tags": {"kind": "mpi"}, "ranks_per_node": 2}
    kinds = [({"ranks": 4, "nodes": 2}, {**ranked, "num_nodes": 2}), *[({"ranks": 2, "nodes": 1}, ranked)] * 2]
    expected, submitted = [], []
    for n in range(200):
        value, fields = kinds[n % 20] if n % 20 < 3 else (n, {"app_id": single, "tags": {"kind": "serial"}})
        own = {"program": str(program)} if fields["app_id"] == ranks else {"n": n}
        parameters = {**own, "seconds": f"{rng.uniform(0.2, 1.0):.2f}"}
        expected.append(value)
        submitted.append(Job(workdir=f"w/{n}", parameters=parameters, **fields))
    Job.objects.bulk_create(submitted)
    return {job.id: value for job, value in zip(submitted, expected, strict=True)}


def working(site, *modes):
    """An allocation of one of these modes in which some jobs have ended and others run."""

    def there():
        for batch in BatchJob.objects.filter(site_id=site.site_id, state="running", job_mode=modes):
            states = Job.objects.filter(batch_job_id=batch.id).counts()
            if states.get("RUNNING") and states.get("JOB_FINISHED"):
                return batch
        return None

    return eventually(there)


@pytest.mark.slow("two hundred jobs on a real Slurm, with all that goes wrong on one")
def test_two_hundred_jobs_end_right_through_a_cancel_a_lost_node_and_a_killed_agent(elastic, real_slurm, world):
    seed = int(os.environ.get("STORAX_SEED", random.SystemRandom().randrange(2**32)))
    print(f"replay with STORAX_SEED={seed}")
    rng, site = random.Random(seed), elastic
    expected = two_hundred(site, rng)
    ids = list(expected)

    cancelled = working(site, *MODES)
    cancelled.state = "pending_deletion"
    cancelled.save()
    comes(cancelled, "finished")
    assert cancelled.status_info["scheduler_state"].startswith("CANCELLED")

    struck = working(site, *(mode for mode in MODES if mode != cancelled.job_mode))
    node = rng.choice(["n1", "n2"])
    real_slurm.control("update", f"nodename={node}", "state=down", "reason=x")
    comes(struck, "finished")
    real_slurm.revive(node)
    assert struck.status_info["scheduler_state"] == "NODE_FAIL"

    working(site, *MODES)
    site.kill()
    site.start()

    all_in(ids, "JOB_FINISHED", seconds=120)
    jobs_by_id = {job.id: job for job in Job.objects.filter(id=ids)}
    assert {number: job.return_value for number, job in jobs_by_id.items()} == expected
    _once(site, jobs_by_id)
    assert max(job.lease_epoch for job in jobs_by_id.values()) > 1, "no job was taken from anybody"
    batches = list(BatchJob.objects.filter(site_id=site.site_id))
    for batch in batches:
        comes(batch, "finished")
    assert {batch.status_info["made_by"] for batch in batches} == {"elastic_queue"}
    assert {job.batch_job_id for job in jobs_by_id.values()} <= {batch.id for batch in batches}
    _nothing_left(site, real_slurm)
    argv = [BIN / "storax", "admin", "verify", "--database-url", world.database_url]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.split()[-2:]) == (0, ["0", "differences"]), done.stdout + done.stderr


def _once(site, jobs_by_id):
    """No lease was run twice, no two runs of a job overlapped, and none came after its success."""
    ends = EventLog.objects.filter(entity="job", entity_id=list(jobs_by_id), to_state="JOB_FINISHED")
    assert Counter(event.entity_id for event in ends) == dict.fromkeys(jobs_by_id, 1)
    for number, job in jobs_by_id.items():
        runs = site.read(f"{job.workdir}/runs").split()
        assert len(runs) == len(set(runs)), (number, runs)
        assert runs[-1].startswith(f"{number}.{job.lease_epoch}."), (number, runs)
    assert [str(path) for path in site.folder.data.rglob("overlap")] == []


def _nothing_left(site, real_slurm):
    """No job, no allocation, no runner, no node's worker."""
    assert squeue(real_slurm) == []
    pids = [int(pid) for path in site.folder.data.rglob("pids") for pid in path.read_text().split()]
    assert [pid for pid in pids if alive(pid)] == []
    site.stop()
    eventually(lambda: saying(str(site.folder.path)) == [])
