"""PBS Professional and OpenPBS (20 or newer): ``qsub``, ``qstat`` in JSON, ``qdel``, ``pbsnodes``.

Tested with stand-ins that print the documented formats (``tests/fakes/``), not with a real PBS.
"""

import json
import os
import pwd
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from storax_agent.schedulers.base import Limits, Status
from storax_agent.schedulers.cluster import Cluster
from storax_agent.schedulers.command import CommandRunner
from storax_agent.schedulers.vendor import Listed, Script, Sent, minutes, refusal
from storax_agent.settings.scheduler_kinds import is_id
from storax_agent.settings.site import SiteFolder, SiteSettings

STATES: dict[str, Any] = {
    **dict.fromkeys("QHWT", "queued"),
    **dict.fromkeys("REBSU", "running"),
    **dict.fromkeys("FX", "finished"),
}
GENERIC = re.compile(r"u:PBS_GENERIC=(\d+)")  # the limit of each user without one of their own
Tree = dict[str, Any]


def make(folder: SiteFolder, settings: SiteSettings) -> Cluster:
    """The PBS that ``qsub`` on the PATH speaks to."""
    return Cluster(Pbs(CommandRunner.of(settings)), folder, settings)


class Pbs:
    """The commands of PBS."""

    kind = "pbs"

    def __init__(self, run: CommandRunner) -> None:
        self._run = run
        self._owner = pwd.getpwuid(os.getuid()).pw_name + "@"

    def send(self, script: Script) -> Sent:
        """``qsub`` prints ``123.server``."""
        argv = ["qsub", "-N", script.name, "-j", "oe", "-o", str(script.output), str(script.path)]
        ran = self._run(argv)
        if not ran.ok:
            return refusal(ran)
        number = ran.out.strip()
        return Sent(number) if is_id("pbs", number) else Sent(None, f"qsub printed {number[:80]!r}", again=True)

    def listed(self) -> Sequence[Listed] | None:
        """``qstat -f -F json``: the jobs that wait or run."""
        jobs = self._tree("qstat", "-f", "-F", "json").get("Jobs")
        if jobs is None:
            return None
        mine = {number: job for number, job in jobs.items() if str(job.get("Job_Owner", "")).startswith(self._owner)}
        return [_listed(number, job) for number, job in mine.items()]

    def ended(self, scheduler_ids: Sequence[str]) -> Mapping[str, Status]:
        """``qstat -x``: the history. Asked by id, because that of everybody may be very long."""
        jobs = self._tree("qstat", "-x", "-f", "-F", "json", *scheduler_ids).get("Jobs") or {}
        return {number: _listed(number, job).status for number, job in jobs.items() if number in scheduler_ids}

    def kill(self, scheduler_ids: Sequence[str]) -> None:
        """``qdel`` of all of them; those that have ended are passed over."""
        self._run(["qdel", *scheduler_ids])

    def queues(self) -> Limits:
        """Execution queues that are enabled and started."""
        limits = {}
        for name, queue in (self._tree("qstat", "-Q", "-f", "-F", "json").get("Queue") or {}).items():
            opened = str(queue.get("enabled")) == "True" and str(queue.get("started")) == "True"
            if opened and queue.get("queue_type") != "Route":
                limits[name] = _limits(queue)
        return limits

    def windows(self) -> Mapping[str, Sequence[Mapping[str, int]]]:
        """Free nodes, for as long as each queue allows (0: for any time); PBS tells no more of its backfill."""
        nodes = self._tree("pbsnodes", "-a", "-F", "json").get("nodes") or {}
        free = sum(node.get("state") == "free" and not node.get("jobs") for node in nodes.values())
        if not free:
            return {}
        return {
            name: [
                {"num_nodes": min(free, limits.get("max_nodes", free)), "wall_time_min": limits.get("max_walltime", 0)}
            ]
            for name, limits in self.queues().items()
        }

    def _tree(self, *argv: str) -> Tree:
        """The JSON that a command prints, empty when it is none. A non-zero exit is no flaw of it: ``qstat`` ends so
        when it does not know one of many ids. Without any job there is no ``Jobs``, so it is put there."""
        ran = self._run(argv)
        try:
            tree = json.loads(ran.out, strict=False) if ran.code is not None else {}
        except ValueError:
            return {}
        if not isinstance(tree, dict) or not any(key.startswith("pbs_") or key == "nodes" for key in tree):
            return {}
        tables = {key: value for key, value in tree.items() if isinstance(value, dict)}
        parsed = {key: {n: row for n, row in rows.items() if isinstance(row, dict)} for key, rows in tables.items()}
        return parsed if ran.code else {"Jobs": {}, **parsed}


def _listed(number: str, job: Tree) -> Listed:
    state = STATES.get(str(job.get("job_state")), "unknown")
    resources = job.get("Resource_List")
    resources = resources if isinstance(resources, dict) else {}
    info = {"scheduler_state": job.get("job_state"), "reason": job.get("comment"), "nodes": job.get("exec_host")}
    if "Exit_status" in job:
        info["exit_status"] = str(job["Exit_status"])
    began = _time(job.get("stime")) if state in ("running", "finished") else None
    ended = (_time(job.get("obittime")) or _time(job.get("mtime"))) if state == "finished" else None
    return Listed(
        number,
        str(job.get("Job_Name", "")),
        Status(state, began, ended, {key: str(value) for key, value in info.items() if value}),
        str(job.get("queue", "")),
        _whole(resources.get("nodect")),
        minutes(str(resources.get("walltime", ""))),
    )


def _limits(queue: Tree) -> dict[str, int]:
    most = queue.get("resources_max")
    most = most if isinstance(most, dict) else {}
    users = GENERIC.search(str(queue.get("max_queued", "")))
    limits = {
        "max_nodes": _whole(most.get("nodect")),
        "max_walltime": minutes(str(most.get("walltime", ""))),
        "max_queued_jobs": int(users.group(1)) if users else 0,
    }
    return {name: value for name, value in limits.items() if value}


def _whole(value: Any) -> int:
    return int(value) if str(value).isdecimal() else 0


def _time(value: Any) -> datetime | None:
    try:
        return datetime.strptime(str(value), "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError:
        return None
