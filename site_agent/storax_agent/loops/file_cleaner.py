"""File cleaner: remove the ``cleanup_files`` of finished jobs from their workdirs, once for each job.

The server keeps the list (``pending_file_cleanup``), so a killed agent loses nothing. Jobs of Apps without such globs
are never listed. Failed jobs keep their files, for the user who looks into the failure.
"""

import logging
import os
from pathlib import Path
from typing import Any

from storax.errors import Conflict, InvalidInput, NotFound
from storax_agent.files.globs import remove_matching
from storax_agent.files.safe_path import PathError
from storax_agent.loops.file_policy import FilePolicy
from storax_agent.server.site_api import SiteApi
from storax_agent.transfers.files import open_workdir

AT_ONCE = 200
LOG = logging.getLogger(__name__)
Row = dict[str, Any]


class FileCleaner:
    """One round every ``every_sec`` seconds, at once again while there is more."""

    def __init__(self, api: SiteApi, site_id: int, *, data: Path, policy: FilePolicy, every_sec: float) -> None:
        self._api, self._site_id, self._data, self._every_sec = api, site_id, data, every_sec
        self._policy = policy
        self._refused: dict[int, str] = {}

    def step(self) -> float:
        """One round."""
        apps = [app for app in self._api.apps_of_site(self._site_id) if app["cleanup_files"]]
        globs = {app["id"]: app["cleanup_files"] for app in apps if self._may_clean(app)}
        jobs = self._api.jobs_to_clean(self._site_id, sorted(globs), limit=AT_ONCE) if globs else []
        for job in jobs:
            self._clean_safely(job, globs[job["app_id"]])
        self._mark_cleaned([{"id": job["id"], "pending_file_cleanup": False} for job in jobs])
        return 0.0 if len(jobs) == AT_ONCE else self._every_sec

    def _may_clean(self, app: Row) -> bool:
        objection = self._policy.cleaning_objection(app)
        if objection and self._refused.get(app["id"]) != objection:
            LOG.warning("file cleaner: %s", objection)
        self._refused[app["id"]] = objection
        return not objection

    def _clean_safely(self, job: Row, patterns: list[str]) -> None:
        try:
            self._clean(job, patterns)
        except Exception:  # one job's strange files must not hold up the others
            LOG.exception("file cleaner: job %d", job["id"])

    def _clean(self, job: Row, patterns: list[str]) -> None:
        """Remove what can be removed; the rest is logged and not tried again, or it would be tried for ever."""
        try:
            workdir = open_workdir(self._data, job["workdir"])
        except (OSError, PathError) as error:
            LOG.info("file cleaner: job %d: workdir %s: %s", job["id"], job["workdir"], error)
            return
        try:
            for pattern in patterns:
                self._remove(workdir, pattern, job["id"])
        finally:
            os.close(workdir)

    def _remove(self, workdir: int, pattern: str, job_id: int) -> None:
        try:
            remove_matching(workdir, pattern)
        except (OSError, PathError) as error:
            LOG.warning("file cleaner: job %d: %s: %s", job_id, pattern, error)

    def _mark_cleaned(self, patches: list[Row]) -> None:
        try:
            if patches:
                self._api.update_jobs(patches)
        except (Conflict, InvalidInput, NotFound):
            # One of them was deleted meanwhile; the others still count.
            for patch in patches:
                try:
                    self._api.update_jobs([patch])
                except (Conflict, InvalidInput, NotFound) as error:
                    LOG.info("file cleaner: job %d: %s", patch["id"], error)
