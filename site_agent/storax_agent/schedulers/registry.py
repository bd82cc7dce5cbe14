"""The scheduler that a site's settings name, and the kind of the one on this machine."""

import shutil
from importlib import import_module
from typing import cast

from storax_agent.schedulers.base import Scheduler
from storax_agent.schedulers.command import run
from storax_agent.settings.scheduler_kinds import BATCH_SYSTEMS, LOCAL, SCHEDULERS
from storax_agent.settings.site import SiteFolder, SiteSettings

ANSWER_SEC = 5.0


def scheduler_of(folder: SiteFolder, settings: SiteSettings) -> Scheduler:
    """The scheduler that a site's settings name."""
    return cast("Scheduler", import_module(f"storax_agent.schedulers.{settings.scheduler.kind}").make(folder, settings))


def detect() -> str:
    """The kind of scheduler whose programs are on the PATH and answer within 5 s, or ``local``."""
    for kind in BATCH_SYSTEMS:
        if not missing_programs(kind) and run(SCHEDULERS[kind].probe, timeout_sec=ANSWER_SEC).ok:
            return kind
    return LOCAL


def missing_programs(kind: str) -> list[str]:
    """Return the programs of a kind that are not on the PATH."""
    return [name for name in SCHEDULERS[kind].programs if shutil.which(name) is None]
