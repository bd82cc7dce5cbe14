"""Sessions: leasing jobs, reporting what became of them, and keeping the lease."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storax_agent.server.connection import CALL_SEC, Connection, Row
from storax_agent.server.storable import storable


@dataclass(frozen=True)
class Acquired:
    """Leased jobs, the Apps they use, and which leases of the session to stop, as ``{"id", "lease_epoch"}``.

    ``retried``: an earlier answer was lost on the way, perhaps with leases in it.
    """

    jobs: list[Row]
    apps: list[Row]
    cancel: list[Row]
    retried: bool = False


@dataclass(frozen=True)
class Answer:
    """What became of a report: ``refused`` rows are ``{"id", "code", "detail"}``, ``position`` is that of the last
    event that it made in the server's log; 0 where it made none."""

    accepted: list[int]
    refused: list[Row]
    cancel: list[Row]
    position: int = 0


@dataclass(frozen=True)
class Epoch:
    """The server's epoch, which a restore raises: its number (0: never restored), the last position that the log kept,
    and the number that every lease of it exceeds."""

    number: int = 0
    restored_to: int = 0
    lease_floor: int = 0


@dataclass(frozen=True)
class Beat:
    """The answer to a heartbeat: which leases of the session to stop, and the server's epoch."""

    cancel: list[Row]
    epoch: Epoch


class LeaseCalls(Connection):
    """Calls of a session; a NotFound means that the session is gone."""

    def open_session(self, site_id: int, *, ttl_sec: int, batch_job_id: int | None = None) -> int:
        """Open a session; returns its id."""
        body = {"site_id": site_id, "ttl_sec": ttl_sec, "batch_job_id": batch_job_id}
        return int(self.post("/sessions/", body)["id"])

    def heartbeat(self, session: int, status: Mapping[str, Any] | None = None, *, within: float) -> Beat:
        """Extend the session, and say how the agent is; a server of an earlier release does not read that."""
        body = {"agent": storable(status)} if status else {}
        row = self.row(self.call("POST", f"/sessions/{session}/heartbeat", body, deadline=within))
        epoch = Epoch(row.get("epoch", 0), row.get("restored_to", 0), row.get("lease_floor", 0))
        return Beat(list(row["cancel"]), epoch)

    def acquire(self, session: int, number: int, *, wait: float, limits: Mapping[str, Any] | None = None) -> Acquired:
        """Lease up to ``number`` jobs, waiting ``wait`` seconds for the first; ``limits`` narrow what is taken. Without
        ``states`` in them, jobs are leased whose next step is a hook, as well as those that may run."""
        body = {"max_num_jobs": number, "states": None, **(limits or {})}
        answer, retried = self.long_poll(f"/sessions/{session}/acquire", body, wait)
        return Acquired(answer["jobs"], answer["apps"], answer["cancel"], retried=retried)

    def report(
        self, session: int, entries: Sequence[Mapping[str, Any]], *, key: str, within: float = CALL_SEC
    ) -> Answer:
        """Report moves; ``key`` makes a repeated report one."""
        reply = self.call("POST", f"/sessions/{session}/report", {"reports": entries}, key=key, deadline=within)
        answer = self.row(reply)
        return Answer(answer["accepted"], answer["refused"], answer["cancel"], reply.position or 0)

    def close_session(self, session: int, *, within: float) -> None:
        """Give back all leases of the session."""
        self.call("DELETE", f"/sessions/{session}", None, deadline=within)

    def leased_pairs(self, session: int) -> list[tuple[int, int]]:
        """Id and epoch of the jobs that the server believes this session holds."""
        rows = self.query("jobs", {"session_id": session}, fields=["id", "lease_epoch"])
        return [(row["id"], row["lease_epoch"]) for row in rows]

    def leased_jobs(self, session: int) -> list[Row]:
        """The same jobs in full."""
        return self.query("jobs", {"session_id": session})

    def apps(self, ids: Sequence[int]) -> list[Row]:
        """Apps by id."""
        return self.query("apps", {"id": list(ids)}) if ids else []
