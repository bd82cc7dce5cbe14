"""A site runs what fits and what its own rules allow, whatever the server says."""

import re
import sys

import pytest

from storax_agent.allocations.placement import Placement, placements_of
from storax_agent.launch.mpi import LAUNCHES
from storax_agent.launch.mpi.hydra import IGNORING_SIGPIPE
from storax_agent.launch.packing import Capacity
from storax_agent.launch.work import Lease
from storax_agent.prepare.job import MisplacedError, Preparer, RefusedError
from storax_agent.settings.policy import Policy, app_digest
from storax_agent.settings.site import SiteSettings

LEASE = Lease(1, 1, 1)
APP = {"id": 7, "name": "a", "version": 1, "command_template": "x {{ p }}", "parameters": {}, "environment": {"E": "1"}}
JOB = {
    "id": 1,
    "app_id": 7,
    "workdir": "w",
    "parameters": {"p": 1},
    "wall_time_min": 2,
    "wall_time_limit_min": 5,
    "threads_per_rank": 3,
}


def work(tmp_path, *, cores=4, gpus=0, app=APP, policy=None, submitter="", **job):
    preparer = Preparer(tmp_path, cores, gpus, policy or Policy(), submitter, memory_mb=2000)
    return preparer.work(LEASE, {**JOB, **job}, app)


def test_the_expected_run_time_ends_no_run_and_the_limit_does(tmp_path):
    assert (work(tmp_path).expected_sec, work(tmp_path).wall_sec) == (120.0, 300.0)
    assert (work(tmp_path, wall_time_limit_min=0).expected_sec, work(tmp_path, wall_time_limit_min=0).wall_sec) == (
        120.0,
        0.0,
    )


def test_a_job_becomes_a_process(tmp_path):
    prepared = work(tmp_path)
    assert (prepared.argv, prepared.workdir, prepared.cores) == (["x", "1"], "w", 3)
    assert prepared.environment == {
        "E": "1", "STORAX_JOB_ID": "1", "OMP_NUM_THREADS": "3", "STORAX_RESULT_FILE": f"{tmp_path}/1.1.1.json",
        "STORAX_PYTHON": sys.executable,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("job", "cores"),
    [
        ({"threads_per_rank": 1}, 1),
        ({"ranks_per_node": 2, "threads_per_rank": 2}, 4),
        ({"ranks_per_node": 3, "threads_per_rank": 2, "threads_per_core": 2}, 3),
        ({"ranks_per_node": 3, "threads_per_rank": 1, "threads_per_core": 2}, 2),
    ],
)
def test_cores_follow_ranks_threads_and_packing(tmp_path, job, cores):
    assert work(tmp_path, **job).cores == cores


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ({"num_nodes": 2}, "needs 2 nodes; this site has 1"),
        ({"ranks_per_node": 5}, "needs 15 cores; this site has 4"),
        ({"gpus_per_rank": 0.1}, "needs 1 GPUs; this site has 0"),
        ({"mem_per_node_mb": 2001}, "needs 2001 MiB of memory; this site has 2000 (memory_mb in its site.toml)"),
        ({"parameters": {}}, "'p' is missing"),
        ({"workdir": "../x"}, "'..'"),
    ],
)
def test_what_can_never_run_is_refused_with_the_reason(tmp_path, job, reason):
    with pytest.raises(RefusedError, match=re.escape(reason)):
        work(tmp_path, **job)


def test_a_changed_app_is_read_anew(tmp_path):
    preparer = Preparer(tmp_path, 4)
    assert preparer.work(LEASE, JOB, APP).argv == ["x", "1"]
    assert preparer.work(LEASE, JOB, {**APP, "version": 2, "command_template": "y"}).argv == ["y"]


@pytest.mark.parametrize("name", ["", "A=B", "A\0"])
def test_an_environment_that_cannot_be_is_refused(tmp_path, name):
    with pytest.raises(RefusedError, match="environment"):
        work(tmp_path, app={**APP, "environment": {name: "1"}})


def test_a_job_without_an_app_is_refused(tmp_path):
    with pytest.raises(RefusedError, match="App 7 came without a definition"):
        work(tmp_path, app=None)


