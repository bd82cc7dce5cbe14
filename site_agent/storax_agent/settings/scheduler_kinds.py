"""The kinds of schedulers: the one table of what is known of each before it is asked.

A kind is the name of its file in ``schedulers/`` and of its job script in ``schedulers/templates/``.
"""

import re
from dataclasses import dataclass

# The ids of most. An id becomes an argument of commands, and 0 is all jobs to bkill.
NUMBER = re.compile("[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class SchedulerKind:
    """One kind of scheduler. No field has a default, so that no kind is declared by half.

    Attributes:
        ids: the ids that it gives out. The server accepts what looks like any of them (``SCHEDULER_ID`` of its
            resource BatchJob).
        programs: what must be on the PATH. PBS and Grid Engine share the names qsub and qstat.
        probe: the command that must succeed for `storax site init` to choose it.
        reports_idle_nodes: whether an elastic queue may ask for idle nodes alone (``use_backfill``).
    """

    ids: re.Pattern[str]
    programs: tuple[str, ...]
    probe: tuple[str, ...]
    reports_idle_nodes: bool


LOCAL = "local"  # runners that the agent starts itself, beside it
PBS_ID = re.compile(rf"{NUMBER.pattern}(\[[0-9]*\])?(\.[A-Za-z0-9][A-Za-z0-9_.-]{{0,200}})?")
LOCAL_ID = re.compile(rf"{NUMBER.pattern}\.{NUMBER.pattern}@[0-9]{{1,12}}\.[0-9]{{1,6}}")
SCHEDULERS: dict[str, SchedulerKind] = {
    LOCAL: SchedulerKind(ids=LOCAL_ID, programs=(), probe=(), reports_idle_nodes=True),
    "slurm": SchedulerKind(
        ids=NUMBER, programs=("sbatch", "squeue", "scancel"), probe=("sinfo", "-h"), reports_idle_nodes=True
    ),
    "lsf": SchedulerKind(ids=NUMBER, programs=("bsub", "bjobs", "bkill"), probe=("bqueues",), reports_idle_nodes=False),
    "sge": SchedulerKind(
        ids=NUMBER, programs=("qsub", "qstat", "qdel", "qconf"), probe=("qconf", "-sql"), reports_idle_nodes=False
    ),
    "pbs": SchedulerKind(
        ids=PBS_ID, programs=("qsub", "qstat", "qdel", "pbsnodes"), probe=("qstat", "-Q"), reports_idle_nodes=True
    ),
}
KINDS = tuple(SCHEDULERS)
BATCH_SYSTEMS = tuple(kind for kind in KINDS if kind != LOCAL)


def is_id(kind: str, text: str) -> bool:
    """Whether a scheduler of this kind gives out such ids."""
    return SCHEDULERS[kind].ids.fullmatch(text) is not None
