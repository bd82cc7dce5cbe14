"""What every launcher must do: the one of this machine, node workers through pipes and through a real ssh, and one
mpiexec per job. The nodes are all this machine; what starts and kills their processes is real."""

import os
import signal
import subprocess
import sys
import time
from itertools import combinations

import pytest

from fakes.launchers import KINDS, Bench, Sshd, kinds
from fakes.processes import alive, in_group, named, saying
from needs import needs
from ports import free_port
from storax_agent.launch.base import LauncherLostError
from waiting import eventually, when_open


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    server = Sshd(tmp_path_factory.mktemp("ssh") / "d", free_port())
    yield server
    server.close()


@pytest.fixture
def make(tmp_path, request, monkeypatch):
    """Makes a launcher of a kind; closes it after the test."""
    benches = []
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    def build(kind, **options):
        if kind == "ssh":
            # Over ssh a node's folder for temporary files is its own; here it must be this test's.
            template = request.getfixturevalue("sshd").template
            options["template"] = f"{template} env TMPDIR={tmp_path}"
        benches.append(Bench(kind, tmp_path / "site", **options))
        return benches[-1]

    yield build
    for bench in benches:
        bench.close()


@pytest.fixture(params=kinds(*KINDS))
def bench(request, make):
    return make(request.param)


@pytest.fixture(params=kinds("nodes", "ssh", "mpi"))
def allocated(request):
    return request.param


def no_route():
    raise LauncherLostError("no route to host")


def word():
    """An argument for ``sleep`` that no other process of this machine has."""
    return f"{os.getpid()}{time.time_ns() % 10**9}"


def test_each_job_runs_once_and_its_end_is_reported_once(bench):
    leases = {bench.run(f"echo run {n}; exit {n % 3}"): n for n in range(12)}
    bench.wait_ended(*leases)
    for lease, n in leases.items():
        assert bench.ended[lease].cause == "exit"
        assert bench.ended[lease].code == n % 3
        assert bench.read(lease) == f"run {n}\n"
    time.sleep(0.2)
    bench.poll()
    assert set(bench.started) == set(leases)


def test_a_job_finds_its_folder_and_environment(bench):
    lease = bench.run("pwd; echo $STORAX_RESULT_FILE; echo oops >&2")
    bench.wait_ended(lease)
    assert bench.read(lease).splitlines() == [
        str(bench.path / f"data/w/{lease.job_id}"),
        f"{bench.path}/state/results/{lease.name}.json",
    ]
    assert "oops" in bench.read(lease, "job.err")


def test_no_more_run_than_there_are_cores(bench):
    leases = [bench.run("sleep 0.05", cores=1 + n % 2) for n in range(16)]
    bench.wait_ended(*leases)
    edges = sorted(
        edge
        for lease in leases
        for edge in (
            (bench.started[lease].at, len(bench.started[lease].place.cores)),
            (bench.ended[lease].at, -len(bench.started[lease].place.cores)),
        )
    )
    used = peak = 0
    for _, change in edges:
        used += change
        peak = max(peak, used)
    assert peak <= 4


@pytest.mark.parametrize("kind", kinds(*KINDS))
def test_memory_that_was_asked_for_is_kept_free(make, kind):
    bench = make(kind, memory_mb=1000)
    large = [bench.run("sleep 0.3", memory_mb=501) for _ in range(4)]
    small = bench.run("true", memory_mb=0)
    bench.wait_ended(*large, small)
    assert all(bench.ended[lease].code == 0 for lease in large)
    for first, second in combinations(large, 2):
        if bench.started[first].place.nodes == bench.started[second].place.nodes:
            apart = bench.ended[first].at <= bench.started[second].at
            assert apart or bench.ended[second].at <= bench.started[first].at
    assert bench.started[small].at < max(bench.started[lease].at for lease in large)


def test_a_cancelled_job_leaves_no_process_even_one_in_a_session_of_its_own(bench):
    mark = word()
    lease = bench.run(
        f"trap '' TERM; setsid sleep {mark} & (setsid sh -c 'sleep {mark}; true' &); echo ready; sleep {mark}; sleep {mark}"
    )
    bench.wait_started(lease)
    eventually(lambda: bench.read(lease) == "ready\n" and len(saying(mark)) >= 3)
    bench.stop(lease)
    assert bench.wait_ended(lease).cause == "cancelled"
    eventually(lambda: saying(mark) == [])


