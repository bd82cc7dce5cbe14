"""The nodes of an allocation are read as the batch systems document them, and a text that is none is refused."""

import socket
import subprocess
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storax_agent.launch.nodes.clusters import CLUSTERS, cluster_of
from storax_agent.launch.nodes.clusters.base import NodeInfo, NodesError
from storax_agent.launch.nodes.clusters.hostlist import expand
from storax_agent.launch.nodes.clusters.ssh import by_template, on_node
from storax_agent.settings.launcher import LauncherSettings

LISTS = {
    "n1": ["n1"],
    "n[1-3]": ["n1", "n2", "n3"],
    "n[08-10,2],gpu7": ["n08", "n09", "n10", "n2", "gpu7"],
    "r[1-2]c[1,3]": ["r1c1", "r1c3", "r2c1", "r2c3"],
    "r[1-2]c[1,3]-x": ["r1c1-x", "r1c3-x", "r2c1-x", "r2c3-x"],
    "a-b.example.org,c[0]": ["a-b.example.org", "c0"],
    "": [],
}


def test_the_settings_accept_every_batch_system_and_no_other():
    assert {*get_args(LauncherSettings.model_fields["cluster"].annotation)} == {"auto", *CLUSTERS}


@pytest.mark.parametrize(("text", "names"), LISTS.items())
def test_a_short_list_names_its_nodes_in_order(text, names):
    assert expand(text) == names


@pytest.mark.parametrize(
    "text", ["n[1-", "n]1", "n[a-b]", "n[1-99999999]", "n[3-]x[", "n[1-9][0-9][0-9][0-9][0-9]", "n" + "[1-9]" * 30]
)
def test_a_text_that_is_no_list_is_refused(text):
    with pytest.raises(NodesError):
        expand(text)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab01[],-", max_size=30))
def test_no_text_breaks_the_reader(text):
    try:
        names = expand(text)
    except NodesError:
        return
    assert all(name and not set("[],") & set(name) for name in names)


def test_scontrol_agrees(real_slurm):
    for text, names in LISTS.items():
        if text and not text.endswith("-x"):  # which Slurm itself does not write
            argv = ["scontrol", "show", "hostnames", text]
            completed = subprocess.run(
                argv,
                capture_output=True,
                text=True,
                timeout=20,
                check=True,
            )
            assert completed.stdout.split() == names


def test_slurm():
    environment = {
        "SLURM_JOB_NODELIST": "n[1-3]", "SLURM_JOB_CPUS_PER_NODE": "4(x2),2", "SLURM_GPUS_ON_NODE": "2",
        "SLURM_MEM_PER_NODE": "4000", "SLURM_THREADS_PER_CORE": "2",
    }  # fmt: skip
    cluster = cluster_of(environment)
    assert cluster is CLUSTERS["slurm"]
    assert cluster.nodes(environment) == [
        NodeInfo("n1", 4, 2, 2, 4000), NodeInfo("n2", 4, 2, 2, 4000), NodeInfo("n3", 2, 2, 2, 4000),
    ]  # fmt: skip
    assert cluster.nodes({"SLURM_JOB_NODELIST": "n1"}) == [NodeInfo("n1")]
    for memory, expected in (
        ({"SLURM_MEM_PER_CPU": "500"}, [2000, 2000, 1000]), ({"SLURM_MEM_PER_GPU": "700"}, [1400] * 3), ({}, [0] * 3),
    ):  # fmt: skip
        alone = {name: value for name, value in environment.items() if name != "SLURM_MEM_PER_NODE"}
        assert [node.memory_mb for node in cluster.nodes({**alone, **memory})] == expected
    with pytest.raises(NodesError, match="SLURM_JOB_NODELIST"):
        cluster.nodes({"SLURM_JOB_NODELIST": ""})
    argv = cluster.on_node("n2", ["python", "-m", "x"])
    assert argv[0] == "srun"
    assert {"--nodelist=n2", "--ntasks=1", "--overlap"} <= set(argv)
    assert argv[-3:] == ["python", "-m", "x"]


def test_pbs(tmp_path):
    file = tmp_path / "nodes"
    environment = {"PBS_NODEFILE": str(file), "CUDA_VISIBLE_DEVICES": "0,1"}
    cluster = cluster_of(environment)
    assert cluster is CLUSTERS["pbs"]
    file.write_text("x1.example.org\nx1.example.org\nx2.example.org\nx2.example.org\n")
    assert cluster.nodes(environment) == [NodeInfo("x1.example.org", 2, gpus=2), NodeInfo("x2.example.org", 2, gpus=2)]
    assert [node.cores for node in cluster.nodes({**environment, "NCPUS": "64"})] == [64, 64]
    file.write_text("")
    with pytest.raises(NodesError, match="lists no node"):
        cluster.nodes(environment)
    file.unlink()
    with pytest.raises(NodesError, match=r"PBS_NODEFILE.*No such file"):
        cluster.nodes(environment)


def test_lsf(tmp_path):
    (tmp_path / "hosts").write_text("h1\nh1\nh2\n")
    assert cluster_of({"LSB_HOSTS": "h1"}) is CLUSTERS["lsf"]
    lsf = CLUSTERS["lsf"]
    assert lsf.nodes({"LSB_HOSTS": "h1 h1 h1 h2"}) == [NodeInfo("h1", 3), NodeInfo("h2", 1)]
    file = {"LSB_DJOB_HOSTFILE": str(tmp_path / "hosts"), "LSB_HOSTS": "other"}
    assert lsf.nodes(file) == [NodeInfo("h1", 2), NodeInfo("h2", 1)]
    with pytest.raises(NodesError, match="LSB_HOSTS"):
        lsf.nodes({"LSB_HOSTS": " "})
    assert lsf.on_node("h2", ["x"]) == ["blaunch", "h2", "x"]


def test_sge(tmp_path):
    file = tmp_path / "hosts"
    environment = {"PE_HOSTFILE": str(file)}
    file.write_text("e1 4 all.q@e1 UNDEFINED\ne2 2 all.q@e2 <NULL>\ne1 1 fast.q@e1 UNDEFINED\n")
    assert cluster_of(environment) is CLUSTERS["sge"]
    assert CLUSTERS["sge"].nodes(environment) == [NodeInfo("e1", 5), NodeInfo("e2", 2)]
    file.write_text("e1\n")
    with pytest.raises(NodesError, match="'e1' of PE_HOSTFILE"):
        CLUSTERS["sge"].nodes(environment)
    assert CLUSTERS["sge"].on_node("e2", ["x"]) == ["qrsh", "-inherit", "-V", "e2", "x"]


def test_without_a_batch_system_it_is_this_machine():
    assert cluster_of({}) is CLUSTERS["machine"]
    assert cluster_of({}).nodes({}) == [NodeInfo(socket.gethostname())]
    assert cluster_of({"SLURM_JOB_NODELIST": "n1"}, name="machine") is CLUSTERS["machine"]


def test_what_goes_through_a_shell_is_quoted():
    argv = ["python", "a b", "$(id)", "'"]
    assert " ".join(on_node("n1", argv)[-4:]) == """python 'a b' '$(id)' ''"'"''"""
    assert by_template("/usr/bin/ssh -q {node}", "n1", argv)[:4] == ["/usr/bin/ssh", "-q", "n1", "python"]
    assert by_template("/usr/bin/ssh -q {node}", "n1", argv)[4:] == ["'a b'", "'$(id)'", "''\"'\"''"]
    assert by_template("mpiexec -n 1 -host", "n1", argv) == ["mpiexec", "-n", "1", "-host", "n1", *argv]
