"""A node's memory is what its jobs may really use: the machine's, or less where a control group says so."""

from pathlib import Path

import pytest

from storax_agent.settings.memory import usable_mb

MEMINFO = "MemTotal:        8388608 kB\nMemFree:          100000 kB\n"
GIB = 1 << 30


def machine(root, *, cgroup="", limits=(), meminfo=MEMINFO):
    for name, text in {"proc/meminfo": meminfo, "proc/self/cgroup": cgroup, **dict(limits)}.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
    return root


def test_this_machine_has_some():
    assert 0 < usable_mb() <= int(Path("/proc/meminfo").read_text().split()[1]) >> 10


def test_without_a_limit_it_is_the_machine_s(tmp_path):
    assert usable_mb(machine(tmp_path)) == 8192


@pytest.mark.parametrize(
    ("cgroup", "limits", "mb"),
    [
        ("0::/slurm/job_1", {"sys/fs/cgroup/slurm/job_1/memory.max": 2 * GIB}, 2048),
        ("0::/a/b", {"sys/fs/cgroup/a/b/memory.max": "max", "sys/fs/cgroup/a/memory.max": GIB}, 1024),
        ("0::/", {"sys/fs/cgroup/memory.max": GIB}, 1024),
        ("0::/a", {"sys/fs/cgroup/a/memory.max": "max"}, 8192),
        ("4:cpu,cpuacct:/x\n5:memory:/j", {"sys/fs/cgroup/memory/j/memory.limit_in_bytes": 3 * GIB}, 3072),
        ("5:memory:/j", {"sys/fs/cgroup/memory/j/memory.limit_in_bytes": 9223372036854771712}, 8192),
        ("5:memory:/gone", {"sys/fs/cgroup/memory/memory.limit_in_bytes": GIB}, 1024),
    ],
)
def test_a_control_group_leaves_less(tmp_path, cgroup, limits, mb):
    assert usable_mb(machine(tmp_path, cgroup=cgroup, limits=limits.items())) == mb


def test_where_nothing_tells_it_is_not_known(tmp_path):
    assert usable_mb(tmp_path) == 0
