"""Commands that start the ranks of a job: ``mpiexec`` and its kin, one vendor a file."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import lru_cache

from storax_agent.launch.mpi import hydra, local, openmpi, pals, srun
from storax_agent.launch.mpi.base import Launch

LAUNCHES: dict[str, Launch] = {
    "local": local.Local(),
    "srun": srun.Srun(),
    "hydra": hydra.Hydra(),
    "openmpi": openmpi.OpenMpi(),
    "pals": pals.Pals(),
}
VERSION_SEC = 10.0
# What ``mpiexec --version`` says, by kind.
MARKS = (
    ("pals", "PALS"),
    ("openmpi", "Open MPI"),
    ("openmpi", "OpenRTE"),
    ("openmpi", "prte"),
    ("hydra", "HYDRA"),
)


def launch_of(name: str, environment: Mapping[str, str], *, slurm: bool = False) -> tuple[str, Launch]:
    """The launch command named in site.toml or, with ``auto``, the one found on the PATH of ``environment``.

    An ``mpiexec`` comes before ``srun``: it fits the MPI it came with, while ``srun`` fits one only when Slurm was
    built for it. Without any, work of several ranks is refused.
    """
    if name != "auto":
        return name, LAUNCHES[name]
    kind = detect(environment.get("PATH", ""), tuple(environment.items()))
    if not kind and slurm and shutil.which("srun", path=environment.get("PATH")):
        kind = "srun"
    return kind or "none", LAUNCHES[kind or "local"]


@lru_cache(maxsize=8)
def detect(path: str, variables: tuple[tuple[str, str], ...] = ()) -> str:
    """The kind of ``mpiexec`` on this PATH, or an empty text; ``variables`` are what it runs with."""
    environment = {**dict(variables), "PATH": f"{path}{os.pathsep}{os.defpath}"}
    program = shutil.which("mpiexec", path=path)
    if program is None:
        return ""
    try:
        ran = subprocess.run(
            [program, "--version"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=VERSION_SEC,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    text = ran.stdout + ran.stderr
    return next((kind for kind, word in MARKS if word in text), "")
