"""Each launch command gets the ranks, the nodes and the cores of its job, and the right one is found."""

import os
import subprocess
from typing import get_args

import pytest

from storax._runtime.footprint import DEVICE, shares
from storax_agent.allocations.launcher import _pins_ranks
from storax_agent.launch.footprint import footprint
from storax_agent.launch.mpi import LAUNCHES, MARKS, detect, launch_of
from storax_agent.launch.mpi.base import Ranks
from storax_agent.launch.mpi.hydra import IGNORING_SIGPIPE
from storax_agent.launch.nodes.clusters.base import NodeInfo
from storax_agent.settings.launcher import LauncherSettings

WIDE = Ranks(["a", "b"], 2, 4, (), {"--opt": "v", "-x": ""})
BOUND = Ranks(["a"], 2, 2, [0, 1, 4, 5])


def line(name, ranks):
    return " ".join(LAUNCHES[name].command(["prog", "arg"], ranks).argv)


def test_the_settings_accept_every_launch_command_and_no_other():
    assert {*get_args(LauncherSettings.model_fields["launch"].annotation)} == {"auto", *LAUNCHES}
    assert {kind for kind, _ in MARKS} == {*LAUNCHES} - {"local", "srun"}, "each mpiexec is detected by its version"


def test_nodes_and_ranks():
    assert line("local", WIDE) == "prog arg"
    assert line("hydra", WIDE) == f"{' '.join(IGNORING_SIGPIPE)} mpiexec -n 4 -ppn 2 -hosts a:2,b:2 --opt v -x prog arg"
    assert line("openmpi", WIDE) == (
        "mpiexec -n 4 --oversubscribe --host a:2,b:2 --map-by ppr:2:node --bind-to none --opt v -x prog arg"
    )
    assert line("srun", WIDE) == (
        "srun --ntasks=4 --cpus-per-task=4 --overlap --mem=0 --ntasks-per-node=2 --kill-on-bad-exit=1 --quiet "
        "--nodes=2 --nodelist=a,b --cpu-bind=none --opt v -x prog arg"
    )
    assert line("pals", WIDE) == ("mpiexec -n 4 --ppn 2 --hosts a,b --depth 4 --cpu-bind depth --opt v -x prog arg")


def test_cores_of_each_rank():
    assert "-bind-to user:0+1,4+5 prog" in line("hydra", BOUND)
    assert "--cpu-bind=mask_cpu:0x3,0x30 prog" in line("srun", BOUND)
    assert "--cpu-bind list:0,1:4,5 prog" in line("pals", BOUND)
    assert "--cpu-bind none prog" in line("pals", Ranks(["a"], 2, 2, shared=True)), "packed jobs on the same CPUs"
    uneven = Ranks(["a"], 2, 1, [0, 1, 2])
    assert "-bind-to" not in line("hydra", uneven)


def test_on_this_machine_no_node_is_named():
    here = Ranks((), 3)
    assert line("hydra", here) == f"{' '.join(IGNORING_SIGPIPE)} mpiexec -n 3 -ppn 3 prog arg"
    assert line("openmpi", here) == "mpiexec -n 3 --oversubscribe --bind-to none prog arg"


def test_an_mpiexec_that_writes_to_a_proxy_which_has_ended_still_returns_the_exit_code_of_the_rank(tmp_path):
    program = tmp_path / "mpiexec"
    program.write_text("#!/bin/sh\nkill -PIPE $$\nexit 7\n")
    program.chmod(0o700)
    argv = LAUNCHES["hydra"].command(["prog"], Ranks((), 2)).argv
    ran = subprocess.run(argv, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=False)
    assert ran.returncode == 7


@pytest.mark.parametrize(
    ("version_text", "kind"),
    [
        ("HYDRA build details:\n  Version: 4.1", "hydra"),
        ("mpiexec (OpenRTE) 4.1.4", "openmpi"),
        ("mpirun (Open MPI) 5.0.1", "openmpi"),
        ("PALS 1.2.3", "pals"),
        ("something else", ""),
    ],
)
def test_an_mpiexec_says_whose_it_is(tmp_path, version_text, kind):
    """A stand-in program says what each vendor's prints; only that of MPICH is here to be asked."""
    program = tmp_path / "mpiexec"
    program.write_text(f"#!/bin/sh\ncat <<'T'\n{version_text}\nT\n")
    program.chmod(0o755)
    assert detect(str(tmp_path)) == kind
    assert launch_of("auto", {"PATH": str(tmp_path)})[0] == (kind or "none")


def test_srun_is_taken_where_there_is_no_mpiexec(tmp_path):
    (tmp_path / "srun").write_text("#!/bin/sh\n")
    (tmp_path / "srun").chmod(0o755)
    assert launch_of("auto", {"PATH": str(tmp_path)}, slurm=True)[0] == "srun"
    assert launch_of("auto", {"PATH": str(tmp_path)})[0] == "none"
    assert launch_of("pals", {"PATH": str(tmp_path)})[0] == "pals"


def test_an_mpiexec_that_hangs_or_cannot_run_is_none(tmp_path):
    (tmp_path / "mpiexec").write_text("not a program")
    (tmp_path / "mpiexec").chmod(0o755)
    assert detect(str(tmp_path)) == ""


@pytest.mark.parametrize(
    ("per_rank", "ranks", "expected"),
    [
        (0.0, 4, []),
        (0.5, 2, [DEVICE // 2] * 2),
        (1.0, 2, [DEVICE] * 2),
        (1.5, 1, [DEVICE, DEVICE // 2]),
        (1 / 3, 1, [333_333]),
    ],
)
def test_shares_of_devices(per_rank, ranks, expected):
    assert shares(per_rank, ranks) == expected


def test_a_footprint_counts_each_node():
    job = {
        "num_nodes": 3,
        "ranks_per_node": 4,
        "threads_per_rank": 3,
        "threads_per_core": 2,
        "launch_params": {"a": "b"},
    }
    foot = footprint(job)
    assert (foot.cores, foot.nodes, foot.ranks, foot.threads, foot.packing) == (6, 3, 4, 3, 0)
    assert foot.params == {"a": "b"}
    assert footprint({"node_packing_count": 4}).packing == 4
    assert footprint({}, whole_nodes=True).packing == 1


def test_ranks_are_held_to_cpus_by_default_only_where_their_numbers_are_known():
    here, cpus = sorted(os.sched_getaffinity(0)), os.cpu_count()
    whole, part = [NodeInfo("n1", cpus)], [NodeInfo("n1", cpus + 1)]
    assert _pins_ranks(None, whole, pin=True) == (len(here) == cpus)
    assert not _pins_ranks(None, part, pin=True), "numbers that this machine does not have"
    assert not _pins_ranks(None, whole, pin=False), "no batch system's allocation"
    assert _pins_ranks(True, part, pin=False)
    assert not _pins_ranks(False, whole, pin=True)
    if len(here) > 1:
        try:
            os.sched_setaffinity(0, here[:1])
            assert not _pins_ranks(None, whole, pin=True), "a part of a node"
        finally:
            os.sched_setaffinity(0, here)
