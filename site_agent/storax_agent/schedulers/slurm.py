"""Slurm: ``sbatch``, ``squeue``, ``sacct``, ``scancel``, ``sinfo``. Tested with the real programs (22.05)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from storax_agent.schedulers.base import Limits, Status
from storax_agent.schedulers.cluster import Cluster
from storax_agent.schedulers.command import CommandRunner
from storax_agent.schedulers.vendor import Listed, Script, Sent, minutes, refusal
from storax_agent.settings.site import SiteFolder, SiteSettings

QUEUED = ("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD")
RUNNING = ("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING")
FINISHED = (
    "COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY",
    "REVOKED",
)  # fmt: skip
STATES: dict[str, Any] = {
    **dict.fromkeys(QUEUED, "queued"),
    **dict.fromkeys(RUNNING, "running"),
    **dict.fromkeys(FINISHED, "finished"),
}
LIST = "%i|%T|%S|%e|%r|%N|%D|%P|%l|%j"  # the name last: it alone may hold a bar
ACCOUNT = "JobID,State,Start,End,ExitCode,NodeList"


def make(folder: SiteFolder, settings: SiteSettings) -> Cluster:
    """The Slurm that ``sbatch`` on the PATH speaks to."""
    return Cluster(Slurm(CommandRunner.of(settings)), folder, settings)


class Slurm:
    """The commands of Slurm."""

    kind = "slurm"

    def __init__(self, run: CommandRunner) -> None:
        self._run = run

    def send(self, script: Script) -> Sent:
        """``sbatch --parsable`` prints ``ID`` or ``ID;CLUSTER``."""
        argv = ["sbatch", "--parsable", f"--job-name={script.name}", f"--output={script.output}", str(script.path)]
        ran = self._run(argv)
        if not ran.ok:
            return refusal(ran)
        number = ran.out.strip().partition(";")[0]
        return Sent(number) if number.isdecimal() else Sent(None, f"sbatch printed {ran.out[:80]!r}", again=True)

    def listed(self) -> Sequence[Listed] | None:
        """``squeue`` of the owner's jobs, with those that ended within Slurm's MinJobAge."""
        ran = self._run(["squeue", "--me", "-h", "-t", "all", "-o", LIST])
        if not ran.ok:
            return None
        rows = [_listed(line) for line in ran.out.splitlines()]
        good = [row for row in rows if row is not None]
        return good if len(good) == len(rows) else None

    def ended(self, scheduler_ids: Sequence[str]) -> Mapping[str, Status]:
        """``sacct``; where no accounting is kept, the log of completed jobs (``sacct -c``)."""
        options = ["-n", "-P", "-X", f"--jobs={','.join(scheduler_ids)}", f"--format={ACCOUNT}"]
        ran = self._run(["sacct", *options])
        ends = _accounted(ran.out, clock=UTC) if ran.ok else {}
        if ends:
            return ends
        all_steps = [word for word in options if word != "-X"]
        ran = self._run(["sacct", "-c", *all_steps])
        # The log of completions is text in the controller's own time zone, which is the cluster's.
        return _accounted(ran.out, clock=None) if ran.ok else {}

    def kill(self, scheduler_ids: Sequence[str]) -> None:
        """``scancel`` of all of them at once; unknown ones are passed over."""
        self._run(["scancel", "--quiet", *scheduler_ids])

    def queues(self) -> Limits:
        """Partitions that are up."""
        limits: dict[str, dict[str, int]] = {}
        for name, nodes, wall, cores in self._partitions("-e"):
            limit = limits.setdefault(name, {"max_nodes": 0})
            limit["max_nodes"] += nodes
            if wall:
                limit["max_walltime"] = wall
            if cores:
                limit["cores"] = min(cores, limit.get("cores", cores))
        return limits

    def windows(self) -> Mapping[str, Sequence[Mapping[str, int]]]:
        """Nodes that are idle now, for as long as their partition allows; Slurm tells no more of its backfill."""
        by_queue: dict[str, list[dict[str, int]]] = {}
        for name, nodes, wall, _ in self._partitions("-t", "idle"):
            by_queue.setdefault(name, []).append({"num_nodes": nodes, "wall_time_min": wall})
        return by_queue

    def _partitions(self, *more: str) -> list[tuple[str, int, int, int]]:
        """Name, nodes, minutes and cores of a node; one partition has a row for each kind of node."""
        ran = self._run(["sinfo", "-h", *more, "-o", "%R|%D|%l|%a|%c"])
        rows = [line.split("|") for line in ran.out.splitlines()] if ran.ok else []
        good = [row for row in rows if len(row) == 5 and row[3] == "up" and row[1].isdecimal() and row[1] != "0"]
        return [(name, int(nodes), minutes(wall), _count(cores)) for name, nodes, wall, _, cores in good]


def _count(text: str) -> int:
    """Of nodes that differ, Slurm prints the least, as ``4+``."""
    number = text.removesuffix("+")
    return int(number) if number.isdecimal() else 0


def _listed(line: str) -> Listed | None:
    parts = line.split("|", 9)
    if len(parts) < 10 or not parts[0]:
        return None
    number, word, start, end, reason, nodes, count, queue, wall, name = parts
    state = STATES.get(word, "unknown")
    info = {"scheduler_state": word, "nodes": nodes, "reason": "" if reason in ("None", word) else reason}
    began = _time(start, UTC) if state in ("running", "finished") else None
    ended = _time(end, UTC) if state == "finished" else None
    return Listed(
        number, name, Status(state, began, ended, {k: v for k, v in info.items() if v}), queue,
        int(count) if count.isdecimal() else 0, minutes(wall),
    )  # fmt: skip


def _accounted(text: str, *, clock: Any) -> dict[str, Status]:
    ends = {}
    for line in text.splitlines():
        parts = line.split("|")
        if len(parts) != 6 or not parts[0].isdecimal():
            continue
        number, word, start, end, code, nodes = parts
        state = STATES.get(word.split(" ")[0].rstrip("+"), "unknown")  # CANCELLED by 1000
        info = {"scheduler_state": word, "nodes": "" if nodes.startswith("None") else nodes, "exit_status": code}
        ended = _time(end, clock) if state == "finished" else None
        ends[number] = Status(state, _time(start, clock), ended, {k: v for k, v in info.items() if v})
    return ends


def _time(text: str, clock: Any) -> datetime | None:
    """An aware time; ``clock`` None means the zone of this machine."""
    try:
        naive = datetime.fromisoformat(text)
    except ValueError:
        return None  # N/A, Unknown
    return (naive.replace(tzinfo=clock) if clock else naive).astimezone(UTC)
