"""The kinds of schedulers, and the programs of each. A kind is the name of its file.

A new kind is an entry here, a literal in ``settings/scheduler.py``, and a job script in ``templates/``.
"""

import re
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
# The ids that each gives out. They become arguments of commands, and 0 is all jobs to bkill. The server accepts what
# looks like any of them (``SCHEDULER_ID`` of its resource BatchJob).
NUMBER = "[1-9][0-9]{0,17}"
IDS = {
    **dict.fromkeys(("slurm", "lsf", "sge"), re.compile(NUMBER)),
    "pbs": re.compile(rf"{NUMBER}(\[[0-9]*\])?(\.[A-Za-z0-9][A-Za-z0-9_.-]{{0,200}})?"),
    "local": re.compile(rf"{NUMBER}\.{NUMBER}@[0-9]{{1,12}}\.[0-9]{{1,6}}"),
}


def is_id(kind: str, text: str) -> bool:
    """Whether a scheduler of this kind gives out such ids."""
    return IDS[kind].fullmatch(text) is not None


def missing(kind: str) -> list[str]:
    """The programs of a kind that are not on the PATH."""
    return [name for name in PROGRAMS.get(kind, ((), ()))[0] if shutil.which(name) is None]