@pytest.mark.parametrize("kind", kinds("local", "nodes", "ssh"))
def test_a_job_that_ended_leaves_no_daemon(make, kind):
    """An mpiexec ends only after its daemons, so there the job itself is not over before."""
    bench = make(kind)
    mark = word()
    lease = bench.run(f"(setsid sleep {mark} >&- 2>&- &) ; (env -i setsid sleep {mark} >&- 2>&- &); sleep 0.2")
    bench.wait_ended(lease)
    eventually(lambda: saying(mark) == [])


def test_cancelling_finds_what_a_launcher_before_this_one_started(bench):
    mark = word()
    lease = bench.run(f"setsid sh -c 'setsid sleep {mark} & sleep {mark}' & echo ready; sleep {mark}")
    bench.wait_started(lease)
    eventually(lambda: len(named("sleep", saying(mark))) == 3)
    bench.kill_spawner(bench.started[lease])
    bench.live(0.5)
    bench.stop(lease)
    bench.wait_ended(lease)
    eventually(lambda: (bench.poll(), saying(mark))[1] == [])


def test_a_daemon_of_a_job_that_runs_is_left_alone(bench):
    mark = word()
    lease = bench.run(f"(setsid sleep {mark} &); echo ready; sleep 60")
    eventually(lambda: (bench.poll(), bench.read(lease))[1] == "ready\n")
    bench.wait_ended(*[bench.run("true") for _ in range(3)])
    time.sleep(1.2)
    bench.poll()
    assert len(named("sleep", saying(mark))) == 1
    bench.stop(lease)
    eventually(lambda: (bench.poll(), saying(mark))[1] == [])


def test_queued_work_is_cancelled_unstarted(bench):
    first = [bench.run("sleep 60", cores=2) for _ in range(2)]
    bench.wait_started(*first)
    queued = bench.run("echo never")
    bench.stop(queued)
    row = bench.wait_ended(queued)
    assert (row.code, row.cause, row.started) == (None, "cancelled", False)
    assert not bench.file(queued).parent.exists()


def test_the_wall_time_ends_a_job(bench):
    row = bench.wait_ended(bench.run("sleep 60", wall_sec=0.5))
    assert row.cause == "wall_time"


def test_a_missing_program_has_one_clear_reason(bench):
    row = bench.wait_ended(lease := bench.start(["no-such-program"]))
    if bench.kind == "mpi":  # mpiexec finds out, and says so
        assert row.code not in (0, None)
        assert "no-such-program" in bench.read(lease, "job.err") + bench.read(lease)
    else:
        assert (row.code, row.cause) == (127, "command")
        assert "command not found: 'no-such-program'" in row.message


def test_a_killed_launcher_process_costs_nothing(bench, tmp_path):
    gate = tmp_path / "gate"
    leases = {bench.run(f"echo run >> runs; {when_open(gate, n)}"): n for n in (0, 5)}
    bench.wait_started(*leases)
    started = [bench.started[lease] for lease in leases]
    bench.kill_spawner(started[0])
    eventually(lambda: (bench.poll(), all(bench.watched(one) for one in started))[1])
    gate.touch()
    bench.wait_ended(*leases)
    assert [bench.ended[lease].code for lease in leases] == [0, 5]
    assert [bench.read(lease, "runs") for lease in leases] == ["run\n"] * 2
    assert bench.wait_ended(bench.run("exit 3")).code == 3


def test_a_job_that_kills_its_launcher_harms_no_other(bench, tmp_path):
    """Under mpiexec its parent is only its own launch command."""
    gate, shot = tmp_path / "gate", tmp_path / "shot"
    other = bench.run(when_open(gate, 4))
    killer = bench.run(f"while [ ! -e {shot} ]; do sleep 0.02; done; kill -9 $PPID; sleep 0.5; exit 6")
    # A spawner that is killed before it has recorded a start has no job to report: its agent misses it, not the next spawner.
    bench.wait_started(other, killer)
    shot.touch()
    if bench.kind == "local":
        eventually(lambda: not alive(bench.spawners[""]) if bench.spawners[""] else True)
        bench.drop()
        bench.connect()
    row = bench.wait_ended(killer)
    assert row.code == 6 or row.cause == "lost" or (bench.kind == "mpi" and row.code)
    gate.touch()
    assert bench.wait_ended(other).code == 4


