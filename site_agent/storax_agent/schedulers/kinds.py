"""The kinds of schedulers, and the programs of each. A kind is the name of its file.

A new kind is an entry here, a literal in ``settings/scheduler.py``, and a job script in ``templates/``.
"""

import shutil

# What must be on the PATH, and what must answer, for `storax site init` to choose it. PBS and Grid Engine share the
# names qsub and qstat.
PROGRAMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "slurm": (("sbatch", "squeue", "scancel"), ("sinfo", "-h")),
    "lsf": (("bsub", "bjobs", "bkill"), ("bqueues",)),
    "sge": (("qsub", "qstat", "qdel", "qconf"), ("qconf", "-sql")),
    "pbs": (("qsub", "qstat", "qdel", "pbsnodes"), ("qstat", "-Q")),
}
KINDS = ("local", *PROGRAMS)


def missing(kind: str) -> list[str]:
    """The programs of a kind that are not on the PATH."""
    return [name for name in PROGRAMS.get(kind, ((), ()))[0] if shutil.which(name) is None]