def test_only_apps_with_a_known_digest_run(tmp_path):
    policy = Policy(allowed_apps=frozenset({app_digest(APP)}))
    assert work(tmp_path, policy=policy).argv == ["x", "1"]
    assert work(tmp_path, policy=policy, app={**APP, "id": 9, "version": 5, "description": "other"}).argv == ["x", "1"]
    for change in ({"command_template": "x {{ p }} "}, {"use_shell": True}, {"environment": {}}, {"source_code": "x"}):
        with pytest.raises(RefusedError, match="not in allowed_apps"):
            work(tmp_path, policy=policy, app={**APP, **change})
    with pytest.raises(RefusedError, match="not in allowed_apps"):
        work(tmp_path, policy=Policy(allowed_apps=frozenset()))


def test_only_known_submitters_run(tmp_path):
    policy = Policy(allowed_submitters=frozenset({"ann"}))
    assert work(tmp_path, policy=policy, submitter="ann").argv == ["x", "1"]
    for submitter in ("bob", ""):
        with pytest.raises(RefusedError, match="allowed_submitters"):
            work(tmp_path, policy=policy, submitter=submitter)


def test_functions_are_off_unless_switched_on(tmp_path):
    with pytest.raises(RefusedError, match="runs no Python functions"):
        work(tmp_path, app={**APP, "command_template": None})
    with pytest.raises(RefusedError, match=r"has hooks \(postprocess\), and this site runs no Python functions"):
        work(tmp_path, app={**APP, "hooks": ["postprocess"]})
    prepared = work(tmp_path, app={**APP, "command_template": None}, policy=Policy(allow_functions=True))
    assert prepared.call is not None
    assert (prepared.call.method, prepared.call.parameters, prepared.cores) == ("run", {"p": 1}, 3)


def test_ranks_on_this_machine_go_through_the_launch_command(tmp_path):
    preparer = Preparer(tmp_path, 4, launch=("hydra", LAUNCHES["hydra"]))
    job = {**JOB, "ranks_per_node": 2, "threads_per_rank": 1, "launch_params": {"-verbose": ""}}
    prepared = preparer.work(LEASE, job, APP)
    assert prepared.argv == [*IGNORING_SIGPIPE, "mpiexec", "-n", "2", "-ppn", "2", "-verbose", "x", "1"]
    assert preparer.work(LEASE, JOB, APP).argv == ["x", "1"]
    none = Preparer(tmp_path, 4, launch=("none", LAUNCHES["local"]))
    with pytest.raises(RefusedError, match="needs 2 ranks, and the agent finds no mpiexec"):
        none.work(LEASE, job, APP)


def test_a_site_that_names_its_apps_names_launch_params_as_well(tmp_path):
    policy = Policy(allowed_apps=frozenset({app_digest(APP)}))
    job = {**JOB, "launch_params": {"--prolog": "evil"}}
    with pytest.raises(RefusedError, match="launch_params '--prolog' is not in launch_params"):
        Preparer(tmp_path, 4, policy=policy).work(LEASE, job, APP)
    assert Preparer(tmp_path, 4).work(LEASE, job, APP).params == {"--prolog": "evil"}
    allowed = Preparer(tmp_path, 4, policy=policy, launch_params=["--prolog"])
    assert allowed.work(LEASE, job, APP).params == {"--prolog": "evil"}


def test_an_allocation_refuses_what_none_of_its_nodes_can_hold(tmp_path):
    preparer = Preparer(tmp_path, 4, nodes=[Capacity(4, 1, 1000), Capacity(8, 0, 4000)], where="this allocation")
    assert preparer.work(LEASE, {**JOB, "threads_per_rank": 8}, APP).cores == 8
    assert preparer.work(LEASE, {**JOB, "num_nodes": 2}, APP).nodes == 2
    for job, reason in (
        ({"threads_per_rank": 9}, "needs 9 cores; this allocation has 8"),
        ({"num_nodes": 3}, "needs 3 nodes; this allocation has 2"),
        ({"num_nodes": 2, "threads_per_rank": 5}, "needs 5 cores on each node; this allocation has 8"),
        ({"threads_per_rank": 8, "gpus_per_rank": 1.0}, "needs 1 GPUs"),
        ({"mem_per_node_mb": 4001}, "needs 4001 MiB of memory; this allocation has 4000$"),
        ({"num_nodes": 2, "mem_per_node_mb": 1001}, "needs 1001 MiB of memory on each node; this allocation has 4000"),
    ):
        with pytest.raises(RefusedError, match=reason):
            preparer.work(LEASE, {**JOB, **job}, APP)