def test_events_come_again_until_they_are_acknowledged(bench):
    lease = bench.run("exit 7")
    eventually(lambda: (bench.poll(ack=False), bench.ended.get(lease))[1])
    bench.drop()
    bench.cursor = ""
    bench.connect()
    assert bench.wait_ended(lease).code == 7


def test_a_new_runner_takes_up_what_runs(bench, tmp_path):
    gate = tmp_path / "gate"
    lease = bench.run(f"echo run >> runs; {when_open(gate, 8)}")
    bench.wait_started(lease)
    bench.drop()
    opened = bench.connect()
    assert [row.lease for row in opened.running] == [lease]
    gate.touch()
    assert bench.wait_ended(lease).code == 8
    assert bench.read(lease, "runs") == "run\n"


def test_without_a_runner_jobs_end_before_their_lease_does(make, allocated):
    bench = make(allocated, heartbeat_timeout_sec=1.0)
    mark = word()
    for _ in range(3):  # a machine that stands still for a second silences the runner too
        lease = bench.run(f"sleep {mark}; true")
        bench.wait_started(lease)
        bench.live(2.5)
        if saying(mark):
            break
    assert saying(mark), "with a runner it lives"
    bench.drop()
    eventually(lambda: saying(mark) == [])
    bench.connect()
    assert bench.wait_ended(lease).cause == "stopped"


@pytest.mark.parametrize("kind", kinds(*KINDS))
def test_a_flood_of_output_ends_the_job_and_is_cut(make, kind):
    bench = make(kind, output=1 << 20)
    lease = bench.run("yes")
    assert bench.wait_ended(lease).cause == "output"
    assert "wrote more than 1 MiB to job.out" in bench.ended[lease].message
    assert bench.file(lease).stat().st_size <= 1 << 20
    assert bench.wait_ended(bench.run("head -c 900000 /dev/zero")).code == 0


def test_nothing_starts_that_cannot_end_in_time(make, allocated):
    left = [30.0]
    bench = make(allocated, left=lambda: left[0])
    long, short = bench.run("true", expected_sec=60), bench.run("true", expected_sec=20)
    bench.wait_ended(short)
    time.sleep(0.3)
    bench.poll()
    assert long not in bench.started
    assert (bench.ended[long].cause, bench.ended[long].started) == ("no_time", False)
    assert bench.ended[long].message == "its wall_time_min of 1 is more than the 0.5 minutes left to the allocation"


def test_what_waits_until_it_cannot_end_in_time_any_more_is_given_back_at_once(make, allocated):
    left = [100.0]
    bench = make(allocated, left=lambda: left[0])
    blockers = [bench.run("sleep 77", cores=2) for _ in range(2)]
    late, other = bench.run("true", expected_sec=60), bench.run("true")
    for lease in blockers:
        eventually(lambda lease=lease: (bench.poll(), bench.started.get(lease))[1])
    assert not bench.ended
    left[0] = 59.0
    bench.wait_ended(late)
    assert bench.ended[late].cause == "no_time"
    assert other not in bench.ended
    bench.launcher.stop([*blockers, other], cause="stopped", grace_sec=0.0)
    bench.wait_ended(*blockers, other)


def test_a_job_is_held_to_its_cores(make):
    available = len(os.sched_getaffinity(0))
    for kind in ("local", "nodes"):
        bench = make(kind, pin=True, cores=1) if kind == "nodes" else make(kind, pin=True)
        script = "grep Cpus_allowed_list /proc/self/status | cut -f2; sleep 0.4"
        leases = [bench.run(script) for _ in range(2)]
        bench.wait_ended(*leases)
        cpus = sorted(os.sched_getaffinity(0))
        for lease in leases:
            cpu_list = ",".join(str(cpus[core]) for core in bench.started[lease].place.cores)
            if max(bench.started[lease].place.cores) < available:
                assert bench.read(lease).strip() == cpu_list
        assert os.sched_getaffinity(bench.spawners["n1" if kind == "nodes" else ""]) == set(cpus)
        bench.close()
        bench.path.rename(bench.path.with_name(f"done-{kind}"))


