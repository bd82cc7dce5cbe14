"""Run one of the two programs in this process: the agent of a site, or the runner of an allocation."""

import logging
import sys

from storax_agent.allocations.limits import Allocation
from storax_agent.allocations.partitions import run_partitions
from storax_agent.files.locks import PidLock
from storax_agent.files.log_file import write_log
from storax_agent.launch.base import LauncherLostError
from storax_agent.launch.nodes.clusters.base import NodesError
from storax_agent.loops.allocations.runners import forget_reason, note_reason
from storax_agent.runner import AllocationRunner
from storax_agent.server.site_api import SiteApi
from storax_agent.settings.site import SiteError, SiteFolder, SiteSettings
from storax_agent.site import SiteAgent

SWITCH_SEC = 0.0003  # a thread that talks lets the main loop have the interpreter within this time
LOG = logging.getLogger(__name__)


def serve(
    folder: SiteFolder, *, batch_job: int | None = None, partition: int | None = None, foreground: bool = False
) -> None:
    """Run the agent of ``folder``, or the runner of one of its BatchJobs or of a partition of it.

    Raises:
        SiteError: the folder is no site, or its token is gone.
        AlreadyRunningError: another agent runs in it.
        StoraxError: the BatchJob cannot be read, or none of its nodes reached.
    """
    sys.setswitchinterval(SWITCH_SEC)
    settings = folder.load()
    folder.make()
    lock = PidLock(folder.lock)
    lock.take()
    write_log(folder, foreground=foreground, name=f"{folder.part}.log" if folder.part else "agent.log")
    try:
        api = SiteApi(settings.url, folder.token(settings), fresh=folder.token_now, site_id=settings.site_id)
        if batch_job is None:
            _run_site(folder, settings, api)
        else:
            _run_batch_job(folder, settings, api, batch_job, partition)
    finally:
        lock.release()


def _run_site(folder: SiteFolder, settings: SiteSettings, api: SiteApi) -> None:
    try:
        SiteAgent(folder, settings, api).run()
    except (NodesError, LauncherLostError) as error:
        LOG.error("%s", error)  # noqa: TRY400
        raise SiteError(str(error)) from error


def _run_batch_job(
    folder: SiteFolder, settings: SiteSettings, api: SiteApi, batch_job: int, partition: int | None
) -> None:
    """Run the runner of a BatchJob, or one for each of its partitions; leaves the reason of a failure in the folder."""
    forget_reason(folder)
    try:
        row = api.batch_job(batch_job)
        if row.get("partitions") and partition is None:
            run_partitions(folder, settings, row)
            return
        AllocationRunner(folder, settings, api, Allocation.at_site(row, settings, partition=partition)).run()
    except Exception as error:
        note_reason(folder, error)
        if isinstance(error, NodesError | LauncherLostError):
            LOG.error("%s", error)  # noqa: TRY400
            raise SiteError(str(error)) from error
        raise
