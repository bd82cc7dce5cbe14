"""A cluster's scheduler, whichever vendor made it: submits once, asks once for all, and judges only on evidence.

An allocation is finished when the scheduler lists it so, when the accounting says so, or when its own job script said
so in the site's folder. An answer that is late, cut off or empty says nothing: the allocation is ``unknown`` until
somebody knows better. Only one that nobody has known for ``forget_after_sec``, in good answers alone, is given up as
lost.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from storax_agent.launch.spawner.scripts import NO_INTERPRETER, flaw_in
from storax_agent.schedulers import template
from storax_agent.schedulers.base import Limits, Request, SchedulerSnapshot, Status, Submitted, runner_command
from storax_agent.schedulers.files import Files
from storax_agent.schedulers.vendor import UNREACHABLE, Listed, Script, Sent, Vendor
from storax_agent.settings.scheduler_kinds import BATCH_SYSTEMS, is_id
from storax_agent.settings.site import SiteFolder, SiteSettings

STRANGE_TRIES = 5  # of a submission that fails with words that say neither "refused" nor "not there"
MOST_LISTED = 500
LOG = logging.getLogger(__name__)


class Cluster:
    """One site's view of one scheduler. ``runner`` gives the command to run on the head node of a BatchJob."""

    def __init__(
        self,
        vendor: Vendor,
        folder: SiteFolder,
        settings: SiteSettings,
        *,
        runner: Callable[[int], Sequence[str]] | None = None,
    ) -> None:
        self.vendor = vendor
        self._folder, self._settings = folder, settings
        self._files = Files(folder.path / "state" / "allocations")
        self._runner = runner or partial(runner_command, folder.path)
        self._missing: dict[str, float] = {}
        self._tries: dict[int, int] = {}

    def submit(self, requests: Sequence[Request]) -> Sequence[Submitted]:
        """Submit those that the scheduler does not know by their name; where it cannot be asked, none."""
        if not requests:
            return []
        known = self.find([request.batch_job_id for request in requests])
        if known is None:
            reason = f"{self.vendor.kind} gave no clear list of its jobs"
            return [Submitted(request.batch_job_id, None, reason, again=True) for request in requests]
        self._files.tidy()
        return [self._submit(request, known.get(request.batch_job_id)) for request in requests]

    def find(self, batch_job_ids: Sequence[int]) -> Mapping[int, str] | None:
        """By the job's name in the scheduler's list, or by the claim that its script left behind."""
        listed = self.vendor.listed() if batch_job_ids else []
        if listed is None:
            return None
        by_name = {one.name: one.scheduler_id for one in listed}
        ids = {number: by_name.get(self.name(number)) or self._files.claimed(number) or "" for number in batch_job_ids}
        return {number: scheduler_id for number, scheduler_id in ids.items() if self._is_id(scheduler_id)}

    def statuses(self, scheduler_ids: Sequence[str]) -> Mapping[str, Status]:
        """By the list, then the accounting, then the scripts' own words."""
        if not scheduler_ids:
            return {}
        listed = self.vendor.listed()
        wanted = set(scheduler_ids)
        by_id = {one.scheduler_id: one.status for one in listed or () if one.scheduler_id in wanted}
        silent = [number for number in scheduler_ids if by_id.get(number, Status("unknown")).state == "unknown"]
        silent = [number for number in silent if self._is_id(number)]
        ended = self.vendor.ended(silent) if silent and listed is not None else {}
        return {number: self._judged(number, by_id, ended, heard=listed is not None) for number in scheduler_ids}

    def cancel(self, scheduler_ids: Sequence[str]) -> None:
        """End these; one that has ended already is no error."""
        if ids := [number for number in scheduler_ids if self._is_id(number)]:
            self.vendor.kill(ids)

    def queues(self) -> Limits:
        """What the scheduler says of its queues."""
        return self.vendor.queues()

    def snapshot(self) -> SchedulerSnapshot | None:
        """Idle nodes, and the owner's jobs that wait or run (500 at most)."""
        listed = self.vendor.listed()
        if listed is None:
            return None
        alive = [one for one in listed if one.status.state in ("queued", "running")][:MOST_LISTED]
        return SchedulerSnapshot(self.vendor.windows(), {one.scheduler_id: _row(one) for one in alive})

    def name(self, batch_job_id: int) -> str:
        """How the scheduler knows a BatchJob: it carries the site, so that two sites of one owner keep apart."""
        settings = self._settings
        place = hashlib.sha256(f"{settings.url} {settings.site_id}".encode()).hexdigest()[:6]
        return f"storax-{settings.site_id}.{place}-{batch_job_id}"

    def script(self, request: Request) -> str:
        """The job script of a request.

        Raises:
            TemplateError: the site's template, or a value in it, cannot become a script.
        """
        own = self._folder.path / template.NAME
        try:
            text = own.read_text(encoding="utf-8") if own.is_file() else template.default(self.vendor.kind)
        except (OSError, ValueError) as error:
            raise template.TemplateError(f"{own} cannot be read: {error}") from error
        params = {**self._settings.scheduler.optional_params, **request.optional_params}
        runner = self._runner(request.batch_job_id)
        script = template.render(text, request, runner=runner, folder=self._files.folder, params=params)
        # Slurm refuses a script without #!; others start it with the owner's shell.
        if (flaw := flaw_in(script.encode())) and (flaw != NO_INTERPRETER or self.vendor.kind == "slurm"):
            raise template.TemplateError(f"{template.NAME}: {flaw}")
        return script

    def _is_id(self, text: str) -> bool:
        """Whether a command may be given this: an id came from the server or from a file, and must be no option."""
        return is_id(self.vendor.kind, text)

    def _submit(self, request: Request, known: str | None) -> Submitted:
        if known is not None:
            return Submitted(request.batch_job_id, known)
        path = self._files.script(request.batch_job_id)
        try:
            path.write_text(self.script(request), encoding="utf-8")
            path.chmod(0o700)
        except template.TemplateError as error:
            return Submitted(request.batch_job_id, None, str(error))
        except OSError as error:
            return Submitted(request.batch_job_id, None, f"its job script cannot be written: {error}", again=True)
        output = self._folder.path / "log" / f"batch-{request.batch_job_id}.out"
        return self._submitted(
            request, self.vendor.send(Script(path, self.name(request.batch_job_id), output, request))
        )

    def _submitted(self, request: Request, sent: Sent) -> Submitted:
        number = request.batch_job_id
        tries = self._tries.pop(number, 0) + 1
        again = sent.again and (tries < STRANGE_TRIES or bool(UNREACHABLE.search(sent.error)))
        if sent.scheduler_id is None and again:
            self._tries[number] = tries
        return Submitted(number, sent.scheduler_id, sent.error, again=again)

    def _judged(self, number: str, listed: Mapping[str, Status], ended: Mapping[str, Status], *, heard: bool) -> Status:
        status = listed.get(number, Status("unknown"))
        if status.state in ("unknown", "finished"):
            own = self._files.exit(number)
            status = _joined(status if status.state == "finished" else ended.get(number, status), own)
        if status.state != "unknown" or number in listed or not heard:
            self._missing.pop(number, None)
            return status
        return self._forgotten(number)

    def _forgotten(self, number: str) -> Status:
        since = self._missing.setdefault(number, time.monotonic())
        if time.monotonic() - since < self._settings.scheduler.forget_after_sec:
            return Status("unknown", info={"reason": f"{self.vendor.kind} does not list it any more"})
        reason = f"{self.vendor.kind} has not known it for {self._settings.scheduler.forget_after_sec:g} s; lost"
        LOG.warning("allocation %s: %s", number, reason)
        return Status("finished", None, datetime.now(UTC), {"reason": reason})


def write_template(folder: Path, kind: str) -> bool:
    """Copy the template of ``kind`` into a site's folder, unless its owner has changed the one that is there.

    Returns whether it was written.
    """
    own = folder / template.NAME
    shipped = {template.default(name) for name in BATCH_SYSTEMS}
    if own.is_file() and own.read_text(encoding="utf-8", errors="replace") not in shipped:
        return False
    own.write_text(template.default(kind), encoding="utf-8")
    return True


def _joined(status: Status, own: Status | None) -> Status:
    """The scheduler's words and the script's: the scheduler knows why, the script knows when and with which code."""
    if own is None or status.state not in ("unknown", "finished"):
        return status
    start, end = status.start_time or own.start_time, status.end_time or own.end_time
    return Status("finished", start, end, {**own.info, **status.info})


def _row(one: Listed) -> dict[str, object]:
    row = {"state": one.status.state, "queue": one.queue, "num_nodes": one.num_nodes}
    return {**row, "wall_time_min": one.wall_time_min}