def test_a_job_that_another_place_may_hold_is_given_back_and_not_failed(tmp_path):
    nodes, job = [Capacity(4, 0, 1000)], {**JOB, "gpus_per_rank": 1.0}
    places = [Placement("queue 'cpu'", Capacity(64), 9), Placement("queue 'gpu'", Capacity(4, 2), 2)]
    for known in (None, places):
        preparer = Preparer(tmp_path, 4, nodes=nodes, where="this allocation", places=known)
        with pytest.raises(MisplacedError, match="needs 1 GPUs; this allocation has 0"):
            preparer.work(LEASE, job, APP)
    whole = (
        "no place of this site can hold it: needs 1 GPUs on each node; queue 'cpu' has 0; needs 3 nodes; queue 'gpu'"
    )
    with pytest.raises(RefusedError, match=re.escape(whole)):
        preparer.work(LEASE, {**job, "num_nodes": 3}, APP)
    runs_none = Preparer(tmp_path, 4, nodes=(), places=places)
    with pytest.raises(MisplacedError):
        runs_none.work(LEASE, JOB, APP)


def site_of(**scheduler):
    fields = {"name": "s", "site_id": 1, "url": "http://x", "slots": 2, "gpus": 0, "memory_mb": 100}
    return SiteSettings(**fields, run_jobs=False, scheduler=scheduler)


def test_the_places_of_a_site_are_known_where_its_settings_name_them_all():
    assert placements_of(site_of()) == [Placement("this site", Capacity(2, 0, 100))]
    assert placements_of(site_of(kind="slurm")) is None
    cpu = {"cores": 8, "gpus": 0, "max_nodes": 3}
    assert placements_of(site_of(kind="slurm", queues={"cpu": cpu, "gpu": {"cores": 8}})) is None
    placements = placements_of(
        site_of(kind="slurm", queues={"cpu": cpu, "gpu": {"cores": 4, "gpus": 2, "memory_mb": 9}})
    )
    assert placements == [
        Placement("queue 'cpu'", Capacity(8), 3),
        Placement("queue 'gpu'", Capacity(4, 2, 9), 1_000_000),
    ]


@pytest.mark.parametrize(
    "change", [{"shell_preamble": "module load x\r\n"}, {"use_shell": True, "command_template": "echo a\r\necho b"}]
)
def test_shell_text_with_dos_line_ends_is_refused(tmp_path, change):
    with pytest.raises(RefusedError, match=rf"{list(change)[-1]} of App 'a' has DOS line ends"):
        work(tmp_path, app={**APP, **change})


def test_a_carriage_return_that_no_shell_reads_is_passed_on(tmp_path):
    prepared = work(tmp_path, app={**APP, "command_template": "printf 'a\r\nb'"}, parameters={})
    assert prepared.argv == ["printf", "a\r\nb"]


def test_a_client_in_a_command_or_function_is_led_to_the_site_and_an_app_may_say_otherwise(tmp_path):
    preparer = Preparer(tmp_path, 4, policy=Policy(allow_functions=True), client=lambda: {"STORAX_URL": "http://here"})
    function = {**APP, "command_template": None, "source_code": "class A(App):\n    def run(self): pass\n"}
    for app in (APP, function):
        assert preparer.work(LEASE, JOB, app).environment["STORAX_URL"] == "http://here"
    own = {**APP, "environment": {"STORAX_URL": "http://own"}}
    assert preparer.work(LEASE, JOB, own).environment["STORAX_URL"] == "http://own"


def test_an_argument_that_no_program_can_get_is_refused_with_its_size(tmp_path):
    app = {**APP, "command_template": "echo {{ n }}", "parameters": {"n": {"required": True}}}
    assert work(tmp_path, app=app, parameters={"n": "z" * 131_071}).argv[1] == "z" * 131_071
    for text in ("z" * 131_072, "é" * 70_000):
        with pytest.raises(RefusedError, match=r"argument 1 has 1[34][01],[0-9]+ bytes, and a program can get 131,071"):
            work(tmp_path, app=app, parameters={"n": text})
