"""What must hold after a run under faults. Each checker returns what does not, as sentences."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from chaos.kit.database import read
from chaos.kit.processes import processes_of
from storax_core.admin.verify import verify
from storax_core.lifecycle.states import JOB_DONE

JOBS = """SELECT job.id, state, attempt, parameters, site.name AS site FROM job JOIN job_state USING (id)
JOIN site ON site.id = job_state.site_id WHERE parameters ? 'serial' ORDER BY job.id"""
EVENTS = """SELECT position, entity_id, version, type, actor, from_state, to_state, data FROM event_log
WHERE entity = 'job' ORDER BY entity_id, version"""
POSITIONS = "SELECT position FROM event_log WHERE owner_id = $1 AND position <= $2 ORDER BY position"
ALL = 2**63 - 1
GAPS = """SELECT entity || ' ' || entity_id || ' has ' || count(*) || ' events up to version ' || max(version)
FROM event_log GROUP BY entity, entity_id HAVING count(*) <> max(version) OR min(version) <> 1 OR count(*) <> count(DISTINCT version)"""


def jobs(url: str, acknowledged: Mapping[int, int], cancelled: Iterable[int] = ()) -> list[str]:
    """Every acknowledged job ended as it should, and none exists twice. Jobs of others have no ``serial``.

    Args:
        url: Address of the database.
        acknowledged: Id of each job whose creation was acknowledged, by the number in its parameter ``serial``.
        cancelled: Numbers of those that a user cancelled, which may have ended either way.
    """
    rows = {row["id"]: row for row in read(url, JOBS)}
    serials = Counter(_serial(row) for row in rows.values())
    wrong = [f"job {job_id} (serial {n}) is lost" for n, job_id in acknowledged.items() if job_id not in rows]
    wrong += [f"serial {n} exists {number} times" for n, number in serials.items() if number > 1]
    spared = set(cancelled)
    for row in rows.values():
        serial = _serial(row)
        good = ("JOB_FINISHED", "CANCELLED") if serial in spared else ("JOB_FINISHED",)
        if row["state"] not in good:
            wrong.append(f"job {row['id']} (serial {serial}) is {row['state']}")
    return wrong


def _serial(row: Any) -> int:
    return int(orjson.loads(row["parameters"])["serial"])


def outputs(url: str, site: str, folder: Path) -> list[str]:
    """Every finished job of a site left its output in ``folder/<serial>/out``: its number."""
    done = [_serial(row) for row in read(url, JOBS) if row["state"] == "JOB_FINISHED" and row["site"] == site]
    files = {n: folder / str(n) / "out" for n in done}
    kept = {n: file.read_text().strip() for n, file in files.items() if file.exists()}
    return [f"the output of serial {n} is {kept.get(n)!r}" for n in done if kept.get(n) != str(n)]


def starts(url: str, site: str, folder: Path) -> list[str]:
    """No job's program was started more often than the log says; the program adds a line to ``runs`` at each start."""
    wrong = []
    for row in (row for row in read(url, JOBS) if row["site"] == site):
        file = folder / str(_serial(row)) / "runs"
        runs = file.read_text().count("run") if file.exists() else 0
        if runs > row["attempt"]:
            wrong.append(f"job {row['id']} was started {runs} times, of which the log knows {row['attempt']}")
    return wrong


def leases(url: str) -> list[str]:
    """A job has one holder at a time, whose epoch is higher than each before; it alone starts and ends the run."""
    wrong: list[str] = []
    histories: dict[int, list[Any]] = {}
    for event in read(url, EVENTS):
        histories.setdefault(event["entity_id"], []).append(event)
    for job, events in histories.items():
        wrong += [f"job {job}: {sentence}" for sentence in lease_faults(events)]
    return wrong


def lease_faults(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong with the leases in the history of one job; its events by version."""
    holder, epoch, wrong = None, 0, []
    for event in events:
        data = orjson.loads(event["data"])
        if event["type"] == "job.leased":
            if holder is not None:
                wrong.append(f"leased to session {data['session_id']} while session {holder} holds it")
            if data["lease_epoch"] <= epoch:
                wrong.append(f"leased under epoch {data['lease_epoch']} after {epoch}")
        elif event["to_state"] == "RUNNING" and event["actor"] != f"session:{holder}":
            wrong.append(f"started by {event['actor']} while session {holder} holds it")
        elif event["from_state"] == "RUNNING" and _is_foreign_session(event["actor"], holder):
            wrong.append(f"its run was ended by {event['actor']} while session {holder} holds it")
        holder, epoch = data.get("session_id", holder), max(epoch, data.get("lease_epoch") or 0)
        if event["to_state"] in JOB_DONE and holder is not None:
            wrong.append(f"ended in {event['to_state']} while session {holder} holds it")
    ends = sum(event["to_state"] == "JOB_FINISHED" for event in events)
    again = sum(event["from_state"] == "JOB_FINISHED" and event["to_state"] is not None for event in events)
    return wrong + ([f"finished {ends} times"] if ends - again > 1 else [])


def _is_foreign_session(actor: str, holder: int | None) -> bool:
    return actor.startswith("session:") and actor != f"session:{holder}"


def log(url: str) -> list[str]:
    """Versions of every thing are dense, from 1."""
    return [row[0] for row in read(url, GAPS)]


def projections(url: str) -> list[str]:
    """The tables are what the log folds to, and its rules hold: the same check as ``storax admin verify``."""
    report = asyncio.run(verify(url))
    wrong = [sample for entity in report["entities"].values() for sample in entity["samples"]]
    wrong += [f"{number} rows break the rule: {rule}" for rule, number in report["checks"].items() if number]
    left = report["differences"] - len(wrong)
    return wrong + ([f"and further differences: {left}"] if left > 0 else [])


def stream(url: str, owner: int, positions: Sequence[int], *, upto: int = ALL) -> list[str]:
    """A viewer saw each event of a user once, in the order of the log, up to a position that it has seen."""
    wanted = [row[0] for row in read(url, POSITIONS, owner, upto)]
    positions = [p for p in positions if p <= upto]  # a viewer adds to its own
    seen = Counter(positions)
    wrong = [f"position {p} was missed" for p in wanted if p not in seen]
    wrong += [f"position {p} came {n} times" for p, n in seen.items() if n > 1]
    wrong += [f"position {p} is not in the log" for p in sorted(seen.keys() - set(wanted))]
    if positions != sorted(positions):
        wrong.append("positions came out of order")
    return wrong


def processes(folder: Path) -> list[str]:
    """Nothing is left that runs in a folder or names it."""
    return [f"process {pid} is left: {_command(pid)}" for pid in processes_of(folder)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200]
    except OSError:
        return "gone by now"


def memory(peaks: Mapping[str, float], bound_mib: float) -> list[str]:
    """No process held more than the bound by itself."""
    return [
        f"{name} held {peak:.0f} MiB, more than {bound_mib:.0f}" for name, peak in peaks.items() if peak > bound_mib
    ]
