"""Which schedulers there are, and which of them is on this machine. A kind is the name of its file."""

import shutil
from importlib import import_module
from typing import cast

from storax_agent.schedulers.base import Scheduler
from storax_agent.schedulers.command import run
from storax_agent.settings.site import SiteFolder, SiteSettings

# What must be on the PATH, and what must answer, for `storax site init` to choose it. PBS and Grid Engine share the
# names qsub and qstat.
PROGRAMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "slurm": (("sbatch", "squeue", "scancel"), ("sinfo", "-h")),
    "lsf": (("bsub", "bjobs", "bkill"), ("bqueues",)),
    "sge": (("qsub", "qstat", "qdel", "qconf"), ("qconf", "-sql")),
    "pbs": (("qsub", "qstat", "qdel", "pbsnodes"), ("qstat", "-Q")),
}
KINDS = ("local", *PROGRAMS)
LOOK_SEC = 5.0


def scheduler_of(folder: SiteFolder, settings: SiteSettings) -> Scheduler:
    """The scheduler that a site's settings name."""
    return cast("Scheduler", import_module(f"storax_agent.schedulers.{settings.scheduler.kind}").make(folder, settings))


def missing(kind: str) -> list[str]:
    """The programs of a kind that are not on the PATH."""
    return [name for name in PROGRAMS.get(kind, ((), ()))[0] if shutil.which(name) is None]


def detect() -> str:
    """The kind of scheduler whose programs are on the PATH and answer within 5 s, or ``local``."""
    for kind, (_, question) in PROGRAMS.items():
        if not missing(kind) and run(question, timeout_sec=LOOK_SEC).ok:
            return kind
    return "local"