@pytest.mark.parametrize("kind", kinds(*KINDS))
def test_jobs_see_the_devices_they_were_given(make, kind):
    template = {"nodes": "env HOSTNAME={node} CUDA_VISIBLE_DEVICES=GPU-a,GPU-b"}
    bench = make(kind, gpus=2, template=template.get(kind, ""))
    bench.environment["CUDA_VISIBLE_DEVICES"] = "GPU-a,GPU-b" if kind != "nodes" else "of the runner's node"
    bench.drop()
    bench.connect()
    whole, half, none = (
        bench.run("echo =$CUDA_VISIBLE_DEVICES=; sleep 0.3", gpus=gpus) for gpus in ([1_000_000] * 2, [500_000], [])
    )
    bench.wait_ended(whole, half, none)
    names = ("0", "1") if kind == "ssh" else ("GPU-a", "GPU-b")  # sshd tells its sessions of none
    assert bench.read(whole) == f"={names[0]},{names[1]}=\n"
    assert bench.read(half) in [f"={name}=\n" for name in names]
    assert bench.read(none) == "==\n"


@needs("root")
def test_on_a_full_disk_nothing_starts_and_what_waits_runs_once_there_is_room(make, tmp_path):
    small = tmp_path / "site/data"
    small.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(small)], check=True)
    try:
        for kind in ("local", "nodes"):
            bench = make(kind)
            full = bench.run("head -c 100000 /dev/zero > big; exit 9", workdir="full")
            assert bench.wait_ended(full).code == 9
            assert f"{small} is full" in bench.ended[full].message
            waiting = [bench.run("true", workdir=f"d/{kind}/{n}") for n in range(3)]
            time.sleep(1.5)
            bench.poll()
            assert not bench.ended.keys() & set(waiting)
            (small / "full" / "big").unlink()
            assert {bench.wait_ended(lease).code for lease in waiting} == {0}
            bench.close()
            subprocess.run(["find", str(small), "-mindepth", "1", "-delete"], check=True)
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


@pytest.mark.parametrize("kind", kinds("nodes", "ssh"))
def test_a_node_that_dies_for_good_loses_its_own_jobs_alone(make, kind, tmp_path, monkeypatch):
    bench = make(kind)
    running = [bench.run("sleep 10; exit 2") for _ in range(3)]  # two on one node, one on the other
    bench.wait_started(*running)
    dead = [lease for lease in running if list(bench.started[lease].place.nodes) == ["n1"]]
    living = [lease for lease in running if lease not in dead]
    link = bench.launcher._links["n1"]
    os.kill(link._connection.carrier, signal.SIGSTOP)
    queued = [bench.run("exit 1") for _ in range(4)]  # what is on its way to the node when it dies runs elsewhere
    link._connect = no_route
    os.kill(link._connection.carrier, signal.SIGKILL)
    row = bench.wait_ended(*dead)
    assert {bench.ended[lease].cause for lease in dead} == {"lost"}
    assert "node n1 was lost: no route to host" in row.message
    bench.wait_ended(*living, *queued)
    assert {bench.ended[lease].code for lease in living} == {2}
    assert {bench.ended[lease].code for lease in queued} == {1}
    assert {bench.started[lease].place.nodes[0] for lease in queued} == {"n2"}


@pytest.mark.slow("a node worker that waits out its heartbeat timeout")
def test_a_node_that_is_cut_off_is_not_called_lost_before_its_own_leash_ended_the_job(make):
    bench = make("nodes", heartbeat_timeout_sec=6.0)
    mark = word()
    leases = [bench.run(f"sleep {mark}; true", cores=2) for _ in range(2)]
    bench.wait_started(*leases)
    link = bench.launcher._links["n1"]
    link._connect = no_route
    os.kill(link._connection.carrier, signal.SIGKILL)
    cut_off = next(lease for lease in leases if list(bench.started[lease].place.nodes) == ["n1"])
    alone = bench.started[cut_off].pid
    eventually(lambda: (bench.poll(), cut_off in bench.ended)[1])
    assert bench.ended[cut_off].cause == "lost"
    assert in_group(alone) == [], "the server may offer it anew: two of it would run"
    (other,) = set(leases) - {cut_off}
    assert other not in bench.ended or bench.ended[other].cause == "stopped", "by its own leash, if all stood still"


