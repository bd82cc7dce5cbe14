"""Grid Engine (Son of Grid Engine, Univa, Altair): ``qsub``, ``qstat -xml``, ``qacct``, ``qdel``, ``qconf``.

It tells of no idle windows that could be asked for by node.
"""

import os
import pwd
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree  # of the cluster's own scheduler, and expat bounds entities

from storax_agent.schedulers.base import Limits, Status
from storax_agent.schedulers.cluster import Cluster
from storax_agent.schedulers.command import CommandRunner
from storax_agent.schedulers.vendor import Listed, Script, Sent, minutes, refusal
from storax_agent.settings.site import SiteFolder, SiteSettings

HISTORY_DAYS = 31
LINE = re.compile(r"^(\w+)\s+(.*?)\s*$")


def make(folder: SiteFolder, settings: SiteSettings) -> Cluster:
    """The Grid Engine that ``qsub`` on the PATH speaks to."""
    return Cluster(Sge(CommandRunner.of(settings)), folder, settings)


class Sge:
    """The commands of Grid Engine."""

    kind = "sge"

    def __init__(self, run: CommandRunner) -> None:
        self._run = run
        self._owner = pwd.getpwuid(os.getuid()).pw_name

    def send(self, script: Script) -> Sent:
        """``qsub -terse`` prints the number."""
        argv = ["qsub", "-terse", "-N", script.name, "-j", "y", "-o", str(script.output), str(script.path)]
        ran = self._run(argv)
        if not ran.ok:
            return refusal(ran)
        number = ran.out.strip().splitlines()[-1:] or [""]
        return Sent(number[0]) if number[0].isdecimal() else Sent(None, f"qsub printed {ran.out[:80]!r}", again=True)

    def listed(self) -> Sequence[Listed] | None:
        """``qstat -xml``: the jobs that wait or run."""
        ran = self._run(["qstat", "-xml", "-u", self._owner])
        if not ran.ok:
            return None
        try:
            root = ElementTree.fromstring(ran.out)  # noqa: S314
        except ElementTree.ParseError:
            return None
        rows = [{child.tag: child.text or "" for child in job} for job in root.iter("job_list")]
        return [_listed(row) for row in rows] if root.tag == "job_info" else None

    def ended(self, scheduler_ids: Sequence[str]) -> Mapping[str, Status]:
        """``qacct`` of the owner's last month; it takes one job or all of them."""
        only = [scheduler_ids[0]] if len(scheduler_ids) == 1 else []
        argv = ["qacct", "-o", self._owner, "-d", str(HISTORY_DAYS), "-j", *only]
        ran = self._run(argv)
        ends = _accounted(ran.out) if ran.ok else {}
        return {number: status for number, status in ends.items() if number in scheduler_ids}

    def kill(self, scheduler_ids: Sequence[str]) -> None:
        """``qdel`` of all of them; those that have ended are passed over."""
        self._run(["qdel", ",".join(scheduler_ids)])

    def queues(self) -> Limits:
        """Queues and their longest run; how many nodes a job may have is its parallel environment's to say."""
        names = self._run(["qconf", "-sql"])
        if not names.ok or not names.out.split():
            return {}
        shown = self._run(["qconf", "-sq", ",".join(names.out.split())])
        limits: dict[str, dict[str, int]] = {name: {} for name in names.out.split()}
        name = ""
        for line in shown.out.splitlines() if shown.ok else []:
            key, _, value = line.partition(" ")
            name = value.strip() if key == "qname" else name
            if key == "h_rt" and name in limits and (wall := minutes(value)):
                limits[name]["max_walltime"] = wall
        return limits

    def windows(self) -> Mapping[str, Sequence[Mapping[str, int]]]:
        """Grid Engine names none."""
        return {}


def _listed(row: Mapping[str, str]) -> Listed:
    word = row.get("state", "")
    state = _state(word)
    began = _time(row.get("JAT_start_time", ""), "%Y-%m-%dT%H:%M:%S") if state == "running" else None
    info = {"scheduler_state": word, "nodes": row.get("queue_name", "").partition("@")[2]}
    if "E" in word:
        info["reason"] = "in error state; see qstat -j"
    status = Status(state, began, None, {key: value for key, value in info.items() if value})
    number, slots = row.get("JB_job_number", ""), row.get("slots", "")
    queue = row.get("queue_name", "").partition("@")[0]
    return Listed(number, row.get("JB_name", ""), status, queue, int(slots) if slots.isdecimal() else 0)


def _state(word: str) -> Any:
    """Letters: q waits, r runs, t is handed over, s S T are suspensions, d is being deleted, E is an error."""
    if not word or not set(word) <= set("qwhrtRsSTNPdE"):
        return "unknown"
    return "queued" if "q" in word or "w" in word else "running"


def _accounted(text: str) -> dict[str, Status]:
    ends: dict[str, Status] = {}
    for part in re.split(r"^=+\s*$", text, flags=re.MULTILINE):
        pairs = (pair for line in part.splitlines() if (pair := LINE.match(line)))
        row: dict[str, str] = {pair.group(1): pair.group(2) for pair in pairs}
        if not row.get("jobnumber", "").isdecimal() or "exit_status" not in row:
            continue
        failed = "" if row.get("failed", "0").split(" ")[0] == "0" else f"failed {row['failed']}"
        details = {"exit_status": row["exit_status"].strip(), "reason": failed, "nodes": row.get("hostname", "")}
        info = {key: value for key, value in details.items() if value}
        form = "%a %b %d %H:%M:%S %Y"
        began, ended = _time(row.get("start_time", ""), form), _time(row.get("end_time", ""), form)
        ends[row["jobnumber"]] = Status("finished", began, ended, info)
    return ends


def _time(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text.strip(), form).replace(tzinfo=UTC)
    except ValueError:
        return None
