"""LSF (10.1 or newer): ``bsub``, ``bjobs``, ``bhist``, ``bkill``, ``bqueues``.

Tested with stand-ins that print the documented formats (``tests/fakes/``), not with a real LSF. Idle windows are not
told: ``bslots`` counts slots, and how many make a node differs from cluster to cluster.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from storax_agent.schedulers.base import Limits, Status
from storax_agent.schedulers.cluster import Cluster
from storax_agent.schedulers.command import CommandRunner, Ran
from storax_agent.schedulers.vendor import Listed, Script, Sent, refusal
from storax_agent.settings.site import SiteFolder, SiteSettings

STATES: dict[str, Any] = {
    **dict.fromkeys(("PEND", "PSUSP", "WAIT", "PROV"), "queued"),
    **dict.fromkeys(("RUN", "USUSP", "SSUSP"), "running"),
    **dict.fromkeys(("DONE", "EXIT"), "finished"),
}
FIELDS = (
    "jobid", "stat", "queue", "nexec_host", "runtimelimit", "start_time", "finish_time", "exit_code", "exit_reason",
    "pend_reason", "job_name",
)  # fmt: skip
SUBMITTED = re.compile(r"^Job <(\d+)> is submitted", re.MULTILINE)
NONE = re.compile(r"^No (unfinished |matching )?jobs? found", re.MULTILINE)
JOB = re.compile(r"^Job <(\d+)>")
EVENT = re.compile(r"^\w{3} (\w{3}\s+\d+ \d\d:\d\d:\d\d(?: \d{4})?): (.*)")
STAMP = re.compile(r"(\w{3})\s+(\d+) (\d\d:\d\d(?::\d\d)?)(?: (\d{4}))?")


def make(folder: SiteFolder, settings: SiteSettings) -> Cluster:
    """The LSF that ``bsub`` on the PATH speaks to."""
    return Cluster(Lsf(CommandRunner.of(settings)), folder, settings)


class Lsf:
    """The commands of LSF."""

    kind = "lsf"

    def __init__(self, run: CommandRunner) -> None:
        self._run = run

    def send(self, script: Script) -> Sent:
        """``bsub`` reads the script's ``#BSUB`` lines from stdin only."""
        ran = self._run(["bsub", "-J", script.name, "-o", str(script.output)], stdin=script.path)
        if not ran.ok:
            return refusal(ran)
        match = SUBMITTED.search(ran.out)
        return Sent(match.group(1)) if match else Sent(None, f"bsub printed {ran.out[:80]!r}", again=True)

    def listed(self) -> Sequence[Listed] | None:
        """``bjobs -a``: the owner's jobs, with those that ended within LSF's CLEAN_PERIOD."""
        form = " ".join(FIELDS) + " delimiter='|'"
        ran = self._run(["bjobs", "-a", "-noheader", "-o", form])
        if _nothing(ran):
            return []
        if not ran.ok or not ran.out:
            return None
        rows = [_listed(line) for line in ran.out.splitlines()]
        good = [row for row in rows if row is not None]
        return good if len(good) == len(rows) else None

    def ended(self, scheduler_ids: Sequence[str]) -> Mapping[str, Status]:
        """``bhist`` of these, from all of LSF's event files, without line breaks."""
        ran = self._run(["bhist", "-l", "-UF", "-n", "0", *scheduler_ids])
        return _history(ran.out) if ran.code is not None and (not ran.out or ran.out.endswith("\n")) else {}

    def kill(self, scheduler_ids: Sequence[str]) -> None:
        """``bkill`` of all of them; those that have ended are passed over."""
        self._run(["bkill", *scheduler_ids])

    def queues(self) -> Limits:
        """Queues that take jobs. Their limits are those of ``site.toml``: LSF tells them in prose only."""
        ran = self._run(["bqueues", "-w"])
        rows = [line.split() for line in ran.out.splitlines()[1:]] if ran.ok else []
        return {row[0]: {} for row in rows if len(row) > 2 and row[2].startswith("Open")}

    def windows(self) -> Mapping[str, Sequence[Mapping[str, int]]]:
        """LSF names none."""
        return {}


def _nothing(ran: Ran) -> bool:
    return ran.code is not None and bool(NONE.search(ran.out + ran.err)) and "|" not in ran.out


def _listed(line: str) -> Listed | None:
    parts = line.split("|", len(FIELDS) - 1)
    if len(parts) < len(FIELDS) or not parts[0].isdecimal():
        return None
    job = {name: "" if text.strip() == "-" else text.strip() for name, text in zip(FIELDS, parts, strict=True)}
    state = STATES.get(job["stat"], "unknown")
    reason = job["pend_reason"] if state == "queued" else job["exit_reason"]
    info = {"scheduler_state": job["stat"], "reason": reason, "exit_status": job["exit_code"]}
    began = _time(job["start_time"]) if state in ("running", "finished") else None
    ended = _time(job["finish_time"]) if state == "finished" else None
    status = Status(state, began, ended, {key: value for key, value in info.items() if value})
    wall = job["runtimelimit"].partition(".")[0]
    hosts = job["nexec_host"]
    return Listed(
        job["jobid"], job["job_name"], status, job["queue"],
        int(hosts) if hosts.isdecimal() else 0, int(wall) if wall.isdecimal() else 0,
    )  # fmt: skip


def _history(text: str) -> dict[str, Status]:
    ends: dict[str, Status] = {}
    number, began = "", None
    for line in text.splitlines():
        if head := JOB.match(line):
            number, began = head.group(1), None
        elif (event := EVENT.match(line)) and number:
            at, event_text = _time(event.group(1)), event.group(2)
            if event_text.startswith(("Starting", "Dispatched")):
                began = began or at
                ends[number] = Status("running", began)
            elif event_text.startswith(("Done successfully", "Exited")):
                done = event_text.startswith("Done")
                info = {"scheduler_state": "DONE" if done else "EXIT", "reason": "" if done else event_text.rstrip(";")}
                ends[number] = Status("finished", began, at, {key: value for key, value in info.items() if value})
    return ends


def _time(text: str) -> datetime | None:
    """``Nov 21 08:00:12 2026``; without a year, the last such day. A letter behind it marks an estimate of LSF's."""
    stamp = STAMP.match(text)
    if stamp is None or text.rstrip().endswith(("E", "L")):
        return None
    month, day, clock, year = stamp.groups()
    now = datetime.now(UTC)
    clock += ":00" if clock.count(":") == 1 else ""
    try:
        at = datetime.strptime(f"{year or now.year} {month} {day} {clock}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return at if year or at <= now + timedelta(days=1) else at.replace(year=now.year - 1)
