"""One rank of a job whose ``run()`` is called in all of them; beside ``worker.py``, by the standard library alone.

Run as a script, ``worker_ranks.py SOURCE RESULT PICKLES VERSION CALL``, by the launch command of an MPI. The value of
rank 0 is the job's. A rank that raises leaves its exception and ends the others.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

HERE = os.path.dirname(os.path.abspath(__file__))
if TYPE_CHECKING:
    from storax_agent.prepare.functions import worker_messages as messages
    from storax_agent.prepare.functions.worker import CHILD_PATH, Worker
else:
    sys.path.insert(0, HERE)
    import worker_messages as messages
    from worker import CHILD_PATH, Worker

    sys.path[:] = [path for path in sys.path if path != HERE]

# The number of a rank: of Open MPI, PMIx, Hydra and Slurm's PMI-2, PALS, and srun without any of them.
RANK = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "PALS_RANKID", "SLURM_PROCID")


def rank(environment: os._Environ[str]) -> int:
    """Return the number of this rank; 0 where it is the only one."""
    return next((int(environment[name]) for name in RANK if environment.get(name, "").isdecimal()), 0)


def keep(answer: bytes, path: str, *, raised: bool) -> None:
    """Leave an answer for the agent. The first exception stays; it replaces the value of a rank that had returned."""
    new = f"{path}.{os.getpid()}.{rank(os.environ)}"
    with open(new, "wb") as file:
        file.write(answer)
    if raised and not _has_raised(path):
        os.replace(new, path)
        return
    with suppress(FileExistsError):
        os.link(new, path)
    os.unlink(new)


def _has_raised(path: str) -> bool:
    with suppress(OSError, ValueError), open(path, "rb") as file:
        return bool(json.load(file)["outcome"]["type"] == "raised")
    return False


def main(source: str, result: str, pickles: str, version: str, call: str) -> None:
    """Perform the call; exit with 0 if it returned, or else with the code of its exception."""
    sys.path.append(CHILD_PATH)
    sys.modules["__main__"].__dict__.pop("__file__", None)
    worker = Worker(source, None, pickles=pickles == "1", version=int(version))
    answer = worker.perform(messages.call(call.encode(), worker.version), keeps_value=rank(os.environ) == 0)
    outcome = json.loads(answer)["outcome"]
    raised = outcome["type"] == "raised"
    if raised or rank(os.environ) == 0:
        keep(answer, result, raised=raised)
    if raised:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        abort(outcome["exit_code"] or 1)


def abort(code: int) -> None:
    """End this rank, and those that may wait for it in MPI."""
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is not None and mpi.Is_initialized() and not mpi.Is_finalized():
        mpi.COMM_WORLD.Abort(code)
    os._exit(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
