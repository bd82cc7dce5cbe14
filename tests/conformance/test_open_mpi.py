"""Ranks that a real Open MPI starts by the command that Storax writes for it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from needs import needs, require
from storax_agent.launch.mpi import LAUNCHES, detect
from storax_agent.launch.mpi.base import Ranks

pytestmark = needs("open-mpi")
RANK = 'echo "$OMPI_COMM_WORLD_RANK of $OMPI_COMM_WORLD_SIZE"'


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A PATH on which mpiexec is Open MPI's: Debian's name of it, since others may be installed beside it."""
    require("open-mpi", "orterun")
    (tmp_path / "mpiexec").symlink_to(shutil.which("orterun") or "")
    path = f"{tmp_path}:/usr/bin:/bin"
    assert detect(path) == "openmpi"
    return {"PATH": path, "HOME": str(tmp_path), "TMPDIR": os.environ.get("TMPDIR", "/tmp")}


@pytest.mark.parametrize(
    "ranks", [Ranks((), 3), Ranks(["localhost"], 3), Ranks((), 2, params={"--report-bindings": ""})]
)
def test_each_rank_starts_once_and_knows_its_number(environment: dict[str, str], ranks: Ranks) -> None:
    launched = LAUNCHES["openmpi"].command(["/bin/sh", "-c", RANK], ranks)
    done = subprocess.run(
        launched.argv, env={**environment, **launched.environment}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [f"{rank} of {ranks.total}" for rank in range(ranks.total)]


def test_the_exit_code_of_a_rank_is_that_of_the_launch(environment: dict[str, str]) -> None:
    launched = LAUNCHES["openmpi"].command(["/bin/sh", "-c", "exit 7"], Ranks((), 2))
    done = subprocess.run(
        launched.argv, env={**environment, **launched.environment}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 7, done.stderr
