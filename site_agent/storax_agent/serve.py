"""Run one of the two programs in this process: the agent of a site, or the runner of an allocation."""

import logging
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from storax.errors import StoraxError
from storax_agent.allocations.limits import Allocation
from storax_agent.allocations.partitions import run_partitions
from storax_agent.files.free_space import FreeSpace, FullError, is_full_error
from storax_agent.files.locks import PidLock
from storax_agent.files.log_file import write_log
from storax_agent.launch.base import LauncherLostError
from storax_agent.launch.nodes.clusters.base import NodesError
from storax_agent.loops.allocations.runners import forget_reason, note_reason
from storax_agent.runner import AllocationRunner
from storax_agent.server.site_api import SiteApi
from storax_agent.settings.site import SiteError, SiteFolder, SiteSettings
from storax_agent.site import SiteAgent

ROOM_SEC = 2.0  # between checks whether a full folder has room
SWITCH_SEC = 0.0003  # a thread that talks lets the main loop have the interpreter within this time
LOG = logging.getLogger(__name__)


def serve(
    folder: SiteFolder, *, batch_job: int | None = None, partition: int | None = None, foreground: bool = False
) -> None:
    """Run the agent of ``folder``, or the runner of one of its BatchJobs or of a partition of it.

    On a full disk the agent waits until there is room, and says so in the Site's row; a runner, which would use up its
    allocation, ends.

    Raises:
        SiteError: the folder is no site, or its token is gone.
        FullError: a runner's folder has no room, or that of an agent has none by now.
        AlreadyRunningError: another agent runs in it.
        StoraxError: the BatchJob cannot be read, or none of its nodes reached.
    """
    sys.setswitchinterval(SWITCH_SEC)
    settings = folder.load()
    api = SiteApi(settings.url, folder.token(settings), fresh=folder.token_now, site_id=settings.site_id)
    with _naming_a_full_disk(folder):
        folder.make()
        _require_room(folder, settings, api, wait=batch_job is None)
        lock = PidLock(folder.lock)
        lock.take()
        try:
            write_log(folder, foreground=foreground, name=f"{folder.part}.log" if folder.part else "agent.log")
            if batch_job is None:
                _run_site(folder, settings, api)
            else:
                _run_batch_job(folder, settings, api, batch_job, partition)
        finally:
            lock.release()


@contextmanager
def _naming_a_full_disk(folder: SiteFolder) -> Iterator[None]:
    """Name the site's folder where an error says only that a disk is full. Raises ``FullError`` then."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        if not is_full_error(error):
            raise
        raise FullError(f"{folder.path} is full: {error}; make room and start it again") from error


def _require_room(folder: SiteFolder, settings: SiteSettings, api: SiteApi, *, wait: bool) -> None:
    """Return once there is room for what is written at the start. Raises ``FullError`` where it is not to ``wait``."""
    space, since = FreeSpace([folder.state, folder.log]), datetime.now(UTC).isoformat(timespec="seconds")
    while reason := space.check(write=True):
        if not wait:
            raise FullError(reason)
        failure = {"error": f"the agent does not start: {reason}", "since": since}
        sys.stderr.write(f"storax_agent: {failure['error']}; it waits for room\n")
        sys.stderr.flush()
        with suppress(StoraxError):  # the agent that starts takes it away once its loops work
            failing = api.site(settings.site_id).get("failing_loops") or {}
            if failing.get("disk") != failure:
                api.update_site(settings.site_id, {"failing_loops": failing | {"disk": failure}})
        time.sleep(ROOM_SEC)


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