@needs("ssh")
def test_an_allocation_that_the_batch_system_ends_leaves_nothing_on_a_node_its_runner_has_lost(make):
    bench = make("ssh", heartbeat_timeout_sec=60.0)
    leases = [bench.run("trap '' TERM; sleep 60; sleep 61", cores=2) for _ in range(2)]
    bench.wait_started(*leases)
    groups, spawners = [bench.started[lease].pid for lease in leases], set(bench.spawners.values())
    bridges = set(named("python", saying("storax_agent.launch.nodes.bridge"))) & set(saying(str(bench.path)))
    assert len(bridges) == 2
    for pid in bridges | spawners:
        os.kill(pid, signal.SIGTERM)
    bench.live(0.5)
    assert all(map(in_group, groups)), "the runner can still be told what becomes of them"
    bench.drop()
    eventually(lambda: not any(map(alive, bridges)))
    assert not any(map(in_group, groups)), "the batch system thinks that all has ended, and a job runs"
    eventually(lambda: not any(map(alive, spawners)))
    assert bench.connect().running == []


def test_a_broken_line_is_mended_and_costs_nothing(make):
    bench = make("nodes")
    leases = {bench.run(f"echo run >> runs; sleep 1; exit {n}", cores=2): n for n in (3, 4)}
    bench.wait_started(*leases)
    for link in bench.launcher._links.values():
        os.kill(link._connection.carrier, signal.SIGKILL)
    bench.wait_ended(*leases)
    assert {bench.ended[lease].code for lease in leases} == {3, 4}
    assert [bench.read(lease, "runs") for lease in leases] == ["run\n"] * 2


def test_work_on_its_way_when_the_line_breaks_still_runs_once(make):
    bench = make("nodes")
    links = bench.launcher._links.values()
    for link in links:
        os.kill(link._connection.carrier, signal.SIGSTOP)
    leases = [bench.run("echo run >> runs") for _ in range(4)]
    for link in links:
        os.kill(link._connection.carrier, signal.SIGKILL)
    bench.wait_ended(*leases)
    assert [bench.read(lease, "runs") for lease in leases] == ["run\n"] * 4


def test_an_mpi_program_runs_over_the_nodes_it_was_given(make):
    bench = make("mpi")
    program = (
        "from mpi4py import MPI; w = MPI.COMM_WORLD; found = w.gather((w.Get_rank(), w.allreduce(1)))\n"
        "if found: print(found, flush=True)"
    )
    over_two = bench.start([sys.executable, "-c", program], nodes=2, ranks=2)
    on_one = bench.start([sys.executable, "-c", program], ranks=2, cores=2)
    bench.wait_ended(over_two, on_one)
    assert bench.ended[over_two].code == 0, bench.read(over_two, "job.err")
    assert bench.read(over_two) == f"{[(rank, 4) for rank in range(4)]}\n"
    assert bench.read(on_one) == f"{[(rank, 2) for rank in range(2)]}\n"
    assert list(bench.started[over_two].place.nodes) == list(bench.nodes)


def test_a_rank_is_ended_by_sigpipe_although_its_mpiexec_ignores_it(make):
    bench = make("mpi")
    lease = bench.start(["grep", "SigIgn", "/proc/self/status"], nodes=2)
    bench.wait_ended(lease)
    ignored = [int(line.split()[1], 16) for line in bench.read(lease).splitlines()]
    assert [mask >> (signal.SIGPIPE - 1) & 1 for mask in ignored] == [0, 0]


def test_work_over_several_nodes_has_them_for_itself(make):
    bench = make("mpi")
    single = bench.run("sleep 0.7")
    bench.wait_started(single)
    wide = bench.run("true", nodes=2)
    bench.wait_ended(single, wide)
    assert bench.started[wide].at >= bench.ended[single].at - 0.05


def test_a_cancelled_mpi_job_leaves_no_rank(make):
    mark = word()
    bench = make("mpi")
    lease = bench.start(["sleep", mark], nodes=2, ranks=2)
    bench.wait_started(lease)
    eventually(lambda: len(named("sleep", saying(mark))) == 4)
    group = bench.started[lease].pid
    bench.stop(lease)
    bench.wait_ended(lease)
    eventually(lambda: saying(mark) == [] and in_group(group) == [])
