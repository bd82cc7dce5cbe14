"""What `make test-slurm` installs: each scheduler by itself, so that a package that is not there costs that one alone."""

import os
import subprocess

import pytest

from house.repository import ROOT

APT = """#!/bin/sh
echo "$*" >> "$0.calls"
case "$*" in *@BROKEN@*) exit 1;; esac
"""


@pytest.mark.parametrize(("there", "broken", "asked"), [
    ((), "gridengine", ["slurm-wlm", "gridengine-master"]),
    ((), "slurm-wlm", ["slurm-wlm", "gridengine-master"]),
    (("slurmctld", "munged"), "none", ["gridengine-master"]),
    (("slurmctld",), "none", ["slurm-wlm", "gridengine-master"]),
    (("slurmctld", "munged", "sge_qmaster"), "none", []),
])  # fmt: skip
def test_a_scheduler_that_cannot_be_installed_does_not_hold_up_the_other(tmp_path, there, broken, asked):
    """Stand-ins for apt-get, id and pytest: nothing is installed by a test."""
    (tmp_path / "bin").mkdir()
    programs = {"apt-get": APT.replace("@BROKEN@", broken), "id": "#!/bin/sh\necho 0\n", "python": "#!/bin/sh\n"}
    for name, text in {**programs, **dict.fromkeys(there, "#!/bin/sh\n")}.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    for name in ("sh", "make"):
        (tmp_path / "bin" / name).symlink_to(f"/usr/bin/{name}")
    (tmp_path / ".installed").touch()
    words = ["/usr/bin/make", "-s", "-C", str(ROOT), "test-slurm", f"VENV={tmp_path}", "SBIN=/none"]
    done = subprocess.run(words, env={**os.environ, "PATH": str(tmp_path / "bin")}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    calls = tmp_path / "bin/apt-get.calls"
    lines = calls.read_text().splitlines() if calls.exists() else []
    installs = [line.split("--no-install-recommends ")[1] for line in lines if "install" in line]
    assert [line.split()[0] for line in installs] == asked
    assert not any("gridengine" in line and "slurm" in line for line in installs)
    said = [line for line in done.stdout.splitlines() if "could not install" in line]
    assert len(said) == (broken != "none"), done.stdout
