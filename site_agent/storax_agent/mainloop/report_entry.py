"""One row of a report: what became of a job under one lease, in the form that the outbox keeps and the server reads."""

from datetime import UTC, datetime
from typing import Any, NotRequired, TypedDict

from storax_agent.launch.work import Lease, Started
from storax_agent.server.storable import storable, storable_text

SET_ASIDE = "set_aside"  # why a report was refused: the server can be told nothing of this lease
_REDUCED = {"RUN_DONE": "RUN_ERROR", **{to: to for to in ("RUNNING", "RUN_ERROR", "RUN_TIMEOUT", "CANCELLED")}}


class Move(TypedDict):
    """One state move; ``at`` is an ISO date."""

    to: str
    at: str
    data: dict[str, Any]


class Entry(TypedDict):
    """``moves`` are in order, none where the job is only given back; ``patch`` are fields of the job to change,
    ``release`` is why it is given back, and ``jobs`` are to be created."""

    id: int
    lease_epoch: int
    attempt: int
    moves: list[Move]
    patch: NotRequired[dict[str, Any]]
    release: NotRequired[str]
    jobs: NotRequired[list[dict[str, Any]]]


def entry(lease: Lease, moves: list[Move], patch: dict[str, Any] | None = None) -> Entry:
    """One row of a report."""
    row: Entry = {"id": lease.job_id, "lease_epoch": lease.epoch, "attempt": lease.attempt, "moves": moves}
    if patch:
        row["patch"] = patch
    return row


def move(to: str, at: float, **data: Any) -> Move:
    """One state move; ``at`` is Unix time. Reasons are written so that the server takes them."""
    return {"to": to, "at": datetime.fromtimestamp(at, UTC).isoformat(), "data": storable(data)}


def running(started: Started) -> Entry:
    """The report of a process that started."""
    return entry(started.lease, [move("RUNNING", started.at)])


def with_start(entry: Entry, at: float) -> Entry:
    """The report of a run that has ended, with its start before it. The server counts a start once; should the report
    of the start be lost, this one still shows that there was a run."""
    if entry["moves"] and entry["moves"][0]["to"] != "RUNNING":
        entry["moves"].insert(0, move("RUNNING", at))
    return entry


def refusal(lease: Lease, at: float, reason: str) -> Entry:
    """The report of a job that this site will not run."""
    return entry(lease, [move("FAILED", at, message=reason[:2000])])


def cancelled(lease: Lease, at: float, patch: dict[str, Any] | None = None, *, flaw: str = "") -> Entry:
    """The report of a job that was stopped, or not started, because the server requested its cancellation.

    ``flaw`` says why its result is not in ``patch`` though it left one."""
    return entry(lease, [move("CANCELLED", at, message=f"cancelled; {flaw}" if flaw else "cancelled")], patch)


def given_back(lease: Lease, reason: str) -> Entry:
    """The report of a job that is not started here and may be elsewhere."""
    row = entry(lease, [])
    row["release"] = storable_text(reason[:500])
    return row


def reduced(entry: Entry, reason: str) -> Entry:
    """The report of a job whose own cannot be written or is refused: its moves without what it left behind, and why.
    A run that was done has failed, and so has a hook."""
    *before, last = entry["moves"]
    to = _REDUCED.get(last["to"], "FAILED")
    moves: list[Move] = [{"to": move["to"], "at": move["at"], "data": {}} for move in before]
    moves.append({"to": to, "at": last["at"], "data": {"message": storable_text(reason[:1000])}})
    return {"id": entry["id"], "lease_epoch": entry["lease_epoch"], "attempt": entry["attempt"], "moves": moves}


def merge(known: Entry, later: Entry) -> None:
    """Add later moves of the same lease to an entry. A start that is in it already, and whatever follows the end of the
    lease, came before and adds nothing."""
    if "release" in known or (known["moves"] and known["moves"][-1]["to"] != "RUNNING"):
        return
    known["moves"] += [move for move in later["moves"] if move["to"] != "RUNNING" or not known["moves"]]
    if "patch" in later:
        known["patch"] = later["patch"]
